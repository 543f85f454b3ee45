"""Looking at a thousand small archives: on all cores, and on one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contenders import scanning, turns
from inputs import write_models

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Measure

ARCHIVES = 1000


@pytest.fixture(scope="module")
def models(inputs: Path) -> Path:
    """Small archives, no two of the same bytes: a handler, a model file, 27 kB of weights, names of classes."""
    folder = inputs / "models"
    write_models(folder, ARCHIVES)
    return folder


@turns({"marpack": 7, "marpack --processes 1": 7, "zipfile": 5, "python": 7})
def test_small_models(measure: Measure, models: Path, contender: str, turn: int) -> None:
    printed = measure("1,000 small models", scanning(contender, models))
    assert contender == "python" or printed.count("\n") == ARCHIVES
