"""A small model of torch, the files that torch makes of it, and pickles in such files."""

from __future__ import annotations

import io
import pickle
from typing import Any

import torch

from marpack.archive.inspection.kinds import TensorKey
from tests.support.weights_files import members, zipped


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.norm = torch.nn.BatchNorm1d(4)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.norm(self.first(values))
        return found


def saved(value: object, **how: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **how)
    return file.getvalue()


def keys_of(state_dict: Any) -> tuple[TensorKey, ...]:
    """Return what torch says of a state_dict."""
    return tuple(
        TensorKey(name=name, shape=tuple(value.shape), dtype=str(value.dtype).removeprefix("torch."))
        if isinstance(value, torch.Tensor)
        else TensorKey(name=name, plain=True)
        for name, value in state_dict.items()
    )


NET = Net()
STATE = NET.state_dict()


def loads_weights_only(data: bytes) -> bool:
    try:
        torch.load(io.BytesIO(data), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        return False
    return True


SAVED_STATE = members(saved(STATE))


def in_zip(data: bytes) -> bytes:
    return zipped({**SAVED_STATE, "archive/data.pkl": data})


REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
REBUILD += b"X\x01\0\0\x000X\x03\0\0\0cpuK\x06tQK\0%s(K\x01t\x89NtR"
PART = REBUILD % b"K\x02K\x03\x86"
