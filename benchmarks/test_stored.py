"""Weights as they are: nearly all the time is the disk's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contenders import command, hashed, turns

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Measure


def contest(*, quick: int, slow: int) -> pytest.MarkDecorator:
    return turns(
        {
            "marpack --archive-format zip-store": quick,
            "marpack --archive-format auto": quick,
            "without-isal --archive-format zip-store": quick,
            "without-isal --archive-format auto": quick,
            "official": slow,
            "zipfile": slow,
            "cp": quick,
            "python": quick,
        }
    )


@contest(quick=11, slow=5)
@pytest.mark.parametrize("weights", [64, 512], indirect=True, ids="{} MiB".format)
def test_stored(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(f"{weights.stem} MiB of weights", command(contender, handler, weights, "zip-store"))


@contest(quick=11, slow=3)
@pytest.mark.parametrize("weights", [4608], indirect=True, ids="{} MiB".format)
def test_stored_large(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(f"{weights.stem} MiB of weights", command(contender, handler, weights, "zip-store"))


@turns({"marpack --digest": 7, "without-isal --digest": 7, "official": 3, "zipfile": 3, "cp": 7, "python": 7})
@pytest.mark.parametrize("weights", [512], indirect=True, ids="{} MiB".format)
def test_digest(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    words = command(contender, handler, weights, "zip-store")
    has_archive = contender != "python" and "--digest" not in words
    measure(f"{weights.stem} MiB of weights, zip-store", hashed(words) if has_archive else words)
