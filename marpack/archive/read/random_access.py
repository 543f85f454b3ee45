"""Bytes that several threads read at once, each where it wants."""

from __future__ import annotations

import io
import os
import stat
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator

from marpack.archive.sources import CHUNK_SIZE, SeekableFile, open_at_once
from marpack.errors import ArchiveError

_CAN_READ_AT = hasattr(os, "pread")  # not on Windows


class RandomAccess(ABC):
    """Bytes of a known ``size``."""

    size: int
    _closed = False

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from ``offset`` on, fewer than ``length`` only at the end; on any thread."""
        if self._closed:
            raise ValueError("the archive is closed")
        end = min(offset + length, self.size)
        return read_whole(lambda left: self._piece(end - left, left), end - offset)

    def chunks(self) -> Iterator[bytes]:
        """Yield all of it, piece by piece."""
        position = 0
        while piece := self.read_at(position, CHUNK_SIZE):
            yield piece
            position += len(piece)

    def note_borders(self, offsets: Iterable[int]) -> None:  # noqa: B027
        """Learn where members begin: who reads one does not go on to the next. It matters to what comes late."""

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:  # noqa: B027
        """Learn what will be read soon, each from a start to an end. It matters to what comes late."""

    @abstractmethod
    def _piece(self, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes, as many as come at once."""

    @abstractmethod
    def close(self) -> None:
        """End reading."""


class FileBytes(RandomAccess):
    """A regular file, opened by its path."""

    def __init__(self, path: str) -> None:
        self._file = open_at_once(path)
        self._turn = threading.Lock()
        try:
            status = os.fstat(self._file)
            if not stat.S_ISREG(status.st_mode):
                raise ArchiveError(path, "is not a regular file", code="not-a-file")
        except BaseException:
            os.close(self._file)
            raise
        self.size = status.st_size

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


class StreamBytes(RandomAccess):
    """An open binary file that can seek, and whose position is nobody else's meanwhile; it is left open."""

    def __init__(self, file: SeekableFile) -> None:
        self._file = file
        self._turn = threading.Lock()
        self.size = file.seek(0, io.SEEK_END)

    def _piece(self, offset: int, length: int) -> bytes:
        with self._turn:
            self._file.seek(offset)
            return self._file.read(length)

    def close(self) -> None:
        """Leave the file open: it is the caller's."""


def read_whole(read: Callable[[int], bytes], size: int) -> bytes:
    """Return what ``read`` gives, until ``size`` bytes are there or nothing comes; none for a size below 1."""
    pieces = []
    while size > 0 and (data := read(size)):
        pieces.append(data)
        size -= len(data)
    return b"".join(pieces)  # of one piece the piece itself
