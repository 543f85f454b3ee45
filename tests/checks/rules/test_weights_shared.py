"""Which names of a shared tensor are missing, and what only looks like it."""

from __future__ import annotations

import pytest

from tests.checks.cases.weights import BASE
from tests.checks.cases.weights_shared import NOTED, TIED, archive, safetensors
from tests.support.checking import found

BROKEN = safetensors("embedding.weight", **NOTED)
OWN = """
    def load_state_dict(self, state, strict=True):
        return super().load_state_dict(state, strict=False)
"""
IDLE = BASE + "    def initialize(self, context):\n        pass\n"


def codes(data: bytes, *, net: str = TIED, handler: str = BASE) -> list[str]:
    return [item.code for item in found(archive(data, net=net, handler=handler)) if "shared" in item.code]


def test_name_that_only_the_metadata_has() -> None:
    assert codes(BROKEN) == ["weights-shared-tensor"]


@pytest.mark.parametrize(
    ("data", "net", "handler"),
    [
        pytest.param(safetensors("embedding.weight", "head.weight", **NOTED), TIED, BASE, id="both names"),
        pytest.param(safetensors("embedding.weight", format="pt"), TIED, BASE, id="nothing noted"),
        pytest.param(safetensors("embedding.weight", best="epoch 3"), TIED, BASE, id="other notes"),
        pytest.param(BROKEN, TIED + OWN, BASE, id="the model file is lenient"),
        pytest.param(BROKEN, TIED, IDLE, id="the handler loads nothing"),
        pytest.param(BROKEN[:20], TIED, BASE, id="cut off"),
    ],
)
def test_not_reported(data: bytes, net: str, handler: str) -> None:
    assert codes(data, net=net, handler=handler) == []


@pytest.mark.slow
def test_torch_wants_all_names() -> None:
    torch = pytest.importorskip("torch")
    space: dict[str, type] = {}
    exec(TIED, space)
    tensor = torch.zeros(2, 2)
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict: \"head.weight\""):
        space["Net"]().load_state_dict({"embedding.weight": tensor})
    space["Net"]().load_state_dict({"embedding.weight": tensor, "head.weight": tensor})
