#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times PyHessian, hessian-eigenthings and curvlinops on the networks, images and threads of our own benchmark.

Every measurement is a process of its own; its row goes into a JSON file as soon as it is known. `--ours` measures our
own rows first and prints the file as one Markdown table at the end, `--table` prints such files. tests/README.md says
how to run this.
"""

import argparse
import importlib.metadata
import json
import math
import os
import pathlib
import re
import subprocess
import sys

from table import key, print_table

CASES = {"a": ["product"], "b": ["top-1", "top-5", "top-20"], "c": ["trace"], "d": ["layer-traces"], "e": ["density"]}
RESIDUAL = 1e-3
DISTRIBUTIONS = {"pyhessian": "PyHessian", "hessian-eigenthings": "hessian-eigenthings",
                 "curvlinops": "curvlinops-for-pytorch"}
# Which cases a library or a variant of its use is for.
LIBRARIES = {"pyhessian": "abcde", "pyhessian (one batch)": "abcde", "hessian-eigenthings": "abcde",
             "curvlinops": "abcde", "curvlinops (four at once)": "cd", "curvlinops (shared probes)": "d"}
# Tried in turn until the residual is reached; each is a row.
SETTINGS = {
    "pyhessian": [{"maxIter": 100, "tol": 1e-3}, {"maxIter": 100, "tol": 1e-6}, {"maxIter": 1000, "tol": 1e-8}],
    "curvlinops": [{"tol": 1e-3}, {"tol": 3e-4}],
}
# Between two calls, a worker also imports, loads and checks residuals.
SLACK = 3600


def family(library):
    return library.partition(" (")[0]


class Failure(Exception):
    """A worker that ended without rows."""


def environment(options):
    return {**os.environ, **{f"{name}_NUM_THREADS": str(options.threads) for name in ("OMP", "MKL", "OPENBLAS")}}


def work(options, library, case, **more):
    """The rows of one worker process. This process imports no torch: a child's peak would count from there."""
    job = {**vars(options), "library": library, "case": case, **more}
    command = [sys.executable, str(pathlib.Path(__file__).with_name("worker.py")), json.dumps(job)]
    try:
        done = subprocess.run(command, env=environment(options), capture_output=True, text=True,
                              timeout=job["cap"] + SLACK)
    except subprocess.TimeoutExpired:
        raise Failure(f"killed after {job['cap'] + SLACK:g} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise Failure("failed: " + (f"signal {-done.returncode}" if done.returncode < 0 else lines[-1]))
    return json.loads(done.stdout.strip().splitlines()[-1])


def printed(command, pattern):
    """What the pattern's group matches in a command's output; None where it does not run or prints no such thing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    found = re.search(pattern, done.stdout)
    return found and found.group(1)


def measure_ours(options):
    """Runs eigenscape_bench on the same problem and cases, into the same file."""
    own = printed([options.ours, "--version"], r"LibTorch (\d+\.\d+\.\d+)")
    theirs = printed([sys.executable, "-c", "import torch; print(torch.__version__)"], r"(\d+\.\d+\.\d+)")
    if own is None or own != theirs:
        raise SystemExit(f"{options.ours}: its LibTorch is {own or 'not told'}, this Python's PyTorch "
                         f"{theirs or 'not to be found'}; build it with the same one")
    cases = []
    for letter, names in CASES.items():
        cases += [name for name in names if letter in options.cases or name in options.cases]
    command = [options.ours, "--cases", ",".join(["product,gradient" if name == "product" else name for name in cases])]
    for name in ("model", "data", "weights", "images", "batch", "threads", "device", "probes", "cap", "verify"):
        command += [f"--{name}", str(getattr(options, name))]
    command += ["--json", options.out] + ["--timed-kernels"] * options.timed_kernels
    print("eigenscape:", flush=True)
    if subprocess.run(command, env=environment(options)).returncode:
        raise SystemExit(f"{options.ours}: failed")


def finite(value):
    """The value with None for what is no number: JSON has no word for it, and ours reads the file, too."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Results:
    """The rows of a JSON file; a measurement's new rows replace those of earlier runs."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.old = json.loads(self.path.read_text()) if self.path.exists() else []
        self.new = []

    def add(self, row):
        self.old = [other for other in self.old if key(other) != key(row)]
        self.new.append(finite(row))
        self.path.write_text(json.dumps(self.old + self.new, indent=1) + "\n")
        error = row.get("residual") if row.get("residual") is not None else row.get("standard_error")
        print(f"{row['model']} {row['library']} {row['case']}: {row['seconds']} s, {row['products']} products, "
              f"error {error}, {row['peak_mb']} MB; {row['note']}", flush=True)


class Benchmark:
    def __init__(self, options):
        self.options = options
        self.results = Results(options.out)
        self.baselines = {}

    def run(self):
        for library in self.options.libraries:
            for letter, cases in CASES.items():
                for case in cases if letter in LIBRARIES[library] else []:
                    if letter in self.options.cases or case in self.options.cases:
                        self.measure(library, case)

    def measure(self, library, case):
        if case.startswith("top-"):
            self.eigenpairs(library, case, int(case[4:]))
        else:
            self.record(library, case, case)

    def eigenpairs(self, library, case, top):
        if library == "hessian-eigenthings":
            return self.eigenthings_pairs(library, case, top)
        for settings in SETTINGS[family(library)]:
            rows = self.record(library, case, "eigenpairs", top=top, settings=settings)
            if rows[-1]["seconds"] is None or rows[-1].get("residual", 1) <= RESIDUAL:
                break

    def eigenthings_pairs(self, library, case, top):
        """It takes a number of steps, not a residual: the least that suffice are found first, off the clock."""
        if self.options.steps:
            self.record(library, case, "eigenpairs", top=top, settings={"steps": self.options.steps})
            return
        try:
            steps = work(self.options, library, "steps", top=top, cap=4 * self.options.cap)[0]
        except Failure as failure:
            steps = {"note": str(failure)}
        if "steps" in steps:
            self.record(library, case, "eigenpairs", top=top, settings={"steps": steps["steps"]})
        else:
            note = f"{steps['note']} in the search for its number of steps"
            self.finish(library, case, {"seconds": None, "note": note})

    def record(self, library, case, kind, **more):
        try:
            rows = work(self.options, library, kind, **more)
            self.relieve(library, rows)
        except Failure as failure:
            rows = [{"seconds": None, "note": str(failure)}]
        return [self.finish(library, case, row, more.get("settings")) for row in rows]

    def relieve(self, library, rows):
        """Takes off the peaks what a process takes that imports the same and loads the same."""
        if library not in self.baselines:
            self.baselines[library] = work(self.options, library, "baseline")[0]["peak_mb"]
        for row in rows:
            row["peak_mb"] = round(row["peak_mb"] - self.baselines[library], 1)

    def finish(self, library, case, row, settings=None):
        options = self.options
        notes = [f"{name} {value:g}" for name, value in (settings or {}).items()] + [row.pop("note", "")]
        full = {"model": options.model, "library": library,
                "version": importlib.metadata.version(DISTRIBUTIONS[family(library)]),
                "torch": None, "case": case, "threads": options.threads, "images": options.images,
                "batch": options.batch, "device": options.device,
                "probes": options.probes if case == "density" else None,
                "seconds": None, "products": None, "peak_mb": None, **row}
        full["settings"] = settings
        full["note"] = ", ".join(note for note in notes if note)
        self.results.add(full)
        return full


def listed(allowed):
    def parse(text):
        values = [value.strip() for value in text.split(",")]
        unknown = [value for value in values if value not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(allowed)}")
        return values

    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", nargs="+", metavar="JSON", help="print these files' rows and do nothing else")
    parser.add_argument("--ours", metavar="EIGENSCAPE_BENCH",
                        help="run this program on the same first and print the table of --out at the end")
    parser.add_argument("--model", choices=("resnet20", "mixer", "mlp-1m", "resnet18"))
    parser.add_argument("--data", help="folder with test_batch.bin, CIFAR-10 binary records")
    parser.add_argument("--weights", help="state dict, .safetensors or of torch.save; without: initial, seed 0")
    parser.add_argument("--images", type=int, default=512, help="the first so many; a multiple of --batch")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cases", type=listed([*CASES, *sum(CASES.values(), [])]), default=list(CASES),
                        help="a product and gradient, b eigenpairs, c trace, d layer traces, e density, or one "
                             "measurement, as top-5; default all")
    parser.add_argument("--libraries", type=listed(LIBRARIES), default=list(LIBRARIES),
                        help="default: " + ",".join(LIBRARIES))
    parser.add_argument("--layers", default="weights",
                        help="of case d: weights (convolutions and linear layers), all, or names; default weights")
    parser.add_argument("--out", default="peers.json", help="rows are merged into this file")
    parser.add_argument("--cap", type=float, default=3600, help="seconds after which a measurement is given up")
    parser.add_argument("--repeats", type=int, default=7, help="of case a, after one round to warm up")
    parser.add_argument("--verify", choices=("float32", "float64", "none"), default="float32",
                        help="precision of residuals and of a product's error")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda: without TF32")
    parser.add_argument("--timed-kernels", action="store_true", help="on a GPU: torch.backends.cudnn.benchmark")
    parser.add_argument("--steps", type=int, default=0,
                        help="Lanczos steps of hessian-eigenthings; default: the least that suffice")
    parser.add_argument("--probes", type=int, default=10, help="of case e; default 10")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.table and not (options.model and options.data):
        parser.error("--model and --data are needed")
    if options.images % options.batch:
        parser.error("--images must be a multiple of --batch: hessian-eigenthings weighs batches equally")
    if options.model == "resnet20" and not options.weights:
        parser.error("resnet20 needs --weights")
    if options.ours and not options.weights:
        parser.error("--ours needs --weights: initial weights are not the same")
    return options


def print_tables(paths):
    print_table([row for path in paths for row in json.loads(pathlib.Path(path).read_text())])


def main():
    options = parse_arguments()
    if options.table:
        return print_tables(options.table)
    if options.ours:
        measure_ours(options)
    Benchmark(options).run()
    if options.ours:
        print_tables([options.out])


if __name__ == "__main__":
    main()
