"""Archives on a disk where files can share blocks: what is stored at a block's border is not copied there.

XFS and btrfs are made in files and mounted, which the machine has to allow; the machine's own disk is measured
beside them. `cp` is told to copy: its own way is to share as well.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from conftest import file_system_of
from contenders import changed, command, reading, turns
from inputs import write_weights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Measure

# Weights, their archive, what is made of it and the copy beside them; it takes no more than is written.
DISK_GIBIBYTES = 24


@pytest.fixture(scope="module", params=["own", "xfs", "btrfs"])
def disk(request: pytest.FixtureRequest, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on the machine's own disk, or on one that is made here."""
    folder = tmp_path_factory.mktemp("disk")
    if request.param == "own":
        yield folder
        return
    image, mount = folder / "image", folder / "mount"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_GIBIBYTES << 30)
    try:
        subprocess.run([f"mkfs.{request.param}", "-q", image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop,discard", image, mount], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        image.unlink()
        pytest.skip(f"no {request.param} can be made and mounted here: {error}")
    yield mount
    subprocess.run(["umount", mount], check=True)
    image.unlink()


@pytest.fixture
def place(disk: Path) -> Path:
    return disk


@pytest.fixture(scope="module", params=[512, 4608], ids="{} MiB".format)
def weights(disk: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    path = disk / f"{request.param}.pt"
    write_weights(path, request.param)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def archive(weights: Path, handler: Path, environment: dict[str, str]) -> Iterator[Path]:
    folder = weights.with_suffix("")
    folder.mkdir()
    words = command("marpack --archive-format auto", handler, weights)
    subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    yield folder / "m.mar"
    shutil.rmtree(folder)


def group(what: str, weights: Path) -> str:
    return f"{what} {weights.stem} MiB, {file_system_of(weights.parent)}"


@turns(
    {
        "marpack --archive-format auto": 5,
        "marpack --archive-format no-archive": 5,
        "marpack --archive-format auto --digest": 3,
        "without-isal --archive-format auto": 3,
        "sha256": 3,
        "cp": 5,
        "python": 5,
    }
)
def test_pack(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    measure(group("pack", weights), command(contender, handler, weights))


@turns({"marpack": 5, "without-isal": 3, "unzip": 3, "cp": 5, "python": 5})
def test_extract(measure: Measure, weights: Path, archive: Path, contender: str, turn: int) -> None:
    measure(group("extract", weights), reading(contender, "extract", archive))


@turns({"marpack --check off": 5, "marpack": 5, "marpack --check off --verify": 3, "cp": 5, "python": 5})
def test_repack(measure: Measure, weights: Path, archive: Path, contender: str, turn: int) -> None:
    measure(group("repack", weights), changed(contender, archive))
