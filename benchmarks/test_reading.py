"""Unpacking an archive, and holding it against its sums."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from contenders import command, reading, turns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Measure


@pytest.fixture(scope="module")
def archive(
    handler: Path, weights: Path, environment: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[Path]:
    """The weights in an archive, stored or deflated."""
    folder = weights.parent / f"packed-{weights.stem}"
    folder.mkdir()
    words = command("marpack --deflate parallel", handler, weights, request.param)
    subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    yield folder / "m.mar"
    shutil.rmtree(folder)


@turns({"marpack": 7, "without-isal": 7, "unzip": 5, "zipfile": 5, "cp": 7, "python": 7})
@pytest.mark.parametrize("archive", ["zip-store", "default"], indirect=True)
@pytest.mark.parametrize("weights", [512], indirect=True, ids="{} MiB".format)
def test_extract(
    measure: Measure, weights: Path, archive: Path, request: pytest.FixtureRequest, contender: str, turn: int
) -> None:
    form = request.node.callspec.params["archive"]
    measure(f"extract {weights.stem} MiB of weights, {form}", reading(contender, "extract", archive))


@turns({"marpack": 5, "without-isal": 5, "isal-crc": 5, "zlib-crc": 5, "python": 5})
@pytest.mark.parametrize("archive", ["zip-store"], indirect=True)
@pytest.mark.parametrize("weights", [4096], indirect=True, ids="{} MiB".format)
def test_verify(measure: Measure, weights: Path, archive: Path, contender: str, turn: int) -> None:
    measure(f"verify {weights.stem} MiB of weights, zip-store", reading(contender, "verify", archive))
