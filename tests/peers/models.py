# SPDX-License-Identifier: GPL-3.0-or-later
"""What the comparisons with other libraries have in common: networks, weights, images and plain double backward.

Names of parameters, their order and the arithmetic are those of Eigenscape's own zoo.
"""

import json
import pathlib

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


class MixerBlock(nn.Module):
    def __init__(self, tokens, width, hidden):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.token1 = nn.Linear(tokens, hidden)
        self.token2 = nn.Linear(hidden, tokens)
        self.norm2 = nn.LayerNorm(width)
        self.channel1 = nn.Linear(width, hidden)
        self.channel2 = nn.Linear(hidden, width)

    def forward(self, x):
        y = self.token2(functional.gelu(self.token1(self.norm1(x).transpose(1, 2))))
        x = x + y.transpose(1, 2)
        return x + self.channel2(functional.gelu(self.channel1(self.norm2(x))))


class Mixer(nn.Module):
    """MLP-Mixer on 3×32×32 images: 64 patches of 4×4 pixels, width 64, four blocks. GELU is the exact one."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(3 * 4 * 4, 64)
        self.blocks = nn.Sequential(*[MixerBlock(64, 64, 128) for _ in range(4)])
        self.norm = nn.LayerNorm(64)
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        # Tokens go row by row; within a patch, channel by channel, then row by row, as a convolution's weight does.
        patches = x.reshape(-1, 3, 8, 4, 8, 4).permute(0, 2, 4, 1, 3, 5).reshape(-1, 64, 48)
        return self.linear(self.norm(self.blocks(self.embed(patches))).mean(1))


class Mlp(nn.Module):
    """1,001,526 parameters."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3 * 32 * 32, 300)
        self.fc2 = nn.Linear(300, 256)
        self.fc3 = nn.Linear(256, 10)

    def forward(self, x):
        x = functional.relu(self.fc1(x.flatten(1)))
        return self.fc3(functional.relu(self.fc2(x)))


class ProjectedBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return functional.relu(self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(ProjectedBlock(64, 64, 1), ProjectedBlock(64, 64, 1))
        self.layer2 = nn.Sequential(ProjectedBlock(64, 128, 2), ProjectedBlock(128, 128, 1))
        self.layer3 = nn.Sequential(ProjectedBlock(128, 256, 2), ProjectedBlock(256, 256, 1))
        self.layer4 = nn.Sequential(ProjectedBlock(256, 512, 2), ProjectedBlock(512, 512, 1))
        self.linear = nn.Linear(512, 10)

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        return self.linear(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


NETWORKS = {"resnet20": ResNet20, "mixer": Mixer, "mlp-1m": Mlp, "resnet18": ResNet18}


def read_safetensors(path):
    """name -> tensor of a .safetensors file."""
    content = pathlib.Path(path).read_bytes()
    size = int.from_bytes(content[:8], "little")
    dtypes = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    tensors = {}
    for name, entry in json.loads(content[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        flat = torch.frombuffer(bytearray(content[begin:end]), dtype=dtypes[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def read_state_dict(path):
    """The state dict in a .safetensors file or a file of torch.save, plain or within a checkpoint."""
    if str(path).endswith(".safetensors"):
        return read_safetensors(path)
    state = torch.load(path, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    return {name.removeprefix("module."): value for name, value in state.items()}


def load_model(name, path, dtype):
    """The network in evaluation mode; without a path, PyTorch's initial weights of seed 0."""
    torch.manual_seed(0)
    model = NETWORKS[name]()
    if path:
        model.load_state_dict(read_state_dict(path))
    return model.to(dtype).eval()


def load_images(path, count, dtype):
    """The first images of a file of CIFAR-10 binary records, normalised, and their labels."""
    raw = torch.frombuffer(bytearray(pathlib.Path(path).read_bytes()), dtype=torch.uint8)
    if len(raw) % RECORD or len(raw) // RECORD < count:
        raise SystemExit(f"{path}: expected at least {count} whole records of {RECORD} bytes, found {len(raw)} bytes")
    records = raw.reshape(-1, RECORD)[:count]
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).double() / 255
    mean, deviation = (torch.tensor(value, dtype=torch.float64).reshape(3, 1, 1) for value in (MEAN, DEVIATION))
    return ((pixels - mean) / deviation).to(dtype), records[:, 0].long()


def plain_products(model, batches, vectors):
    """The products of the mean loss's Hessian with flat vectors, by double backward without any library."""
    parameters = list(model.parameters())
    count = sum(len(labels) for _, labels in batches)
    products = [torch.zeros_like(vector) for vector in vectors]
    for images, labels in batches:
        loss = functional.cross_entropy(model(images), labels, reduction="sum") / count
        gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, parameters, create_graph=True)])
        for product, vector in zip(products, vectors):
            parts = torch.autograd.grad(gradient, parameters, grad_outputs=vector, retain_graph=True)
            product += torch.cat([part.reshape(-1) for part in parts])
    return products


def relative_residuals(model, batches, values, vectors):
    """‖Av − λv‖ / |λ| of each pair, v brought to unit length."""
    vectors = [vector / vector.norm() for vector in vectors]
    products = plain_products(model, batches, vectors)
    return [(product - value * vector).norm().item() / abs(value)
            for product, value, vector in zip(products, values, vectors)]
