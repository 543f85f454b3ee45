"""What is no model of torch, or is one that cannot be saved."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

import marpack
from tests.support.torch_states import BASE, Net, issue, plan, script

# A DeprecationWarning, and from torch 2.14 on a FutureWarning.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")


def test_script_module_that_the_disk_cannot_take(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=300 * 400 * 4))
    with pytest.raises(OSError, match="No space left"):
        plan(script())
    assert list(temporary.iterdir()) == []


class Unreadable(dict[Any, Any]):
    """Says that it has something, and does not give it."""

    def items(self) -> NoReturn:
        raise LookupError("lost")

    values = items


class NoPairs(dict[Any, Any]):
    def items(self) -> Any:
        return [1, 2]


class NotAMapping(torch.nn.Module):
    def state_dict(self, *_: Any, **__: Any) -> Any:
        return 5


class Failing(torch.nn.Module):
    def state_dict(self, *_: Any, **__: Any) -> NoReturn:
        raise LookupError("lost")


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (lambda: {"model": Net().state_dict(), "epoch": 3}, "bad-value", "the one under 'model' alone"),
        (lambda: {"model": Net(), "epoch": 3}, "bad-value", "the one under 'model' alone"),
        (lambda: {"best": torch.tensor(1), "model": {"w": BASE}}, "bad-value", "the one under 'model' alone"),
        (lambda: {"w.pt": {"model": Net().state_dict()}}, "bad-value", "the one under 'model' alone"),
        (lambda: {"w.pt": {"model": Net().state_dict(), "epoch": 3}}, "bad-value", "the one under 'model' alone"),
        (lambda: {1: BASE}, "bad-value", "names for its keys, not 1"),
        (lambda: {"w": BASE, None: 3}, "bad-value", "names for its keys, not None"),
        (lambda: {"w": torch.empty(3, device="meta")}, "bad-value", "'w' is on the device 'meta'"),
        (lambda: torch.nn.Linear(3, 4, device="meta"), "bad-value", "'weight' is on the device 'meta'"),
        (lambda: {"w": BASE, "f": lambda: None}, "bad-value", "torch cannot save it"),
        (lambda: {"w": BASE, "f": threading.Lock()}, "bad-value", "cannot pickle '_thread.lock' object"),
        (lambda: {"w": BASE, "v": BASE.to(torch.uint8).view(torch.int8)[:0]}, None, ""),
        (lambda: {"w": BASE, "v": BASE.view(torch.int32)}, "bad-value", "view the same data as different types"),
        (lambda: BASE, "bad-type", "or a module or state_dict of torch"),
        (lambda: {"w.pt": [BASE]}, "bad-type", "or a module or state_dict of torch"),
        (lambda: Unreadable(w=BASE), "bad-value", "the mapping cannot be read: LookupError('lost')"),
        (lambda: {"w.pt": Unreadable(w=BASE)}, "bad-type", "cannot take"),
        # torch.load of 2.13 goes by the name.
        (lambda: {"w.safetensors": {"w": BASE}}, "bad-value", "Call it .pt, or give what safetensors.torch.save("),
        (lambda: {"w.safetensors": torch.nn.Linear(3, 4)}, "bad-value", "'w.safetensors' is a name for"),
        (lambda: {"w.safetensors": b"of safetensors"}, None, ""),
        (lambda: {"w.SAFETENSORS": {"w": BASE}}, None, ""),
        (lambda: NoPairs(w=BASE), "bad-value", "the mapping cannot be read: TypeError"),
        (NotAMapping, "bad-value", "torch cannot save it (AttributeError: 'int' object"),
        (Failing, "bad-value", "torch cannot save it (LookupError: lost)"),
    ],
)
def test_what_is_wrong_with_a_model(make: Callable[[], object], code: str | None, message: str) -> None:
    if code is None:
        plan(make())
        return
    found = issue(serialized_file=make())
    assert (found.argument, found.code) == ("serialized_file", code)
    assert message in found.message


@pytest.mark.parametrize("arguments", [{"handler": {"h.py": BASE}}, {"extra_files": {"w.pt": BASE}}])
def test_tensor_is_no_file(arguments: dict[str, Any]) -> None:
    assert [issue(**arguments).argument] == list(arguments)


def test_a_wrapper_that_fails_is_told_as_torch_failing() -> None:
    class Failing(torch.nn.Linear):
        @property
        def module(self) -> None:
            raise RuntimeError("not here")

    Failing.__module__, Failing.__qualname__ = "torch.nn.parallel.data_parallel", "DataParallel"
    with pytest.raises(marpack.MarpackError, match="not here"):
        marpack.plan_archive(model_name="m", handler="h", serialized_file={"m.pt": Failing(2, 2)})
