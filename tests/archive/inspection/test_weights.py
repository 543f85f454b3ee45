"""What files of torch.save are, told from their bytes, held against what torch makes and loads."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import replace
from typing import Any

import numpy
import pytest
import torch

from marpack.archive.inspection.weights_only import lists_of
from tests.support.torch_files import NET, STATE, Net, keys_of, loads_weights_only, saved
from tests.support.weights_files import bad_sum, described

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


class OwnWay(Net):
    """A model that pickles its own way."""

    def __reduce__(self) -> tuple[object, ...]:
        return made_of_layers, (list(self.children()),)


def made_of_layers(layers: list[torch.nn.Module]) -> OwnWay:
    return OwnWay()


class Extra(Net):
    def get_extra_state(self) -> object:
        return {"labels": ["cat", "dog"], "weights": torch.ones(2)}

    def set_extra_state(self, state: object) -> None:
        pass


class Marked(torch.Tensor):
    """A tensor of a class of its own."""


class Settings:
    """Anything of the user's."""

    def __init__(self) -> None:
        self.rate = 0.1


def many_kinds() -> dict[str, torch.Tensor]:
    """Return a tensor of each kind that is pickled its own way."""
    marked = torch.ones(2, 3)
    marked.label = "cat"  # type: ignore[attr-defined]
    names = "float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64"
    names += " complex128 float8_e4m3fn float8_e5m2"
    return {
        **{name: torch.zeros(2, 1, dtype=getattr(torch, name)) for name in names.split()},
        "parameter": torch.nn.Parameter(torch.ones(5)),
        "marked": marked,
        "subclass": torch.ones(4).as_subclass(Marked),
        "subclass.parameter": torch.nn.Parameter(torch.ones(4).as_subclass(Marked)),
        "sparse": torch.eye(3).to_sparse(),
        "quantised": torch.quantize_per_tensor(torch.ones(6), 0.1, 0, torch.qint8),
        "channels": torch.quantize_per_channel(torch.ones(2, 3), torch.ones(2), torch.zeros(2), 0, torch.quint8),
        "meta": torch.empty(7, 8, device="meta"),
        "scalar": torch.tensor(1.0),
        "empty": torch.empty(0, 3),
        "view": torch.arange(12).view(3, 4)[1:, ::2],
        "conjugate": torch.ones(2, dtype=torch.complex64).conj(),
    }


TRACED = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 2)))
with warnings.catch_warnings():  # quantised tensors are on their way out
    warnings.simplefilter("ignore")
    KINDS = many_kinds()
OPTIMISER = torch.optim.Adam(NET.parameters())

# Each value that torch saves, the kind, what a checkpoint holds.
SAVED: dict[str, tuple[Any, str, tuple[str, ...]]] = {
    "state_dict": (STATE, "state_dict", ()),
    "plain dict": (dict(STATE), "state_dict", ()),
    "parameters": (dict(NET.named_parameters()), "state_dict", ()),
    "kinds": (KINDS, "state_dict", ()),
    "extra state": (Extra().state_dict(), "state_dict", ()),
    "no tensors": (torch.nn.ReLU().state_dict(), "state_dict", ()),
    "tied": ({"first": STATE["first.weight"], "second": STATE["first.weight"]}, "state_dict", ()),
    "with a number": ({**STATE, "steps": 3}, "state_dict", ()),
    "checkpoint": (
        {"model": STATE, "optimiser": OPTIMISER.state_dict(), "epoch": 3, "loss": torch.ones(1)},
        "checkpoint",
        ("model",),
    ),
    "two models": ({"ema": dict(STATE), "model": NET, "args": [1]}, "checkpoint", ("ema", "model")),
    "checkpoint with settings": ({"state_dict": STATE, "settings": Settings()}, "checkpoint", ("state_dict",)),
    "lightning": (
        {"state_dict": STATE, "hyper_parameters": {"rate": 0.1}, "pytorch-lightning_version": "2"},
        "checkpoint",
        ("state_dict",),
    ),
    "module": (NET, "module", ()),
    "layer": (torch.nn.Linear(2, 2), "module", ()),
    "sequential": (torch.nn.Sequential(NET, torch.nn.ReLU()), "module", ()),
    "traced": (TRACED, "module", ()),
    "own way": (OwnWay(), "module", ()),
    "tensor": (torch.ones(3), "pickle", ()),
    "layers": ([torch.nn.Linear(2, 2)], "pickle", ()),
    "list": ([torch.ones(3)], "pickle", ()),
    "none": (None, "pickle", ()),
    "number": (5, "pickle", ()),
    "empty": ({}, "pickle", ()),
    "optimiser": (OPTIMISER.state_dict(), "pickle", ()),
    "settings": (Settings(), "pickle", ()),
    "values": ({"a": 1, "b": [1, 2], "c": {"d": {1, 2}}, "e": b"x", "f": 1j}, "pickle", ()),
    "numpy": ({"mean": numpy.ones(2)}, "pickle", ()),
}

