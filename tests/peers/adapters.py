# SPDX-License-Identifier: GPL-3.0-or-later
"""PyHessian, hessian-eigenthings and curvlinops behind one interface that counts Hessian-vector products.

An adapter is made for one problem and some of its parameters; a library is imported by the adapter that uses it.
"""

import importlib
import math

import numpy
import torch
from torch import nn
from torch.nn import functional

RESIDUAL = 1e-3


class Problem:
    """A network, its batches of images and labels (all of one size), and the mean cross-entropy over them."""

    def __init__(self, model, batches):
        self.model = model
        self.batches = batches

    def layers(self, wanted):
        """module name -> names of its own parameters: for every convolution and linear layer, for all, or some."""
        found = {}
        for name, module in self.model.named_modules():
            parameters = [f"{name}.{own}" for own, _ in module.named_parameters(recurse=False)]
            kind = isinstance(module, (nn.Conv2d, nn.Linear)) or wanted != "weights"
            if parameters and kind and (wanted in ("weights", "all") or name in wanted.split(",")):
                found[name] = parameters
        if not found or wanted not in ("weights", "all") and len(found) != len(wanted.split(",")):
            raise SystemExit(f"layers {wanted}: not all of them are layers of the network")
        return found

    def gradient(self):
        """One gradient by plain PyTorch, batch by batch."""
        parameters = list(self.model.parameters())
        total = [torch.zeros_like(p) for p in parameters]
        for images, labels in self.batches:
            loss = functional.cross_entropy(self.model(images), labels)
            for sum_, part in zip(total, torch.autograd.grad(loss, parameters)):
                sum_.add_(part, alpha=1 / len(self.batches))
        return total


class Counter:
    """Hessian-vector products done so far."""

    def __init__(self):
        self.products = 0

    def wrap(self, function, columns=lambda *_: 1):
        """The function, counting as many products per call as `columns` says of its arguments."""

        def counted(*arguments):
            result = function(*arguments)
            self.products += columns(*arguments)
            return result

        return counted


class Adapter:
    """`parameters` are names; None stands for all."""

    distribution = ""  # on PyPI
    module = ""  # imported by load()
    note = ""  # what to know of every number of this adapter
    draws = 0

    def __init__(self, problem, counter, parameters=None):
        self.library = self.load()
        self.setup(problem, counter, parameters)

    @classmethod
    def load(cls):
        return importlib.import_module(cls.module)

    def setup(self, problem, counter, parameters):
        raise NotImplementedError

    def product(self, vector):
        """One product with a flat vector."""
        raise NotImplementedError

    def eigenpairs(self, top, settings):
        """Values and flat vectors of the largest eigenvalues."""
        raise NotImplementedError

    def trace_samples(self):
        """One or more values zᵀAz for fresh Rademacher vectors z."""
        raise NotImplementedError

    def density(self, probes, steps):
        """Stochastic Lanczos quadrature; returns (smallest, largest) node or grid point."""
        raise NotImplementedError


class PyHessian(Adapter):
    distribution = "PyHessian"
    module = "pyhessian.hessian"

    def setup(self, problem, counter, parameters):
        # It has no notion of a layer: it takes the parameters that require a gradient.
        for name, parameter in problem.model.named_parameters():
            parameter.requires_grad_(parameters is None or name in parameters)
        self.make(problem, counter)

    def make(self, problem, counter):
        self.operator = self.library.hessian(problem.model, nn.CrossEntropyLoss(), dataloader=problem.batches,
                                             cuda=problem.batches[0][0].is_cuda)
        self.operator.dataloader_hv_product = counter.wrap(self.operator.dataloader_hv_product)

    def split(self, vector):
        parts = vector.split([p.numel() for p in self.operator.params])
        return [part.reshape(p.shape) for part, p in zip(parts, self.operator.params)]

    def product(self, vector):
        return self.operator.dataloader_hv_product(self.split(vector))[1]

    def eigenpairs(self, top, settings):
        values, vectors = self.operator.eigenvalues(top_n=top, maxIter=settings["maxIter"], tol=settings["tol"])
        return values, [torch.cat([part.reshape(-1) for part in vector]) for vector in vectors]

    def trace_samples(self):
        # Its own stopping rule compares successive means; it is not a standard error.
        return self.operator.trace(maxIter=1, tol=-math.inf)

    def density(self, probes, steps):
        # PyTorch has removed what its density() calls.
        def eig(matrix, eigenvectors):
            values, vectors = torch.linalg.eigh(matrix)
            return torch.stack([values, torch.zeros_like(values)], 1), vectors

        torch.eig = eig
        nodes, _ = self.operator.density(iter=steps, n_v=probes)
        return float(numpy.min(nodes)), float(numpy.max(nodes))


class PyHessianOneBatch(PyHessian):
    """All images in one batch: the only way in which PyHessian keeps the gradient's graph between products."""

    note = "one batch of all images, its graph kept"

    def make(self, problem, counter):
        data = tuple(torch.cat(parts) for parts in zip(*problem.batches))
        problem.model.zero_grad()  # its backward() adds to what is there
        self.operator = self.library.hessian(problem.model, nn.CrossEntropyLoss(), data=data,
                                             cuda=data[0].is_cuda)
        self.plain = importlib.import_module("pyhessian.utils").hessian_vector_product
        self.library.hessian_vector_product = counter.wrap(self.plain)

    def product(self, vector):
        return self.plain(self.operator.gradsH, self.operator.params, self.split(vector))


class Replayed:
    """An operator that is asked for the same products again and again, each time some more, and does each once."""

    def __init__(self, operator):
        self.operator, self.done, self.next = operator, [], 0
        self.size, self.dtype, self.device = operator.size, operator.dtype, operator.device

    def matvec(self, vector):
        if self.next == len(self.done):
            self.done.append(self.operator.matvec(vector))
        self.next += 1
        return self.done[self.next - 1]


