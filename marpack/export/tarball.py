"""A folder as a reproducible ``.tar.gz``: sorted, without times, owners and the name of the file."""

from __future__ import annotations

import os
import struct
import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from marpack.archive.formats.checksums import crc32
from marpack.archive.formats.deflate import DEFAULT_LEVEL, deflate
from marpack.archive.sources import CHUNK_SIZE
from marpack.disk.file_names import relative_name

# gzip (RFC 1952): deflated, without a name, a time and a system.
_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
_TRAILER = struct.Struct("<2L")
_MAX_32 = (1 << 32) - 1
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755


class _Counted:
    """Passes pieces on, and keeps their CRC and size."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.crc = 0
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.crc = crc32(piece, self.crc)
            self.size += len(piece)
            yield piece


def write_tarball(folder: str, file: BinaryIO, *, threads: int) -> None:
    """Write all that is in a folder; no byte depends on the number of threads, or on the clock."""
    counted = _Counted(_tar(folder))
    file.write(_HEADER)
    file.writelines(deflate(counted, method="parallel", level=DEFAULT_LEVEL, threads=threads))
    file.write(_TRAILER.pack(counted.crc, counted.size & _MAX_32))


def _tar(folder: str) -> Iterator[bytes]:
    size = 0
    for piece in _blocks(folder):
        size += len(piece)
        yield piece
    # Two empty blocks, then zeros up to a whole record.
    end = 2 * tarfile.BLOCKSIZE
    yield bytes(end + -(size + end) % tarfile.RECORDSIZE)


def _blocks(folder: str) -> Iterator[bytes]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        inside = relative_name(parent, folder)
        if inside != os.curdir:
            header = tarfile.TarInfo(f"{inside}/")
            header.type, header.mode = tarfile.DIRTYPE, _FOLDER_MODE
            yield header.tobuf(tarfile.PAX_FORMAT)
        for name in sorted(files):
            path = os.path.join(parent, name)
            header = tarfile.TarInfo(relative_name(path, folder))
            header.size, header.mode = os.path.getsize(path), _FILE_MODE
            yield header.tobuf(tarfile.PAX_FORMAT)
            left = header.size
            with open(path, "rb") as source:
                while left and (piece := source.read(min(CHUNK_SIZE, left))):
                    left -= len(piece)
                    yield piece
            yield bytes(left + -header.size % tarfile.BLOCKSIZE)
