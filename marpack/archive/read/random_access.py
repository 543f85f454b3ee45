"""Bytes that several threads read at once, each where it wants."""

from __future__ import annotations

import io
import os
import stat
import threading
from typing import TYPE_CHECKING, Protocol

from marpack.archive.sources import CHUNK_SIZE, open_at_once
from marpack.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from marpack.archive.sources import SeekableFile

__all__ = ["FileBytes", "RandomAccess", "StreamBytes", "chunks_of"]

_CAN_READ_AT = hasattr(os, "pread")  # not on Windows


class RandomAccess(Protocol):
    """Bytes of a known ``size``."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from ``offset`` on, fewer than ``length`` only at the end; on any thread."""

    def close(self) -> None:
        """End reading."""


def chunks_of(data: RandomAccess) -> Iterator[bytes]:
    """Yield all of it, piece by piece."""
    position = 0
    while piece := data.read_at(position, CHUNK_SIZE):
        yield piece
        position += len(piece)


class FileBytes:
    """A regular file, opened by its path."""

    def __init__(self, path: str) -> None:
        self._file = open_at_once(path)
        self._turn = threading.Lock()
        self._closed = False
        try:
            status = os.fstat(self._file)
            if not stat.S_ISREG(status.st_mode):
                raise ArchiveError(path, "is not a regular file", code="not-a-file")
        except BaseException:
            os.close(self._file)
            raise
        self.size = status.st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from ``offset`` on, fewer than ``length`` only at the end; on any thread."""
        if self._closed:
            raise ValueError("the archive is closed")
        return _whole(self._piece, offset, min(length, self.size - offset))

    def _piece(self, offset: int, length: int) -> bytes:
        if _CAN_READ_AT:
            return os.pread(self._file, length, offset)
        with self._turn:
            os.lseek(self._file, offset, os.SEEK_SET)
            return os.read(self._file, length)

    def close(self) -> None:
        """Close the file."""
        if not self._closed:
            self._closed = True
            os.close(self._file)


class StreamBytes:
    """An open binary file that can seek, and whose position is nobody else's meanwhile; it is left open."""

    def __init__(self, file: SeekableFile) -> None:
        self._file = file
        self._turn = threading.Lock()
        self.size = file.seek(0, io.SEEK_END)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from ``offset`` on, fewer than ``length`` only at the end; on any thread."""
        return _whole(self._piece, offset, min(length, self.size - offset))

    def _piece(self, offset: int, length: int) -> bytes:
        with self._turn:
            self._file.seek(offset)
            return self._file.read(length)

    def close(self) -> None:
        """Leave the file open: it is the caller's."""


def _whole(read: Callable[[int, int], bytes], offset: int, length: int) -> bytes:
    """Read until all is there or nothing comes; a length below 1 lies beyond the end, however far."""
    pieces = []
    while length > 0 and (data := read(offset, length)):
        pieces.append(data)
        offset += len(data)
        length -= len(data)
    return b"".join(pieces)  # of one piece the piece itself
