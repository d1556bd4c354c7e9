#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the PyTorch code of docs/quantization.md to a run of ours.

Reads the code out of the document, applies each setting of the run's bits.json to the float weights and compares the
loss and accuracy on CIFAR-10 images with those in settings.csv; quantized/*.safetensors has to hold the same weights.

    apply_bits.py --run DIR --weights FILE --images test_batch.bin --count N [--model resnet20]
"""

import argparse
import csv
import json
import pathlib
import re
import sys

import torch
from torch.nn import functional

from models import load_images, load_model, read_safetensors

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "quantization.md"


def documented_code():
    """The names that the first Python block of the document defines."""
    block = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)
    names = {}
    exec(compile(block.group(1), str(DOCUMENT), "exec"), names)
    return names


def measure(model, images, labels):
    with torch.no_grad():
        outputs = torch.cat([model(part) for part in images.split(256)])
    loss = functional.cross_entropy(outputs.double(), labels).item()
    return loss, (outputs.argmax(1) == labels).double().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--model", default="resnet20")
    options = parser.parse_args()

    code = documented_code()
    images, labels = load_images(options.images, options.count, torch.float32)
    with open(options.run / "settings.csv") as stream:
        ours = {row["setting"]: row for row in csv.DictReader(stream)}
    settings = json.loads((options.run / "bits.json").read_text())["settings"]
    worst = 0.0
    for name in [one["name"] for one in settings]:
        model = load_model(options.model, options.weights, torch.float32)
        code["apply_bits"](model, options.run / "bits.json", name)
        loss, accuracy = measure(model, images, labels)
        difference = abs(loss - float(ours[name]["loss"]))
        worst = max(worst, difference)
        print(f"{name}: loss {loss:.7f} here, {float(ours[name]['loss']):.7f} in the run, "
              f"accuracy {100 * accuracy:.2f} % and {100 * float(ours[name]['accuracy']):.2f} %")
        stored = read_safetensors(options.run / "quantized" / f"{name}.safetensors")
        for key, value in model.state_dict().items():
            if key in stored and not torch.equal(stored[key], value):
                sys.exit(f"{name}: {key} in quantized/ is not what the code gives")
    if worst > 1e-5:
        sys.exit(f"the losses differ by {worst:.2g}")


if __name__ == "__main__":
    main()
