"""Archives that are changed at random: whatever comes of them, nothing but what the reader promises.

``--fuzz-seconds N`` says for how long; a failure names the ``--fuzz-seed`` that shows it again.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import time
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import Limits, MarpackError
from tests.support.mutations import MUTATED, mutated

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
LIMITS = Limits(members=50, size=4 * MIB, manifest=MIB)
# Pieces of contents, and the headers of a tar, which may be a mebibyte long.
MOST_MEMORY = 16 * MIB


@pytest.mark.slow
def test_changed_archives(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    given: int | None = pytestconfig.getoption("--fuzz-seed")
    seconds: float = pytestconfig.getoption("--fuzz-seconds")
    first = random.randrange(1 << 40) if given is None else given
    ends, seed, taken = time.monotonic() + seconds, first, 0
    while seed == first or (given is None and time.monotonic() < ends):
        try:
            taken += look(seed, tmp_path)
        except BaseException:
            print(f"shown again by: pytest tests/archive/read/test_fuzz.py --fuzz-seed {seed}")
            raise
        seed += 1
    assert seed - first < 100 or 0 < taken < seed - first


def look(seed: int, folder: Path) -> bool:
    """Read one changed archive in every way; return whether it was extracted."""
    name = MUTATED[seed % 2]
    data = mutated(name, random.Random(seed))
    world = folder / "world"
    (world / "below").mkdir(parents=True)
    path, target = world / name, world / "below" / "target"
    path.write_bytes(data)
    before = listing(world)
    extracted = False
    tracemalloc.start()
    try:
        with marpack.open_archive(path, limits=LIMITS) as archive:
            issues = archive.verify()
            for entry in archive.members[:3]:
                with contextlib.suppress(MarpackError):
                    archive.read(entry.name, limit=MIB)
            archive.extract(target)
            extracted = True
    except MarpackError as error:
        str(error).encode()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST_MEMORY
    if not extracted:
        assert listing(world) == before
    else:
        files = {found for found in listing(world) - before if os.path.isfile(found)}
        assert all(found.startswith(f"{target}/") for found in files)
        assert sum(os.path.getsize(found) for found in files) <= LIMITS.size
        # What is extracted has been verified, but for what the manifest says.
        assert {issue.code for issue in issues} <= {"bad-manifest", "no-manifest", "missing-file", "digest"}
        if name == "m.mar":
            assert {os.path.relpath(found, target): read(found) for found in files} == by_zipfile(data)
    shutil.rmtree(world)
    return extracted


def listing(folder: Path) -> set[str]:
    return {os.path.join(here, name) for here, below, files in os.walk(folder) for name in (*below, *files)}


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def by_zipfile(data: bytes) -> dict[str, bytes]:
    # It refuses newer versions and patches by their number alone, at which the server does not look.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "MAX_EXTRACT_VERSION", 1 << 16)
        archive = zipfile.ZipFile(io.BytesIO(data))
    with archive:
        for info in archive.infolist():
            info.flag_bits &= ~0x20
        return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
