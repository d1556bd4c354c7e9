# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrote the files beside it, with PyTorch 2.13 and numpy 2.4. They are kept so that the readers are tried on what
PyTorch itself writes. Every tensor is arange(n).reshape(shape) unless its name says otherwise."""
import argparse
import collections
import os
import pickle

import numpy
import torch


class Harm:
    def __reduce__(self):
        return os.system, ("touch harm-was-done",)


def arange(*shape, dtype=torch.float32):
    return torch.arange(int(numpy.prod(shape))).reshape(shape).to(dtype)


whole = arange(4, 6)
types = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"]
state = collections.OrderedDict()
for name in types:
    state[name] = arange(2, 3, dtype=getattr(torch, name))
state["bool"] = torch.tensor([True, False, True])
state["scalar"] = torch.tensor(7)
state["empty"] = torch.empty(0, 3)
state["whole"] = whole  # the next four share its storage
state["rows_1_2"] = whole[1:3]
state["column_2"] = whole[:, 2]
state["transposed"] = whole.t()
state["expanded"] = whole[0, 3].expand(2, 2)  # 3, four times
state["parameter"] = torch.nn.Parameter(arange(3))
state._metadata = {"": {"version": 1}}
torch.save(state, "types.pt")
torch.save(state, "types_old.pt", _use_new_zipfile_serialization=False)

net = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)))
for tensor in net.state_dict().values():
    tensor.copy_(arange(*tensor.shape) if tensor.dim() else torch.tensor(5))
optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
checkpoint = {"epoch": 3, "best_prec1": torch.tensor(91.5), "args": argparse.Namespace(lr=0.1),
              "state_dict": net.state_dict(), "optimizer": optimizer.state_dict()}
torch.save(checkpoint, "checkpoint.pth")
torch.save(checkpoint, "checkpoint_old.th", _use_new_zipfile_serialization=False)
torch.save(net.module, "module.pt")
torch.save({"weight": arange(2), "harm": Harm()}, "harm.pt")
torch.jit.script(net.module).save("script.pt")

arrays = {"w": arange(2, 3).numpy(), "fortran": numpy.asfortranarray(arange(2, 3).numpy()),
          "i": arange(4, dtype=torch.int64).numpy()}
for protocol in (2, 4):
    with open(f"arrays{protocol}.pkl", "wb") as file:
        pickle.dump(arrays, file, protocol=protocol)
with open("big_endian.pkl", "wb") as file:
    pickle.dump({"w": arrays["w"].astype(">f4")}, file, protocol=2)