def residuals_after(run, steps, top):
    """The largest relative residual of the top pairs after the first steps of hessian-eigenthings' Lanczos run."""
    alphas, betas = run.alphas[:steps].double(), [*run.betas.tolist(), run.last_beta]
    offs = torch.tensor(betas[: steps - 1], dtype=torch.float64)
    values, vectors = torch.linalg.eigh(torch.diag(alphas) + torch.diag(offs, 1) + torch.diag(offs, -1))
    return (vectors[-1, -top:].abs() * betas[steps - 1] / values[-top:].abs()).max().item()


class HessianEigenthings(Adapter):
    distribution = "hessian-eigenthings"
    module = "hessian_eigenthings"

    def setup(self, problem, counter, parameters):
        def loss(model, batch):
            return functional.cross_entropy(model(batch[0]), batch[1])

        chosen = None if parameters is None else lambda name, _: name in parameters
        self.operator = self.library.HessianOperator(problem.model, problem.batches, loss, param_filter=chosen)
        self.operator.matvec = counter.wrap(self.operator.matvec)

    def product(self, vector):
        return self.operator.matvec(vector)

    def needed_steps(self, top):
        """The fewest Lanczos steps after which its residuals of all wanted pairs are RESIDUAL |λ| or less."""
        start = torch.randn(self.operator.size, generator=torch.Generator().manual_seed(self.draws))
        start = start.to(self.operator.device)
        products, capacity = Replayed(self.operator), 2 * top + 20
        while True:
            products.next = 0
            run = self.library.lanczos_tridiagonal(products, start, capacity, reorthogonalize=True)
            for steps in range(max(top, 2), capacity + 1):
                if residuals_after(run, steps, top) < RESIDUAL:
                    return steps
            capacity *= 2

    def eigenpairs(self, top, settings):
        result = self.library.lanczos(self.operator, k=top, max_iter=settings["steps"], tol=RESIDUAL,
                                      reorthogonalize=True, which="LA", seed=self.draws)
        return result.eigenvalues.tolist(), list(result.eigenvectors)

    def trace_samples(self):
        # Without a seed, every call would draw the same vectors.
        self.draws += 1
        return self.library.hutchinson(self.operator, num_samples=1, seed=self.draws).samples.tolist()

    def density(self, probes, steps):
        result = self.library.spectral_density(self.operator, num_runs=probes, lanczos_steps=steps, seed=self.draws)
        return result.raw_eigenvalues.min().item(), result.raw_eigenvalues.max().item()


class Curvlinops(Adapter):
    distribution = "curvlinops-for-pytorch"
    module = "curvlinops"

    def setup(self, problem, counter, parameters):
        chosen = [p for name, p in problem.model.named_parameters() if parameters is None or name in parameters]
        self.operator = self.library.HessianLinearOperator(problem.model, nn.CrossEntropyLoss(), chosen,
                                                           problem.batches, check_deterministic=False)
        self.operator._matmat = counter.wrap(self.operator._matmat, lambda matrix: matrix[0].shape[-1])

    def product(self, vector):
        return self.operator @ vector

    def eigenpairs(self, top, settings):
        from scipy.sparse.linalg import eigsh

        start = numpy.random.default_rng(0).standard_normal(self.operator.shape[0])
        values, vectors = eigsh(self.operator.to_scipy(), k=top, which="LA", tol=settings["tol"], v0=start)
        order = numpy.argsort(values)[::-1]
        kind = {"dtype": self.operator.dtype, "device": self.operator.device}
        return values[order].tolist(), [torch.tensor(vectors[:, i], **kind) for i in order]

    def trace_samples(self):
        return [self.library.hutchinson_trace(self.operator, num_matvecs=1).item()]

    def density(self, probes, steps):
        grid, _ = self.library.lanczos_approximate_spectrum(self.operator, ncv=steps, num_repeats=probes)
        return grid.min().item(), grid.max().item()


class CurvlinopsFourAtOnce(Curvlinops):
    """Four probes in one product with a matrix, which vmap runs faster than four products with vectors."""

    note = "four probes at once"

    def trace_samples(self):
        # hutchinson_trace(A, 4) does the same and returns the mean alone.
        probes = torch.randint(0, 2, (self.operator.shape[0], 4)).to(self.operator.device, self.operator.dtype) * 2 - 1
        return (probes * (self.operator @ probes)).sum(0).tolist()


class CurvlinopsSharedProbes(Curvlinops):
    """What a user can write on top: one product of the whole network's Hessian serves every layer."""

    note = "z∘Hz cut into layers by hand"

    def setup(self, problem, counter, parameters):
        super().setup(problem, counter, parameters)
        self.owners = {name: p.numel() for name, p in problem.model.named_parameters()}

    def layer_samples(self, layers):
        """layer -> zᵀAz of its block, for one z of the whole network."""
        probe = torch.randint(0, 2, (self.operator.shape[0],)).to(self.operator.device, self.operator.dtype) * 2 - 1
        terms = (probe * (self.operator @ probe)).double().split(list(self.owners.values()))
        sums = {name: part.sum().item() for name, part in zip(self.owners, terms)}
        return {layer: sum(sums[name] for name in names) for layer, names in layers.items()}


ADAPTERS = {
    "pyhessian": PyHessian,
    "pyhessian (one batch)": PyHessianOneBatch,
    "hessian-eigenthings": HessianEigenthings,
    "curvlinops": Curvlinops,
    "curvlinops (four at once)": CurvlinopsFourAtOnce,
    "curvlinops (shared probes)": CurvlinopsSharedProbes,
}
