"""Where the bytes of a member come from: a file, memory, an open file."""

from __future__ import annotations

import io
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from marpack.errors import SourceChangedError
from marpack.frozen import frozen

if TYPE_CHECKING:
    from marpack.archive.region import Region

# Large enough that a read costs more than the loop around it, small enough for a processor's cache; and one of
# deflate's blocks, so that few of those have to be put together.
CHUNK_SIZE = 1 << 19


class Reader(Protocol):
    """What ``Source.open`` returns: an open binary file is one."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none only at the end."""

    def close(self) -> None:
        """End reading."""


class SeekableFile(Protocol):
    """What marpack uses of an open binary file."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, and return the new position."""

    def tell(self) -> int:
        """Return the position."""


@runtime_checkable
class Source(Protocol):
    """Bytes that can be read more than once and say beforehand how many they are.

    A source may have a ``name``; it is the member's where none is given.
    """

    @property
    def size(self) -> int:
        """The number of bytes that ``open`` gives; it is asked for once, when the archive is planned."""

    def open(self) -> Reader:
        """Start reading from the first byte, each time anew.

        It may be called on any thread, and while other sources are read; what it returns is used by one thread.
        """


class DeflatedSource(ABC):
    """A source that is there in deflated form too, to be copied into a zip instead of compressed."""

    __slots__ = ()

    @property
    @abstractmethod
    def compressed_size(self) -> int:
        """The number of deflated bytes."""

    @property
    @abstractmethod
    def crc32(self) -> int:
        """The CRC-32 of the contents."""

    @abstractmethod
    def deflated(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield deflated bytes, and what has come out of them; raise for what is not what it says."""

    def packed(self) -> Iterator[bytes] | None:
        """Return the deflated bytes alone, for who trusts the CRC; None where ``deflated`` is to be asked."""
        return None


class StoredSource(ABC):
    """A source whose bytes lie as they are in an open file, and whose CRC-32 is known.

    They are copied into a zip, or shared with it, and summed again only if ``is_summed``. ``open`` is for what
    cannot take them so, and for a member up to 1 MiB.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def crc32(self) -> int:
        """The CRC-32 of the contents."""

    @property
    def is_summed(self) -> bool:
        """Whether the bytes are held against the CRC, by ``require_crc``."""
        return False

    def require_crc(self, crc: int) -> None:
        """Raise unless ``crc``, which has been taken of the bytes, is the one that is known."""
        if crc != self.crc32:
            raise SourceChangedError(repr(self), "has another CRC than it says")

    @abstractmethod
    def region(self) -> AbstractContextManager[Region | None]:
        """Give where the bytes lie, in a file that is open until the end of the block; None where in none.

        A good end raises ``SourceChangedError`` if somebody has written to the file since it was planned.
        """


def region_of(source: Source) -> AbstractContextManager[Region | None]:
    """Give where the bytes of any source lie, as ``StoredSource`` does; None for what comes from elsewhere."""
    return source.region() if isinstance(source, (FileSource, StoredSource)) else nullcontext()


@frozen
class FileSource:
    """A regular file, as it was when it was planned."""

    path: str
    size: int
    device: int
    inode: int
    mtime_ns: int

    @classmethod
    def from_stat(cls, path: str, status: os.stat_result) -> FileSource:
        """Describe ``path``, whose ``os.stat`` is ``status``."""
        device, inode = status.st_dev, status.st_ino
        return cls(path=path, size=status.st_size, device=device, inode=inode, mtime_ns=status.st_mtime_ns)

    def open(self) -> PlannedFile:
        """Open the file; ``SourceChangedError`` if it is not the one that was planned."""
        return PlannedFile(self)

    def read(self) -> bytes:
        """Return the whole contents; ``SourceChangedError`` if they are not those that were planned.

        What reading through ``open`` gives, in half the time that a small file takes so (6 us instead of 12).
        """
        file = open_at_once(self.path)
        try:
            self.require_unchanged(os.fstat(file))
            data = os.read(file, self.size + 1)
            self.require_unchanged(os.fstat(file))
        finally:
            os.close(file)
        return data

    @contextmanager
    def region(self) -> Iterator[Region]:
        """Give where the bytes lie, as ``StoredSource`` does: in all of the file, which is opened for it."""
        from marpack.archive.region import OpenFile, Region  # small files do without

        with closing(self.open()) as opened:
            file = OpenFile.of(self.path, opened.fileno())
            if file is None:
                raise SourceChangedError(repr(self.path), "is no regular file any more")
            yield Region(file=file, offset=0)
            opened.require_unchanged()

    def require_unchanged(self, status: os.stat_result) -> None:
        """Raise ``SourceChangedError`` unless the file still is as it was planned."""
        now = status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev
        if now != (self.size, self.mtime_ns, self.inode, self.device):
            raise SourceChangedError(repr(self.path), "has changed since the archive was planned")


def open_at_once(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a file without waiting for the other end, should it be a FIFO; return the descriptor."""
    # One of the two is Windows', the other everybody else's.
    return os.open(path, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))


class PlannedFile(io.FileIO):
    """Raises ``SourceChangedError`` when the file changed, at its beginning and again at its end."""

    def __init__(self, source: FileSource) -> None:
        super().__init__(source.path, opener=open_at_once)
        self._source = source
        try:
            self.require_unchanged()
        except BaseException:
            self.close()
            raise

    def read(self, size: int | None = -1, /) -> bytes:
        """Return at most ``size`` bytes; none at the end, where the file is checked."""
        data = super().read(size)
        if not data:
            self.require_unchanged()
        return data

    def require_unchanged(self) -> None:
        """Raise unless the file is still as it was planned."""
        self._source.require_unchanged(os.fstat(self.fileno()))


@frozen
class BytesSource:
    """Bytes in memory."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.data)

    def open(self) -> Reader:
        """Read from the beginning."""
        return io.BytesIO(self.data)


# One for all: two sources may be of one file, which has one position.
_TURN = threading.Lock()


@frozen
class StreamSource:
    """An open binary file that can seek, from ``start`` on.

    The caller keeps it open until all is written, and does not use it meanwhile.
    """

    file: SeekableFile
    start: int
    size: int

    def open(self) -> Reader:
        """Read from the start; closing the reader leaves the file open."""
        return _Borrowed(self)


class _Borrowed:
    """Keeps a position of its own in a file that others may be reading too."""

    def __init__(self, source: StreamSource) -> None:
        self._source = source
        self._position = source.start

    def read(self, size: int, /) -> bytes:
        with _TURN:
            self._source.file.seek(self._position)
            data = self._source.file.read(size)
        self._position += len(data)
        return data

    def close(self) -> None:
        pass
