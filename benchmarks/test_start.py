"""What a process costs before it has anything to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from contenders import command, turns

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Measure

ROUNDS = 15


@turns({"marpack": ROUNDS, "official": ROUNDS, "zipfile": ROUNDS, "python": ROUNDS})
@pytest.mark.usefixtures("inputs")
def test_import(measure: Measure, contender: str, turn: int) -> None:
    module = {
        "marpack": "marpack",
        "official": "model_archiver.model_packaging",
        "zipfile": "zipfile",
        "python": "sys",
    }[contender]
    measure("import", [sys.executable, "-c", f"import {module}"])


@turns(
    {
        "marpack": ROUNDS,
        "marpack --check warn": ROUNDS,
        "without-isal": ROUNDS,
        "official": ROUNDS,
        "zipfile": ROUNDS,
        "cp": ROUNDS,
        "python": ROUNDS,
    }
)
def test_small_model(measure: Measure, handler: Path, contender: str, turn: int) -> None:
    measure("a model of one handler", command(contender, handler, handler))
