"""Tensors that are the archive's own bytes, as torch and safetensors would find them."""

from __future__ import annotations

import io
import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.torch
import torch

import marpack
from tests.support.memory_map import mapped_at

if TYPE_CHECKING:
    from pathlib import Path

# Above what is aligned.
SHAPES = {"layer.weight": (700, 500), "layer.bias": (700,)}


def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {name: torch.rand(shape) for name, shape in SHAPES.items()}


def tensor_in(view: memoryview, shape: tuple[int, ...], offset: int) -> torch.Tensor:
    with warnings.catch_warnings():
        # torch knows no tensors that cannot be written to.
        warnings.filterwarnings("ignore", "The given buffer is not writable")
        count = int(np.prod(shape))
        return torch.frombuffer(view, dtype=torch.float32, count=count, offset=offset).reshape(shape)


def packed(weights: Path, folder: Path) -> Path:
    result = marpack.pack(
        model_name="m",
        version="1.0",
        handler="base_handler",
        serialized_file=weights,
        archive_format="auto",
        export_path=folder,
    )
    return folder / result.path


def test_safetensors(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    safetensors.torch.save_file(state(), weights)
    path = packed(weights, tmp_path)
    with marpack.open_archive(path) as archive:
        view = archive.map(weights.name)
    length = int.from_bytes(view[:8], "little")
    header = json.loads(bytes(view[8 : 8 + length]))
    whole = safetensors.torch.load(bytes(view))
    for name, expected in state().items():
        begin, end = header[name]["data_offsets"]
        tensor = tensor_in(view, SHAPES[name], 8 + length + begin)
        array = np.frombuffer(view[8 + length + begin : 8 + length + end], "<f4")
        assert torch.equal(tensor, expected)
        assert torch.equal(whole[name], expected)
        place = path.read_bytes().index(expected.numpy().tobytes())
        assert mapped_at(tensor.data_ptr()) == mapped_at(array.ctypes.data) == (str(path), place)


def test_a_file_of_torch(tmp_path: Path) -> None:
    weights = tmp_path / "model.pt"
    torch.save(state(), weights)
    path = packed(weights, tmp_path)
    with marpack.open_archive(path) as archive:
        view = archive.map(weights.name)
        with archive.open(weights.name) as file:
            loaded = torch.load(file, weights_only=True)  # type: ignore[arg-type]  # it asks for all of IO[bytes]
    again = torch.load(io.BytesIO(view), weights_only=True)
    records: Any = torch._C.PyTorchFileReader(io.BytesIO(view))
    for number, (name, expected) in enumerate(state().items()):
        tensor = tensor_in(view, SHAPES[name], records.get_record_offset(f"data/{number}"))
        assert torch.equal(loaded[name], expected)
        assert torch.equal(again[name], expected)
        assert torch.equal(tensor, expected)
        # torch aligns its records, and auto aligns the file of which they are a part.
        assert tensor.data_ptr() % 64 == 0
        place = path.read_bytes().index(expected.numpy().tobytes())
        assert mapped_at(tensor.data_ptr()) == (str(path), place)
