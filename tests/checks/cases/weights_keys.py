"""State dicts whose names are not those of the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.weights import BIAS, NET, STATE_DICT, WEIGHT, eager, saved

# A model of two parts.
PARTS = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Linear(2, 1)
"""


def text(name: str) -> bytes:
    """A text, as pickle writes it."""
    data = name.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def state(values: Mapping[str, bytes]) -> bytes:
    """A state_dict with these values, as pickles."""
    return saved(b"ccollections\nOrderedDict\n)R(" + b"".join(text(k) + v for k, v in values.items()) + b"u")


def named(weight: str, bias: str, **more: bytes) -> bytes:
    """A state_dict of a layer whose tensors have these names, and more."""
    return state({weight: WEIGHT, bias: BIAS, **more})


def of(data: bytes, source: str = NET) -> Archive:
    archive = eager(data)
    return dataclasses.replace(archive, files={**archive.files, "net.py": source})


def case(title: str, data: bytes, says: str, source: str = NET, repaired: bytes = STATE_DICT) -> Case:
    return Case(
        code="weights-keys",
        title=title,
        broken=of(data, source),
        repaired=of(repaired, source),
        fails="worker",
        says=says,
    )


TWO = named("encoder.weight", "encoder.bias")
UNEXPECTED = r"Unexpected key\(s\) in state_dict: "

CASES = [
    case("of DataParallel", named("module.weight", "module.bias"), rf"{UNEXPECTED}\"module\.weight\""),
    case("of torch.compile", named("_orig_mod.weight", "_orig_mod.bias"), rf"{UNEXPECTED}\"_orig_mod\.weight\""),
    case("of AveragedModel", named("module.weight", "module.bias", n_averaged=BIAS), rf"{UNEXPECTED}.*n_averaged"),
    case(
        "of a part that was compiled",
        named("encoder._orig_mod.weight", "encoder._orig_mod.bias"),
        rf"{UNEXPECTED}\"encoder\._orig_mod\.weight\"",
        PARTS,
        TWO,
    ),
    case(
        "parametrized",
        state(
            {"bias": BIAS, "parametrizations.weight.original0": BIAS, "parametrizations.weight.original1": WEIGHT}
        ),
        rf"{UNEXPECTED}\"parametrizations",
    ),
    case(
        "with adapters",
        named("base_model.model.weight", "base_model.model.bias"),
        rf"{UNEXPECTED}\"base_model\.model",
    ),
    case("and a number", named("weight", "bias", epoch=b"K\3"), rf"{UNEXPECTED}\"epoch\""),
    case(
        "of another model",
        named("model.encoder.weight", "model.encoder.bias"),
        rf"{UNEXPECTED}\"model\.encoder",
        PARTS,
        TWO,
    ),
]
