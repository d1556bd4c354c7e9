#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measurement of benchmark.py in a process of its own, so that its peak memory is its own.

The one argument is a JSON object with benchmark.py's options, a library and a case; the last line of the output is a
JSON list of rows.
"""

import gc
import json
import pathlib
import resource
import signal
import statistics
import sys
import time

import torch

from adapters import ADAPTERS, Counter, Problem
from models import load_images, load_model, plain_products, relative_residuals

PROBES = (10, 200)  # fewest before a standard error is believed, and most; those of core/curvature/trace.h
TRACE, LAYER_TRACES = 0.02, 0.05  # standard errors asked for
DENSITY_STEPS = 80  # of each probe


class Cap:
    """Ends a block after so many seconds; `reached` tells that from another failure."""

    class Reached(Exception):
        pass

    def __init__(self, seconds):
        self.seconds = seconds
        self.reached = False

    def stop(self, *_):
        self.reached = True
        raise Cap.Reached

    def __enter__(self):
        signal.signal(signal.SIGALRM, self.stop)
        # Raised again after a while: an exception within a destructor is lost.
        signal.setitimer(signal.ITIMER_REAL, self.seconds, 5)
        return self

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def finish_work(device):
    if device == "cuda":
        torch.cuda.synchronize()


def device_mb():
    """What the GPU holds, of all processes; PyTorch does not give back what it freed."""
    free, total = torch.cuda.mem_get_info()
    return (total - free) / 2**20


def mean_and_error(samples):
    return statistics.fmean(samples), statistics.stdev(samples) / len(samples) ** 0.5


def settled(samples, tolerance):
    if len(samples) < PROBES[0]:
        return False
    mean, error = mean_and_error(samples)
    return error <= tolerance * abs(mean)


def layer_summary(samples):
    """A row's part for layer -> samples: the largest relative standard error of those told apart from zero."""
    estimates = {layer: (*mean_and_error(values), len(values)) for layer, values in samples.items()}
    told = {layer: error / abs(mean) for layer, (mean, error, _) in estimates.items() if abs(mean) >= 2 * error}
    late = sum(error > LAYER_TRACES for error in told.values())
    note = f"{len(told)} of {len(estimates)} layers' traces told apart from zero"
    if late:
        note += f", {late} of them above {LAYER_TRACES:.0%} after {PROBES[1]} probes"
    return {"standard_error": max(told.values(), default=None), "layers": estimates, "note": note}