HOWS: dict[str, dict[str, Any]] = {
    "zip": {},
    "legacy": {"_use_new_zipfile_serialization": False},
    **{f"protocol {number}": {"pickle_protocol": number} for number in (3, 4, 5)},
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", SAVED)
def test_what_torch_saves(name: str, how: str) -> None:
    value, kind, holds = SAVED[name]
    if value is KINDS and how == "legacy":  # came after it
        value = {name: item for name, item in value.items() if not re.match("uint16|uint32|uint64|float8", name)}
    data = saved(value, **HOWS[how])
    found = described(data)
    assert (found.kind, found.holds, found.legacy) == (kind, holds, how == "legacy"), found
    assert found.keys == (keys_of(value) if kind == "state_dict" else None)
    assert found.globals_complete
    assert found.weights_only_refuses == (not loads_weights_only(data))
    if how == "zip":
        assert set(found.refused_globals) == set(
            torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
        )
    assert set(found.refused_globals) == set(found.globals) - lists_of((99, 0))[0]


def without_sums(value: object) -> bytes:
    torch.serialization.set_crc32_options(False)
    try:
        return saved(value)
    finally:
        torch.serialization.set_crc32_options(True)


@pytest.mark.parametrize("name", ["kinds", "lightning", "module", "numpy"])
def test_a_zip_without_sums(name: str) -> None:
    value = SAVED[name][0]
    whole, data = described(saved(value)), without_sums(value)
    assert bad_sum(data) is not None
    torch.load(io.BytesIO(data), weights_only=False)
    assert whole.sums is None
    assert described(data) == replace(whole, sums="none")


def test_details() -> None:
    assert described(saved(STATE)).detail == "a state_dict of 7 tensors"
    assert described(saved({"a": torch.ones(1)})).detail == "a state_dict of 1 tensor"
    legacy = described(saved(STATE, _use_new_zipfile_serialization=False))
    assert legacy.detail == "a state_dict of 7 tensors, in torch's format from before 1.6"
    assert described(saved(NET)).detail == "a whole model, 'tests.support.torch_files.Net'"
    many = described(saved({f"part{number}": STATE for number in range(5)}))
    assert many.detail == "a checkpoint that holds 'part0', 'part1', 'part2' and 2 more"
    made_by_what_was_made = described(b"\x80\x02cm\nf\n)R)R.")
    assert made_by_what_was_made.detail == "a pickle of an object of an unknown class, not of torch.save"
    legacy = described(saved(NET, _use_new_zipfile_serialization=False))
    assert legacy.detail == f"a whole model, '{Net.__module__}.Net', in torch's format from before 1.6"


def test_no_word_of_what_a_file_would_do() -> None:
    for name, (value, _, _) in SAVED.items():
        assert "safe" not in described(saved(value)).detail, name
