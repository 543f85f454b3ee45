"""Out through a pipe: as it is made, or once it lies on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contenders import command, piped, turns

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Measure


@turns(
    {
        "marpack --output -": 7,
        "without-isal --output -": 7,
        "marpack": 7,
        "official": 3,
        "zipfile": 3,
        "cp": 7,
        "python": 7,
    }
)
@pytest.mark.parametrize("weights", [512], indirect=True, ids="{} MiB".format)
def test_stored(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(f"{weights.stem} MiB of weights, zip-store", piped(command(contender, handler, weights, "zip-store")))
