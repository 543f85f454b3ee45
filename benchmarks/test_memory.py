"""Peaks of resident memory; the times of these runs count for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from contenders import command, imaging, peak_of, turns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conftest import Measure

STORED: Mapping[str, int] = {
    "marpack": 3,
    "marpack --digest": 3,
    "without-isal": 3,
    "without-isal --digest": 3,
    "official": 3,
    "zipfile": 3,
    "python": 3,
}
DEFLATED: Mapping[str, int] = {
    "marpack": 1,
    "marpack --deflate parallel": 1,
    "marpack --deflate fast": 3,
    "official": 1,
    "python": 3,
}


@turns(STORED)
@pytest.mark.parametrize("weights", [512], indirect=True, ids="{} MiB".format)
def test_stored(benchmark: Any, measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    words = command(contender, handler, weights, "zip-store")
    benchmark.extra_info["peak"] = 1024 * int(measure(f"{weights.stem} MiB of weights, zip-store", peak_of(words)))


@turns(DEFLATED)
@pytest.mark.parametrize("weights", [512], indirect=True, ids="{} MiB".format)
def test_deflated(
    benchmark: Any, measure: Measure, handler: Path, weights: Path, contender: str, turn: int
) -> None:
    words = command(contender, handler, weights)
    benchmark.extra_info["peak"] = 1024 * int(measure(f"{weights.stem} MiB of weights, default", peak_of(words)))


@turns({"marpack": 3, "marpack --tar": 3, "python": 3})
@pytest.mark.parametrize("weights", [512, 6144], indirect=True, ids="{} MiB".format)
def test_images(benchmark: Any, measure: Measure, store: Path, contender: str, turn: int) -> None:
    words = imaging(contender, store)
    benchmark.extra_info["peak"] = 1024 * int(measure(f"image of {store.name} MiB of weights", peak_of(words)))
