"""Unpacking an archive, and holding it against its sums."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from contenders import command, reading, turns
from inputs import write_code, write_weights

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


@pytest.fixture(scope="module")
def deflated(
    inputs: Path, handler: Path, environment: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[tuple[str, Path]]:
    """What an archive holds, deflated, and the archive: so many files, 512 MiB together."""
    kind, count = request.param
    folder = inputs / f"deflated-{kind}-{count}"
    (folder / "files").mkdir(parents=True)
    for number in range(count):
        write = write_weights if kind == "weights" else write_code
        write(folder / "files" / f"{number}.bin", 512 // count)
    words = command("marpack --deflate parallel", handler, folder / "files")
    subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder / "files")
    yield f"512 MiB of {kind}" if count == 1 else f"{count} times {512 // count} MiB of {kind}", folder / "m.mar"
    shutil.rmtree(folder)


@turns({"marpack": 7, "without-isal": 5, "unzip": 5, "python": 7})
@pytest.mark.parametrize("deflated", [("weights", 1), ("code", 1), ("weights", 8), ("code", 8)], indirect=True)
@pytest.mark.parametrize("verb", ["extract", "verify"])
def test_inflate(measure: Measure, deflated: tuple[str, Path], verb: str, contender: str, turn: int) -> None:
    what, archive = deflated
    measure(f"{verb} {what}, deflated", reading(contender, verb, archive))


@turns({"marpack": 5, "without-isal": 5, "isal-crc": 5, "zlib-crc": 5, "python": 5})
@pytest.mark.parametrize("archive", ["zip-store"], indirect=True)
@pytest.mark.parametrize("weights", [4096], indirect=True, ids="{} MiB".format)
def test_verify(measure: Measure, weights: Path, archive: Path, contender: str, turn: int) -> None:
    measure(f"verify {weights.stem} MiB of weights, zip-store", reading(contender, "verify", archive))
