"""Files around the sizes at which zip goes over to 64 bits, compared without being held in memory.

The inputs are sparse, and so are the official tool's staged copies of them; what both tools write in the
stored form is not, so the test needs some GiB of disk, for a while. What is deflated is zeros, and both tools are
given the same stream for as many of them.
"""

from __future__ import annotations

import os
import shutil
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require
from tests.support import official
from tests.support.official import TIMESTAMP, file_difference, run_marpack, run_official, same_bytes

if TYPE_CHECKING:
    from pathlib import Path

# From here on a local header has 64-bit sizes: 5 % more would be above the limit.
LOCAL_ZIP64 = 2_045_222_521
# From here on a directory record has.
CENTRAL_ZIP64 = 2**31

DISK = 6 * 2**30


def copy_sparse(source: str, target: str, *, follow_symlinks: bool = True) -> None:
    """Copy an input, of which every byte is zero, without writing it."""
    open(target, "wb").close()
    os.truncate(target, os.stat(source).st_size)


class OfZeros:
    """Takes the place of ``zlib.compressobj``, which would be most of the time: large contents are zeros."""

    PIECE = 1 << 20
    compressobj = staticmethod(zlib.compressobj)

    def __init__(self, *arguments: int, **more: int) -> None:
        self._begun, self._size = b"", 0

    def compress(self, data: bytes | memoryview) -> bytes:
        if self._size < self.PIECE:
            self._begun += data
        self._size += len(data)
        return b""

    def flush(self) -> bytes:
        compressor = self.compressobj(wbits=-zlib.MAX_WBITS)
        if self._size <= self.PIECE:
            return compressor.compress(self._begun) + compressor.flush()
        count, rest = divmod(self._size, self.PIECE)
        # What follows a full flush does not refer to what is before it.
        piece = compressor.compress(bytes(self.PIECE)) + compressor.flush(zlib.Z_FULL_FLUSH)
        return piece * count + compressor.compress(bytes(rest)) + compressor.flush()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("archive_format", "sizes"),
    [
        ("default", {"below": LOCAL_ZIP64 - 1, "from": LOCAL_ZIP64, "central": CENTRAL_ZIP64}),
        # The tiny member's offset, and the directory's, are beyond the limit too.
        ("zip-store", {"central": CENTRAL_ZIP64, "tiny": 1}),
    ],
    ids=["default", "zip-store"],
)
def test_boundary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive_format: str, sizes: dict[str, int]
) -> None:
    official.require_official()
    require(shutil.disk_usage(tmp_path).free > DISK, f"{DISK >> 30} GiB of free disk")
    for folder in ("inputs", "theirs", "ours", "temporary"):
        (tmp_path / folder).mkdir()
    for name, size in sizes.items():
        path = tmp_path / "inputs" / name
        path.touch()
        os.truncate(path, size)
        os.utime(path, (TIMESTAMP, TIMESTAMP))
    argv = ["--model-name=m", "-v1.0", "--handler=base_handler", "--extra-files=inputs"]
    argv += [f"--archive-format={archive_format}", "--export-path"]
    monkeypatch.setattr(shutil, "copyfile", copy_sparse)
    monkeypatch.setattr(zlib, "compressobj", OfZeros)
    try:
        theirs = run_official([*argv, "theirs"], tmp_path, TIMESTAMP, temporary="temporary")
        ours = run_marpack([*argv, "ours"], tmp_path, TIMESTAMP)
        assert (theirs.status, ours.status) == (0, 0)
        a, b = tmp_path / "theirs" / "m.mar", tmp_path / "ours" / "m.mar"
        assert same_bytes(a, b), file_difference(a, b)
        with zipfile.ZipFile(b) as archive:
            assert {info.filename: info.file_size for info in archive.infolist()[:-1]} == sizes
    finally:
        for folder in ("inputs", "theirs", "ours", "temporary"):
            shutil.rmtree(tmp_path / folder)
