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
    yield from packed(weights, handler, environment, request.param)


@pytest.fixture(scope="module")
def archive_of_code(handler: Path, code: Path, environment: dict[str, str]) -> Iterator[Path]:
    yield from packed(code, handler, environment, "default")


@pytest.fixture(scope="module")
def archive_of_several(handler: Path, several: Path, environment: dict[str, str]) -> Iterator[Path]:
    yield from packed(several, handler, environment, "default")


def packed(contents: Path, handler: Path, environment: dict[str, str], archive_format: str) -> Iterator[Path]:
    folder = contents.parent / f"packed-{contents.stem}"
    folder.mkdir()
    words = command("marpack --deflate parallel", handler, contents, archive_format)
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


INFLATING = turns({"marpack": 5, "without-isal": 5, "unzip": 5, "python": 5})


@INFLATING
@pytest.mark.parametrize("verb", ["extract", "verify"])
@pytest.mark.parametrize("code", [512], indirect=True, ids="{} MiB".format)
def test_code(measure: Measure, code: Path, archive_of_code: Path, verb: str, contender: str, turn: int) -> None:
    measure(f"{verb} {code.stem} MiB of code, default", reading(contender, verb, archive_of_code))


@INFLATING
def test_several(measure: Measure, archive_of_several: Path, contender: str, turn: int) -> None:
    measure("extract 8 times 32 MiB of weights, default", reading(contender, "extract", archive_of_several))


@INFLATING
@pytest.mark.parametrize("archive", ["default"], indirect=True)
@pytest.mark.parametrize("weights", [512], indirect=True, ids="{} MiB".format)
def test_verify_deflated(measure: Measure, weights: Path, archive: Path, contender: str, turn: int) -> None:
    measure(f"verify {weights.stem} MiB of weights, default", reading(contender, "verify", archive))


@turns({"marpack": 5, "without-isal": 5, "isal-crc": 5, "zlib-crc": 5, "python": 5})
@pytest.mark.parametrize("archive", ["zip-store"], indirect=True)
@pytest.mark.parametrize("weights", [4096], indirect=True, ids="{} MiB".format)
def test_verify(measure: Measure, weights: Path, archive: Path, contender: str, turn: int) -> None:
    measure(f"verify {weights.stem} MiB of weights, zip-store", reading(contender, "verify", archive))
