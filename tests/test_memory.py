"""Packing takes the memory it takes, whatever the size of the model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import require

GIB = 1 << 30
LIMIT_KIB = 64 << 10

# VmHWM is this process's own peak; ru_maxrss would begin with that of whoever started it.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
"""

PACK = (
    PEAK
    + """
import sys
import marpack
before = peak()
path, archive_format, how = sys.argv[1:]
arguments = dict(model_name="m", handler="base_handler", serialized_file=path, archive_format=archive_format)
if how == "stream":
    for chunk in marpack.iter_archive(marpack.plan_archive(**arguments)):
        pass
else:
    result = marpack.pack(**arguments, export_path=sys.argv[1] + ".store", digest=how == "digest")
    assert result.entries[0].size == 6 << 30, result
print(peak() - before)
"""
)


@pytest.mark.parametrize(
    ("archive_format", "how"),
    [
        ("zip-store", "file"),
        ("zip-store", "digest"),
        ("zip-store", "stream"),
        ("default", "digest"),
        ("tgz", "file"),
        ("no-archive", "file"),
        ("auto", "stream"),
    ],
)
def test_six_gibibytes_in_64_mebibytes(tmp_path: Path, archive_format: str, how: str) -> None:
    require(Path("/proc/self/status").exists(), "Linux's /proc to read the peak of memory")
    weights = tmp_path / "w.pt"
    with weights.open("wb") as file:
        file.truncate(6 * GIB)
    (tmp_path / "w.pt.store").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PACK, str(weights), archive_format, how],
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(done.stdout) < LIMIT_KIB
