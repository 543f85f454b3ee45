"""Bytes that several threads read at once, each where it wants."""

from __future__ import annotations

import io
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator

from marpack.archive.region import OpenFile
from marpack.archive.sources import CHUNK_SIZE, SeekableFile, open_at_once
from marpack.errors import ArchiveError

_CAN_READ_AT = hasattr(os, "pread")  # not on Windows


class RandomAccess(ABC):
    """Bytes of a known ``size``."""

    size: int
    _closed = False

    @property
    def file(self) -> OpenFile | None:
        """The regular file whose bytes these are, while it is open here; None where there is none."""
        return None

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes from ``offset`` on, fewer than ``length`` only at the end; on any thread."""
        self._require_open()
        end = min(offset + length, self.size)
        return read_whole(lambda left: self._piece(end - left, left), end - offset)

    def chunks(self) -> Iterator[bytes]:
        """Yield all of it, piece by piece."""
        position = 0
        while piece := self.read_at(position, CHUNK_SIZE):
            yield piece
            position += len(piece)

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError("the archive is closed")

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
            opened = OpenFile.of(path, self._file)
            if opened is None:
                raise ArchiveError(path, "is not a regular file", code="not-a-file")
        except BaseException:
            os.close(self._file)
            raise
        self._opened = opened
        self.size = opened.size

    @property
    def file(self) -> OpenFile | None:
        """The file; raises ``ValueError`` once it is closed, when its descriptor may be another file's."""
        self._require_open()
        return self._opened

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
        self.size = file.seek(0, io.SEEK_END)  # which writes what the caller's buffer holds
        self._opened = _plain_file(file)

    @property
    def file(self) -> OpenFile | None:
        """The file, if it is one that ``open`` has returned; ``ValueError`` once it is closed."""
        if self._opened and getattr(self._file, "closed", False):
            raise ValueError("the file is closed")
        return self._opened

    def _piece(self, offset: int, length: int) -> bytes:
        with self._turn:
            self._file.seek(offset)
            return self._file.read(length)

    def close(self) -> None:
        """Leave the file open: it is the caller's."""


def _plain_file(file: object) -> OpenFile | None:
    """Return what ``open`` has returned as the file that it is.

    Others have descriptors too, of something else: that of a ``GzipFile`` is of what it unpacks.
    """
    raw = file.raw if isinstance(file, (io.BufferedReader, io.BufferedRandom)) else file
    if type(raw) is not io.FileIO:
        return None
    return OpenFile.of(raw.name if isinstance(raw.name, str) else "", raw.fileno())


def read_whole(read: Callable[[int], bytes], size: int) -> bytes:
    """Return what ``read`` gives, until ``size`` bytes are there or nothing comes; none for a size below 1."""
    pieces = []
    while size > 0 and (data := read(size)):
        pieces.append(data)
        size -= len(data)
    return b"".join(pieces)  # of one piece the piece itself
