"""Packing takes the memory it takes, whatever the size of the model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import require

SIZE = 256 << 20
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
import os, sys
import marpack
before = peak()
path, archive_format, how, deflate, threads = sys.argv[1:]
size = os.path.getsize(path)
arguments = dict(model_name="m", handler="base_handler", archive_format=archive_format, deflate=deflate)
if how == "several":
    os.truncate(path, size // 2)
    arguments["extra_files"] = {f"{number}.bin": path for number in range(2)}
else:
    arguments["serialized_file"] = path
threads = int(threads) if threads else None
if how == "stream":
    for chunk in marpack.iter_archive(marpack.plan_archive(**arguments), threads=threads):
        pass
else:
    result = marpack.pack(**arguments, export_path=path + ".store", digest=how == "digest", threads=threads)
    assert sum(entry.size for entry in result.members) > size, result
print(peak() - before)
"""
)


# The memory that is taken is flat from far below on. From 4 GiB on zip has other records: server/test_jdk.py.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("archive_format", "how", "deflate", "threads"),
    [
        ("zip-store", "file", "zlib", ""),
        ("zip-store", "digest", "zlib", "64"),
        ("zip-store", "stream", "zlib", ""),
        ("default", "several", "zlib", ""),
        ("default", "digest", "fast", ""),
        ("default", "file", "fast", "64"),
        ("default", "file", "parallel", "64"),
        ("tgz", "file", "zlib", ""),
        ("tgz", "file", "fast", "64"),
        ("no-archive", "file", "zlib", "64"),
        ("auto", "stream", "zlib", ""),
    ],
)
def test_packing_takes_64_mebibytes(
    tmp_path: Path, archive_format: str, how: str, deflate: str, threads: str
) -> None:
    require(Path("/proc/self/status").exists(), "Linux's /proc to read the peak of memory")
    weights = tmp_path / "w.pt"
    with weights.open("wb") as file:
        file.truncate(SIZE)
    (tmp_path / "w.pt.store").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PACK, str(weights), archive_format, how, deflate, threads],
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(done.stdout) < LIMIT_KIB
