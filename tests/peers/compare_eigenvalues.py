#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Top Hessian eigenvalues of the pretrained CIFAR ResNet-20 by other libraries, beside those of a run of ours.

The model is in evaluation mode; the objective is the mean cross-entropy over the first images of one file of CIFAR-10
binary records. tests/README.md says how to run this and what came out.
"""

import argparse
import csv
import json
import pathlib
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
RECORD = 1 + 3 * 32 * 32


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.padding = (outputs - inputs) // 2
        self.stride = stride

    def forward(self, x):
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        # Option A of the ResNet paper: every second pixel, missing channels are zero.
        shortcut = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.padding, self.padding))
        return functional.relu(y + shortcut)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[Block(16, 16, 1) for _ in range(3)])
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def load_model(path, dtype):
    state = torch.load(path, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    model = ResNet20()
    model.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
    return model.to(dtype).eval()


def load_images(path, count, dtype):
    raw = numpy.fromfile(path, numpy.uint8)
    if raw.size % RECORD or raw.size // RECORD < count:
        raise SystemExit(f"{path}: expected at least {count} whole records of {RECORD} bytes, found {raw.size} bytes")
    records = raw.reshape(-1, RECORD)[:count]
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).astype(numpy.float64) / 255
    pixels = (pixels - numpy.reshape(MEAN, (3, 1, 1))) / numpy.reshape(DEVIATION, (3, 1, 1))
    return torch.tensor(pixels, dtype=dtype), torch.tensor(records[:, 0].astype(numpy.int64))


def by_pyhessian(model, images, labels, options):
    from pyhessian import hessian

    torch.manual_seed(options.seed)
    operator = hessian(model, nn.CrossEntropyLoss(), data=(images, labels), cuda=False)
    values, _ = operator.eigenvalues(maxIter=options.iterations, tol=options.tolerance, top_n=options.top)
    return values


def by_hessian_eigenthings(model, images, labels, options):
    from hessian_eigenthings import HessianOperator, lanczos

    def loss(network, batch):
        return functional.cross_entropy(network(batch[0]), batch[1])

    operator = HessianOperator(model, [(images, labels)], loss)
    result = lanczos(operator, k=options.top, max_iter=options.iterations, tol=options.tolerance,
                     reorthogonalize=True, which="LA", seed=options.seed)
    print("residuals |Av - λv| / |λ|:", " ".join(f"{r / abs(v):.1e}" for r, v in
                                              zip(result.residuals.tolist(), result.eigenvalues.tolist())))
    return result.eigenvalues.tolist()


def by_scipy(model, images, labels, options):
    """ARPACK over plain double backward: no code of the other libraries, so it can arbitrate in float64."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    parameters = list(model.parameters())
    size = sum(p.numel() for p in parameters)
    loss = functional.cross_entropy(model(images), labels)
    gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, parameters, create_graph=True)])

    def product(vector):
        v = torch.as_tensor(vector.reshape(-1).copy(), dtype=gradient.dtype)
        parts = torch.autograd.grad(gradient, parameters, grad_outputs=v, retain_graph=True)
        return torch.cat([p.reshape(-1) for p in parts]).numpy()

    operator = LinearOperator((size, size), matvec=product, dtype=gradient.detach().numpy().dtype)
    start = numpy.random.default_rng(options.seed).standard_normal(size)
    values, vectors = eigsh(operator, k=options.top, which="LA", tol=options.tolerance, v0=start, ncv=options.basis,
                            maxiter=options.iterations)
    order = numpy.argsort(values)[::-1]
    residuals = [numpy.linalg.norm(product(vectors[:, i]) - values[i] * vectors[:, i]) / abs(values[i]) for i in order]
    print("residuals |Av - λv| / |λ|:", " ".join(f"{r:.1e}" for r in residuals))
    return values[order].tolist()


LIBRARIES = {"pyhessian": by_pyhessian, "hessian-eigenthings": by_hessian_eigenthings, "scipy": by_scipy}
ITERATIONS = {"pyhessian": 1000, "hessian-eigenthings": 40, "scipy": 100}


def read_ours(run, split, top):
    """The model's largest eigenvalues in the last epoch of a run directory's spectrum.csv."""
    with open(pathlib.Path(run) / "spectrum.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file)
                if row["operator"] == "hessian" and row["scope"] == "model" and row["split"] == split
                and int(row["index"]) > 0]
    if not rows:
        raise SystemExit(f"{run}/spectrum.csv: no eigenvalues of operator hessian, scope model, split {split}")
    last = max(int(row["epoch"]) for row in rows)
    values = {int(row["index"]): float(row["eigenvalue"]) for row in rows if int(row["epoch"]) == last}
    if any(index not in values for index in range(1, top + 1)):
        raise SystemExit(f"{run}/spectrum.csv: fewer than {top} eigenvalues in epoch {last}")
    return [values[index] for index in sorted(values)]


