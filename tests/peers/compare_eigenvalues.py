#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Top Hessian eigenvalues of the pretrained CIFAR ResNet-20 by other libraries, beside those of a run of ours.

The model is in evaluation mode; the objective is the mean cross-entropy over the first images of one file of CIFAR-10
binary records. tests/README.md says how to run this and what came out.
"""

import argparse
import csv
import pathlib
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

from models import load_images, load_model, read_safetensors, relative_residuals


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
    tensors = read_safetensors(pathlib.Path(run) / "directions.safetensors")
    return {int(name.partition(":")[2]): tensor.reshape(-1) for name, tensor in tensors.items()
            if name.startswith("eigenvector:") and "/" not in name}


def verify(model, images, labels, run, split, batch=64):
    """The residual of every eigenpair of the run by plain double backward in float64; returns the largest."""
    values = read_ours(run, split, 1)
    vectors = read_vectors(run)
    batches = list(zip(images.split(batch), labels.split(batch)))
    residuals = relative_residuals(model, batches, values,
                                   [vectors[index].double() for index in range(1, len(values) + 1)])
    for index, (value, residual) in enumerate(zip(values, residuals), 1):
        print(f"{index}  {value:.17g}  residual in float64 {residual:.2e}")
    return max(residuals)


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
    model = load_model("resnet20", options.weights, dtype)
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