class Job:
    def __init__(self, options):
        self.options = options
        self.counter = Counter()
        torch.set_num_threads(options["threads"])
        self.device = options["device"]
        if self.device == "cuda":
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
            torch.backends.cudnn.benchmark = options["timed_kernels"]
        images, labels = load_images(pathlib.Path(options["data"]) / "test_batch.bin", options["images"], torch.float32)
        images, labels = images.to(self.device), labels.to(self.device)
        self.batches = list(zip(images.split(options["batch"]), labels.split(options["batch"])))
        self.problem = Problem(self.model(torch.float32), self.batches)
        torch.manual_seed(options["seed"])

    def model(self, dtype):
        return load_model(self.options["model"], self.options["weights"], dtype).to(self.device)

    def adapter(self, parameters=None):
        return ADAPTERS[self.options["library"]](self.problem, self.counter, parameters)

    def run(self):
        """The rows of the case. Peaks include what every process takes; checks come after clock and peak."""
        measure = getattr(self, self.options["case"].replace("-", "_"))
        cap = Cap(self.options["cap"])
        try:
            rows = measure(cap)
        except Exception:
            # PyTorch turns what is raised within a callback from C++ into an exception of its own.
            if not cap.reached:
                raise
            rows = [{"seconds": None, "products": self.counter.products, "note": f"> {cap.seconds:g} s"}]
        checks = [row.pop("check", None) for row in rows]
        for row in rows:
            row["peak_mb"] = device_mb() if self.device == "cuda" else peak_mb()
        for row, check in zip(rows, checks):
            if check and self.options["verify"] != "none":
                check(row)
        return rows

    def compare(self, row, vector, theirs):
        """The distance of a product from double backward's in float64, and that of double backward in float32."""
        if not torch.is_tensor(theirs):
            theirs = torch.cat([part.reshape(-1) for part in theirs])
        batches = [(images.double(), labels) for images, labels in self.batches]
        exact = plain_products(self.model(torch.float64), batches, [vector.double()])[0]
        plain = plain_products(self.model(torch.float32), self.batches, [vector])[0]
        row["product_error"], row["plain_error"] = (((product - exact).norm() / exact.norm()).item()
                                                    for product in (theirs, plain))
        if row["product_error"] > 10 * row["plain_error"]:
            row["note"] = f"wrong by {row['product_error']:.1e}"

    def warm_up(self):
        """One product off the clock: the first one imports parts of PyTorch and sets kernels up."""
        self.adapter().product(self.vector())
        finish_work(self.device)
        self.problem.model.zero_grad()
        gc.collect()
        self.counter.products = 0

    def vector(self):
        return torch.randn(sum(p.numel() for p in self.problem.model.parameters())).to(self.device)

    def timed(self, cap, work):
        """The row of the work, from the making of an adapter on."""
        self.warm_up()
        with cap:
            start = time.perf_counter()
            row = work()
            finish_work(self.device)
            seconds = time.perf_counter() - start
        return [{"seconds": seconds, "products": self.counter.products, **row}]

    def verify(self, row, values, vectors):
        """The residuals by plain double backward."""
        dtype = getattr(torch, self.options["verify"])
        batches = [(images.to(dtype), labels) for images, labels in self.batches]
        residuals = relative_residuals(self.model(dtype), batches, values, [vector.to(dtype) for vector in vectors])
        row.update(residual=max(residuals), eigenvalues=list(values))
        if min(values) < 0:
            row["note"] = "some eigenvalues are negative: it orders by magnitude"

    # One method per case.

    def baseline(self, _):
        ADAPTERS[self.options["library"]].load()
        return [{}]

    def product(self, cap):
        """A product and a gradient take turns, so that a slow moment of the machine hits both."""
        adapter = self.adapter()
        vector = self.vector()
        works = {"product": lambda: adapter.product(vector), "gradient": self.problem.gradient}
        seconds = {case: [] for case in works}
        with cap:
            for round_ in range(1 + self.options["repeats"]):
                for case, work in works.items():
                    start = time.perf_counter()
                    work()
                    finish_work(self.device)
                    if round_:
                        seconds[case].append(time.perf_counter() - start)
        rows = [{"case": case, "seconds": statistics.median(times), "minimum": min(times),
                 "products": int(case == "product")} for case, times in seconds.items()]
        theirs = adapter.product(vector)
        rows[0]["check"] = lambda row: self.compare(row, vector, theirs)
        return rows

    def steps(self, cap):
        with cap:
            return [{"steps": self.adapter().needed_steps(self.options["top"])}]

    def eigenpairs(self, cap):
        top, settings = self.options["top"], self.options["settings"]

        def work():
            pairs = self.adapter().eigenpairs(top, settings)
            return {"check": lambda row: self.verify(row, *pairs)}

        return self.timed(cap, work)

    def trace(self, cap):
        def work():
            adapter, samples = self.adapter(), []
            while not settled(samples, TRACE):
                samples += adapter.trace_samples()
            mean, error = mean_and_error(samples)
            return {"estimate": mean, "standard_error": error / abs(mean)}

        return self.timed(cap, work)

    def layer_traces(self, cap):
        layers = self.problem.layers(self.options["layers"])
        shared = hasattr(ADAPTERS[self.options["library"]], "layer_samples")
        work = self.all_layers if shared else self.layer_by_layer
        return self.timed(cap, lambda: layer_summary(work(layers)))

    def layer_by_layer(self, layers):
        samples = {}
        for layer, parameters in layers.items():
            adapter, samples[layer] = self.adapter(parameters), []
            while not settled(samples[layer], LAYER_TRACES) and len(samples[layer]) < PROBES[1]:
                samples[layer] += adapter.trace_samples()
            del adapter  # and its graph, before the next one is made
        return samples

    def all_layers(self, layers):
        adapter, samples = self.adapter(), {layer: [] for layer in layers}
        for _ in range(PROBES[1]):
            for layer, value in adapter.layer_samples(layers).items():
                samples[layer].append(value)
            if all(settled(values, LAYER_TRACES) for values in samples.values()):
                break
        return samples

    def density(self, cap):
        def work():
            probes = self.options["probes"]
            ends = self.adapter().density(probes, DENSITY_STEPS)
            note = f"{probes} probe{'' if probes == 1 else 's'}, from {ends[0]:.4g} to {ends[1]:.4g}"
            return {"ends": ends, "note": note}

        return self.timed(cap, work)


def main():
    rows = Job(json.loads(sys.argv[1])).run()
    for row in rows:
        row["torch"] = torch.__version__
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