def read_vectors(run):
    """The eigenvectors in a run directory's directions.safetensors: index -> flat float tensor."""
    content = (pathlib.Path(run) / "directions.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    vectors = {}
    for name, entry in json.loads(content[8 : 8 + size]).items():
        if name.startswith("eigenvector:") and "/" not in name:
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            assert entry["dtype"] == "F32", entry
            vectors[int(name.partition(":")[2])] = torch.frombuffer(bytearray(content[begin:end]), dtype=torch.float32)
    return vectors


def verify(model, images, labels, run, split, batch=64):
    """The residual of every eigenpair of the run by plain double backward in float64; returns the largest."""
    parameters = list(model.parameters())
    values = dict(enumerate(read_ours(run, split, 1), 1))
    vectors = {index: read_vectors(run)[index].double() for index in values}
    products = {index: torch.zeros_like(vector) for index, vector in vectors.items()}
    for begin in range(0, len(images), batch):
        x, y = images[begin : begin + batch], labels[begin : begin + batch]
        loss = functional.cross_entropy(model(x), y, reduction="sum") / len(images)
        gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, parameters, create_graph=True)])
        for index, vector in vectors.items():
            parts = torch.autograd.grad(gradient, parameters, grad_outputs=vector, retain_graph=True)
            products[index] += torch.cat([p.reshape(-1) for p in parts])
    worst = 0.0
    for index, vector in vectors.items():
        residual = (products[index] - values[index] * vector).norm().item() / abs(values[index])
        print(f"{index}  {values[index]:.17g}  residual in float64 {residual:.2e}")
        worst = max(worst, residual)
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True, help="resnet20-12fca82f.th")
    parser.add_argument("--data", required=True, help="folder with data_batch_1.bin and test_batch.bin")
    parser.add_argument("--library", choices=LIBRARIES, default="hessian-eigenthings")
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--top", type=int, default=5)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="the library's own")
    parser.add_argument("--iterations", type=int, default=0,
                        help="power steps per eigenvalue, Lanczos steps, or restarts; 0: " + str(ITERATIONS))
    parser.add_argument("--basis", type=int, default=20, help="scipy: Lanczos vectors between restarts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--ours", metavar="RUN_DIR", help="compare with this run's spectrum.csv")
    parser.add_argument("--verify", action="store_true",
                        help="no library: the residual of every pair of --ours in float64 (directions belong to one split)")
    parser.add_argument("--limit", type=float, default=1e-3, help="largest relative difference that passes")
    options = parser.parse_args()
    options.iterations = options.iterations or ITERATIONS[options.library]

    torch.set_num_threads(options.threads)
    dtype = torch.float64 if options.verify else getattr(torch, options.dtype)
    model = load_model(options.weights, dtype)
    file = "data_batch_1.bin" if options.split == "train" else "test_batch.bin"
    images, labels = load_images(pathlib.Path(options.data) / file, options.samples, dtype)
    with torch.no_grad():
        scores = model(images)
        print(f"{options.split}, {options.samples} images: loss {functional.cross_entropy(scores, labels).item():.9g}, "
              f"accuracy {(scores.argmax(1) == labels).double().mean().item():.6g}")

    if options.verify:
        worst = verify(model, images, labels, options.ours, options.split)
        print(f"largest residual {worst:.2e}, limit {options.limit:.0e}")
        return 0 if worst <= options.limit else 1

    start = time.process_time()
    theirs = LIBRARIES[options.library](model, images, labels, options)
    print(f"{options.library}, {options.dtype}: {time.process_time() - start:.0f} s of CPU")

    ours = read_ours(options.ours, options.split, options.top) if options.ours else None
    worst = 0.0
    for index, value in enumerate(theirs):
        line = f"{index + 1}  {value:.17g}"
        if ours:
            difference = abs(ours[index] - value) / abs(value)
            worst = max(worst, difference)
            line += f"  {ours[index]:.17g}  {difference:.2e}"
        print(line)
    if ours:
        print(f"largest relative difference {worst:.2e}, limit {options.limit:.0e}")
    return 0 if worst <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
