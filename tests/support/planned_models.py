"""What is planned of a model, in few words."""

from __future__ import annotations

from typing import Any

import pytest

import marpack
from marpack import PlanError, plan_archive


def names(**arguments: Any) -> list[str]:
    arguments = {"model_name": "m", "handler": "base_handler", **arguments}
    return [entry.name for entry in plan_archive(**arguments).files]


def issues(**arguments: Any) -> list[tuple[str, str]]:
    arguments = {"model_name": "m", "handler": "base_handler", **arguments}
    with pytest.raises(PlanError) as caught:
        plan_archive(**arguments)
    return [(issue.argument, issue.code) for issue in caught.value.issues]


def read(entry: marpack.Member) -> bytes:
    return b"".join(entry.chunks())
