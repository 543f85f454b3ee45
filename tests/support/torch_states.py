"""Models and state_dicts of every kind, and what is planned of one that is given as the weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

import marpack
from marpack import PlanError
from marpack.archive.sources import CHUNK_SIZE

LARGE = 3 * CHUNK_SIZE + 5
JIT: Any = torch.jit  # has no types


class Marked(torch.Tensor):
    """A tensor of a class of its own, which torch.load() takes only when told to."""


class Net(torch.nn.Module):
    """Has parameters, buffers, tied weights, extra state, and a name that is no file's."""

    name = "net"
    read = seek = None

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(300, 400)
        self.norm = torch.nn.BatchNorm1d(400)
        self.second = torch.nn.Linear(400, 400)
        self.tied = self.second

    def get_extra_state(self) -> dict[str, Any]:
        return {"labels": ["cat", "dog"], "weights": torch.ones(2)}

    def set_extra_state(self, state: object) -> None:
        pass


def quietly(make: Callable[..., torch.Tensor], *arguments: Any, **options: Any) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these kinds of tensors are said to be on trial, or on their way out
        return make(*arguments, **options)


BASE = torch.arange(100_000.0)
STATES: dict[str, Callable[[], dict[str, Any]]] = {
    "module": lambda: Net().state_dict(),
    "nothing": lambda: torch.nn.ReLU().state_dict(),
    "parameter": lambda: {"w": torch.nn.Parameter(torch.rand(3))},
    "0-dim": lambda: {"w": torch.tensor(2.5)},
    "empty": lambda: {"w": torch.empty(0), "v": torch.empty(3, 0)},
    "large": lambda: {"w": torch.rand(LARGE), "v": torch.rand(2, LARGE)},
    # More than are handed over before one is read.
    "long": lambda: {f"blocks.{number}.w": torch.rand(CHUNK_SIZE) for number in range(20)},
    "on the edge": lambda: {"w": torch.rand(CHUNK_SIZE // 4), "v": torch.rand(CHUNK_SIZE // 4 - 1)},
    "shared storage": lambda: {"w": BASE, "v": BASE, "part": BASE[5:9]},
    "slice of a larger storage": lambda: {"w": BASE[5:9]},
    "not contiguous": lambda: {"w": torch.rand(30, 40).t(), "v": torch.rand(1).expand(1000)},
    "shrunk": lambda: {"w": torch.rand(3), "v": _shrunk()},
    "bfloat16": lambda: {"w": torch.rand(7).bfloat16()},
    "int8": lambda: {"w": torch.ones(7, dtype=torch.int8)},
    "bool": lambda: {"w": torch.ones(7, dtype=torch.bool)},
    "complex": lambda: {"w": torch.ones(7, dtype=torch.complex64).conj()},
    "float8": lambda: {"w": torch.ones(7).to(torch.float8_e4m3fn)},
    "quantised": lambda: {"w": quietly(torch.quantize_per_tensor, torch.rand(LARGE), 0.1, 0, torch.qint8)},
    "sparse": lambda: {"w": torch.eye(5).to_sparse(), "v": quietly(torch.eye(5).to_sparse_csr)},
    "nested": lambda: {"w": quietly(torch.nested.nested_tensor, [torch.ones(2), torch.ones(LARGE)])},
    "of a class": lambda: {"w": torch.rand(3).as_subclass(Marked)},
    "not only tensors": lambda: {"w": torch.rand(3), "steps": 5, "_extra_state": {"t": torch.rand(3)}},
    "thousands": lambda: {f"layers.{number}.w": torch.rand(3) for number in range(3000)},
    "odd names": lambda: {"": torch.rand(3), "w\n/\ud800": torch.rand(3)},
}


def _shrunk() -> torch.Tensor:
    tensor = torch.rand(1000)
    tensor.untyped_storage().resize_(0)
    return tensor


def plan(serialized_file: Any, **arguments: Any) -> marpack.ArchivePlan:
    arguments = {"model_name": "m", "handler": "base_handler", "timestamp": 0, **arguments}
    return marpack.plan_archive(serialized_file=serialized_file, **arguments)


def entry(serialized_file: Any) -> marpack.Member:
    [entry] = plan(serialized_file).files
    return entry


def issue(**arguments: Any) -> marpack.Issue:
    with pytest.raises(PlanError) as caught:
        marpack.plan_archive(**{"model_name": "m", "handler": "base_handler", **arguments})
    [issue] = caught.value.issues
    return issue


def script() -> torch.jit.ScriptModule:
    scripted: torch.jit.ScriptModule = JIT.script(torch.nn.Linear(300, 400))
    return scripted
