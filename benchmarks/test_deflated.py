"""Deflate: zlib as ever, zlib on all cores, and isal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contenders import command, turns

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Measure


def contest(*, zlib: int, other: int, without: str = "") -> pytest.MarkDecorator:
    """Give the rounds of those whose time is zlib's, and of the others."""
    rounds = {
        "marpack": zlib,
        "marpack --deflate parallel": zlib,
        "marpack --deflate fast": other,
        "without-isal": zlib,
        "official": zlib,
        "zipfile": zlib,
        "cp": other,
    }
    return turns({contender: count for contender, count in rounds.items() if contender != without})


@contest(zlib=7, other=7)
@pytest.mark.parametrize("weights", [64], indirect=True, ids="{} MiB".format)
def test_weights(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(f"{weights.stem} MiB of weights, default", command(contender, handler, weights))


@turns(
    {
        "marpack": 3,
        "marpack --deflate parallel": 3,
        "marpack --deflate fast": 5,
        "official": 3,
        "cp": 5,
    }
)
@pytest.mark.parametrize("weights", [512], indirect=True, ids="{} MiB".format)
def test_weights_dear(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(f"{weights.stem} MiB of weights, default", command(contender, handler, weights))


@turns({"marpack --deflate fast": 2, "cp": 2})
@pytest.mark.parametrize("weights", [4608], indirect=True, ids="{} MiB".format)
def test_weights_large(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(f"{weights.stem} MiB of weights, default", command(contender, handler, weights))


@turns({"marpack": 3, "marpack --threads 1": 3, "without-isal": 3, "official": 3, "cp": 3})
def test_several_members(measure: Measure, handler: Path, several: Path, contender: str, turn: int) -> None:
    measure("8 times 32 MiB of weights, default", command(contender, handler, several))


@contest(zlib=7, other=7)
def test_code(measure: Measure, handler: Path, code: Path, contender: str, turn: int) -> None:
    measure("64 MiB of code, default", command(contender, handler, code))


@contest(zlib=7, other=7, without="zipfile")
@pytest.mark.parametrize("weights", [64], indirect=True, ids="{} MiB".format)
def test_weights_tgz(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(f"{weights.stem} MiB of weights, tgz", command(contender, handler, weights, "tgz"))


# For tgz the official tool takes zlib's level 9, which is four times as slow over code.
@contest(zlib=3, other=7, without="zipfile")
def test_code_tgz(measure: Measure, handler: Path, code: Path, contender: str, turn: int) -> None:
    measure("64 MiB of code, tgz", command(contender, handler, code, "tgz"))
