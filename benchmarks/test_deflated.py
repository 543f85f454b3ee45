"""Deflate: zlib as ever, zlib on all cores, and isal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contenders import command, turns

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Measure


@turns(
    {
        "marpack": 7,
        "marpack --deflate parallel": 7,
        "marpack --deflate fast": 7,
        "without-isal": 7,
        "official": 7,
        "zipfile": 7,
        "cp": 7,
    }
)
@pytest.mark.parametrize("weights", [64], indirect=True, ids="{} MiB".format)
def test_weights(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(f"{weights.stem} MiB of weights, default", command(contender, handler, weights))


def contest(*, slow: int, quick: int) -> pytest.MarkDecorator:
    """Give the rounds of those whose time is zlib's, and of the others."""
    return turns(
        {
            "marpack": slow,
            "marpack --deflate parallel": slow,
            "marpack --deflate fast": quick,
            "official": slow,
            "cp": quick,
        }
    )


@contest(slow=3, quick=5)
@pytest.mark.parametrize("archive_format", ["default", "tgz"])
@pytest.mark.parametrize("weights", [512], indirect=True, ids="{} MiB".format)
def test_weights_dear(
    measure: Measure, handler: Path, weights: Path, archive_format: str, contender: str, turn: int
) -> None:
    group = f"{weights.stem} MiB of weights, {archive_format}"
    measure(group, command(contender, handler, weights, archive_format))


@turns({"marpack --deflate fast": 3, "cp": 3})
@pytest.mark.parametrize("weights", [4608], indirect=True, ids="{} MiB".format)
def test_weights_large(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(f"{weights.stem} MiB of weights, default", command(contender, handler, weights))


@turns({"marpack": 3, "marpack --threads 1": 3, "without-isal": 3, "official": 3, "cp": 3})
def test_several_members(measure: Measure, handler: Path, several: Path, contender: str, turn: int) -> None:
    measure("8 times 32 MiB of weights, default", command(contender, handler, several))


@contest(slow=5, quick=7)
@pytest.mark.parametrize("code", [256], indirect=True, ids="{} MiB".format)
def test_code(measure: Measure, handler: Path, code: Path, contender: str, turn: int) -> None:
    measure(f"{code.stem} MiB of code, default", command(contender, handler, code))


# For tgz the official tool takes zlib's level 9, which is four times as slow over code.
@contest(slow=5, quick=7)
@pytest.mark.parametrize("code", [64], indirect=True, ids="{} MiB".format)
def test_code_tgz(measure: Measure, handler: Path, code: Path, contender: str, turn: int) -> None:
    measure(f"{code.stem} MiB of code, tgz", command(contender, handler, code, "tgz"))
