"""An archive as a layer of an image: it is copied once, and hashed beside that.

What that needs is a copy, by `cp`, and a SHA-256, by the library that marpack has; each is its own process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contenders import imaging, turns

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Measure


@turns({"marpack": 7, "marpack --tar": 7, "cp": 7, "sha256": 7, "python": 7})
@pytest.mark.parametrize("weights", [512, 4608], indirect=True, ids="{} MiB".format)
def test_images(measure: Measure, store: Path, contender: str, turn: int) -> None:
    measure(f"{store.name} MiB of weights", imaging(contender, store))
