"""One member of an archive: as it is planned, and as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import field

from marpack.archive.forms import Compression
from marpack.archive.sources import CHUNK_SIZE, FileSource, Source
from marpack.errors import SourceChangedError
from marpack.frozen import frozen

_COMPRESSIONS = frozenset(Compression)


@frozen
class Member:
    """One planned member.

    ``name`` is the path inside the archive and ``size`` the number of bytes that ``source`` gives. ``mode`` are
    the permission bits, None for the manifest, whose mode each form has its own way to write. ``mtime_ns`` is the
    time of last change in nanoseconds since the epoch, and ``origin`` says for messages where it comes from.
    """

    name: str
    source: Source
    size: int
    mode: int | None
    mtime_ns: int
    compression: Compression
    origin: str

    def __post_init__(self) -> None:
        if not 0 <= self.size < 1 << 63:
            raise ValueError(f"the size of {self.name!r} cannot be {self.size}")
        if self.mode is not None and not 0 <= self.mode <= 0o7777:
            raise ValueError(f"the mode of {self.name!r} holds more than permission bits: {self.mode:#o}")
        if self.compression not in _COMPRESSIONS:
            raise ValueError(f"the compression of {self.name!r} cannot be {self.compression!r}")

    @property
    def mtime(self) -> float:
        """The time of last change in seconds, rounded as ``os.stat`` rounds it."""
        seconds, nanoseconds = divmod(self.mtime_ns, 10**9)
        return seconds + 1e-9 * nanoseconds

    def chunks(self) -> Iterator[bytes]:
        """Yield the contents; ``SourceChangedError`` unless they are exactly as long as planned."""
        if isinstance(self.source, FileSource) and 0 < self.size <= CHUNK_SIZE:
            data = self.source.read()
            if len(data) == self.size:
                yield data
                return
        left = self.size
        with closing(self.source.open()) as reader:
            while left > 0:
                chunk = bytes(reader.read(min(CHUNK_SIZE, left)))  # a view of wider items counts them, not bytes
                if not chunk:
                    raise SourceChangedError(self.origin, f"ended {left} bytes before the planned {self.size}")
                left -= len(chunk)
                yield chunk
            if left < 0 or reader.read(1):
                raise SourceChangedError(self.origin, f"is longer than the planned {self.size} bytes")


@frozen
class ArchiveMember:
    """One member of an archive, as it says of itself.

    ``name`` is the path that the server gives it below the model's folder: without the first folder, in a tgz.
    ``size`` and ``compressed_size`` are bytes; where members are not compressed one by one they are equal, and
    ``compression`` and ``crc32`` are None. ``mode`` are the Unix mode bits and ``mtime_ns`` is the time of last
    change in nanoseconds since the epoch (of a zip, whose times have no zone, taken for UTC), None where there are
    none. ``index`` is its place among the archive's ``members``, and no part of what makes two members equal.
    """

    index: int = field(compare=False)
    name: str
    size: int
    compressed_size: int
    compression: Compression | int | None = None
    crc32: int | None = None
    mode: int | None = None
    mtime_ns: int | None = None
