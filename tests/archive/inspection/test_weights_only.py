"""What ``weights_only=True`` allows, by torch's release, held against the torch that is installed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marpack.archive.inspection import weights_only
from marpack.archive.inspection.weights_only import Allowed, allowed
from tests.support import weights_only as torchs_lists
from tests.support.weights_files import described

OPCODES = b"\x80c."
NESTED = "torch._utils._rebuild_nested_tensor"
SUMMARY = "traceback.StackSummary"


@pytest.mark.slow
def test_the_lists_are_those_of_torch() -> None:
    torchs = torchs_lists.asked()
    assert len(torchs.names) > 120
    assert torchs_lists.differences(torchs) == []
    # And it would show what they lack, and what they have too much.
    assert "+ builtins.set" in torchs_lists.differences(replace(torchs, version=(2, 5)))
    assert f"+ {SUMMARY}" in torchs_lists.differences(replace(torchs, names=torchs.names | {SUMMARY}))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_a_tensor_of_tensors() -> None:
    torch = pytest.importorskip("torch")
    from tests.support.torch_files import loads_weights_only, saved

    data = saved({"a": torch.nested.nested_tensor([torch.zeros(2)])})
    found = described(data)
    assert (found.weights_only_refuses, found.refused_globals) == (False, ())
    assert (found.weights_only_from, found.weights_only_to) == ("2.2", "2.14")
    assert (found.weights_only_versions, found.weights_only_because) == ("2.2 to 2.14", (NESTED,))
    version = tuple(map(int, torch.__version__.split(".")[:2]))
    assert loads_weights_only(data) == ((2, 2) <= version <= (2, 14))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["torch.Size"], Allowed(((1, 13), None), (), ())),
        (["torch.Size", "builtins.set"], Allowed(((2, 6), None), ("builtins.set",), ())),
        ([NESTED], Allowed(((2, 2), (2, 14)), (NESTED,), ())),
        (["builtins.set", NESTED], Allowed(((2, 6), (2, 14)), ("builtins.set", NESTED), ())),
        ([NESTED, SUMMARY], Allowed(((2, 14), (2, 14)), (NESTED, SUMMARY), ())),
        (["builtins.KeyError"], Allowed(((2, 14), (2, 14)), ("builtins.KeyError",), ())),
        ([NESTED, "builtins.eval"], Allowed(None, (), ("builtins.eval",))),
    ],
)
def test_who_takes_names(names: list[str], expected: Allowed) -> None:
    assert allowed(names, OPCODES) == expected


def test_names_that_no_torch_takes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(weights_only._BOUNDS, "torch.newer", ((2, 15), None))
    assert allowed([NESTED, "torch.newer"], OPCODES) == Allowed(None, (), (NESTED,))
