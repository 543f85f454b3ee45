"""The contents of one member on their way into an archive: read once, counted, hashed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from marpack.archive.result import WrittenEntry

if TYPE_CHECKING:
    from hashlib import _Hash

    from marpack.archive.entry import Entry

__all__ = ["Content", "Progress", "new_sha256"]

Progress: TypeAlias = Callable[[int], object]


def new_sha256() -> _Hash:
    """Begin a SHA-256."""
    import hashlib  # slow to import, and needed for digests only

    return hashlib.sha256()


class Content:
    """Passes on the chunks of ``entry`` and remembers their size, CRC-32 and, with ``digest``, SHA-256.

    ``progress`` is called with the length of each chunk once it has been passed on.
    """

    def __init__(self, entry: Entry, *, digest: bool = False, progress: Progress | None = None) -> None:
        self.entry = entry
        self.crc = 0
        self._hash = new_sha256() if digest else None
        self._progress = progress

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.entry.chunks():
            self.crc = zlib.crc32(chunk, self.crc)
            if self._hash:
                self._hash.update(chunk)
            yield chunk
            if self._progress:
                self._progress(len(chunk))

    def written(self, compressed_size: int | None = None) -> WrittenEntry:
        """Describe the member after its last chunk."""
        size = self.entry.size
        return WrittenEntry(
            name=self.entry.name,
            size=size,
            compressed_size=size if compressed_size is None else compressed_size,
            crc32=self.crc,
            sha256=self._hash.hexdigest() if self._hash else None,
        )
