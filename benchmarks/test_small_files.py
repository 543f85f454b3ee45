"""Many members, each small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contenders import command, turns

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Measure


def contest(*, quick: int, slow: int) -> pytest.MarkDecorator:
    return turns({"marpack": quick, "without-isal": quick, "official": slow, "zipfile": quick, "cp": slow})


@contest(quick=7, slow=7)
@pytest.mark.parametrize("small_files", [50, 500], indirect=True, ids="{} files".format)
def test_few(measure: Measure, handler: Path, small_files: Path, contender: str, turn: int) -> None:
    measure(f"{int(small_files.name):,} small files", command(contender, handler, small_files))


@contest(quick=7, slow=7)
@pytest.mark.parametrize("small_files", [5000], indirect=True, ids="{} files".format)
def test_thousands(measure: Measure, handler: Path, small_files: Path, contender: str, turn: int) -> None:
    measure(f"{int(small_files.name):,} small files", command(contender, handler, small_files))


@contest(quick=5, slow=3)
@pytest.mark.parametrize("small_files", [50000], indirect=True, ids="{} files".format)
def test_tens_of_thousands(measure: Measure, handler: Path, small_files: Path, contender: str, turn: int) -> None:
    measure(f"{int(small_files.name):,} small files", command(contender, handler, small_files))
