"""The contents of one member on their way into an archive: read once, counted, summed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marpack.archive.formats.checksums import crc32, new_sha256
from marpack.archive.result import WrittenMember

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.archive.member import Member
    from marpack.archive.result import Progress
    from marpack.archive.sources import DeflatedSource
    from marpack.archive.write.file_hasher import FileHasher

__all__ = ["MemberContents"]


class MemberContents:
    """Passes on the chunks of ``member`` and remembers their CRC-32 and, with ``digest``, SHA-256.

    ``progress`` is called with the length of each chunk once it has been passed on. Who moves the contents in
    another way sets ``crc``, and has ``hasher`` follow what is written.
    """

    def __init__(self, member: Member, *, digest: bool = False, progress: Progress | None = None) -> None:
        self.member = member
        self.digest = digest
        self.progress = progress
        self.crc = 0
        self.hasher: FileHasher | None = None
        self._sha256: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        sha256 = new_sha256() if self.digest else None
        for chunk in self.member.chunks():
            self.crc = crc32(chunk, self.crc)
            if sha256:
                sha256.update(chunk)
            yield chunk
            if self.progress:
                self.progress(len(chunk))
        self._sha256 = sha256.hexdigest() if sha256 else None

    def copied(self, source: DeflatedSource) -> Iterator[bytes]:
        """Pass on what the contents are deflated to; the sums are those of what comes out of it."""
        sha256 = new_sha256() if self.digest else None
        for piece, data in source.deflated():
            if sha256:
                sha256.update(data)
            yield piece
            if self.progress:
                self.progress(len(data))
        self.crc = source.crc32
        self._sha256 = sha256.hexdigest() if sha256 else None

    def written(self, compressed_size: int | None = None) -> WrittenMember:
        """Describe the member after its last chunk, once its sum is there."""
        if self.hasher:
            self._sha256 = self.hasher.finish()
        size = self.member.size
        return WrittenMember(
            name=self.member.name,
            size=size,
            compressed_size=size if compressed_size is None else compressed_size,
            crc32=self.crc,
            sha256=self._sha256,
        )

    def abandon(self) -> None:
        """End what hashes the contents, should it still be at work."""
        if self.hasher:
            self.hasher.abandon()
