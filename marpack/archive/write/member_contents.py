"""What all forms are written with: the contents of a member, read once and summed, and a stream of members."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field

from marpack.archive.formats.checksums import crc32, new_sha256
from marpack.archive.member import Member
from marpack.archive.plan.plan import Plan
from marpack.archive.result import Progress, WrittenMember
from marpack.archive.sources import DeflatedSource
from marpack.archive.write.file_hasher import FileHasher


class MemberContents:
    """Passes on the chunks of ``member`` and remembers their CRC-32 and, with ``digest``, SHA-256.

    ``progress`` is called with the length of each chunk once it has been passed on. Who moves the contents in
    another way sets ``crc``, has ``hasher`` follow what is written, and says in ``shared`` how many of the first
    bytes are blocks that the source and what is written share, and in ``ctime_ns`` when the source had last been
    touched until then.
    """

    def __init__(self, member: Member, *, digest: bool = False, progress: Progress | None = None) -> None:
        self.member = member
        self.digest = digest
        self.progress = progress
        self.crc = 0
        self.shared = self.ctime_ns = 0
        self.hasher: FileHasher | None = None
        self._hash = new_sha256() if digest else None

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.member.chunks():
            self.crc = crc32(chunk, self.crc)
            if self._hash:
                self._hash.update(chunk)
            yield chunk
            if self.progress:
                self.progress(len(chunk))

    def copied(self, source: DeflatedSource) -> Iterator[bytes]:
        """Pass on what the contents are deflated to; the sums are those of what comes out of it."""
        packed = None if self._hash else source.packed()
        if packed is not None:
            yield from self._as_it_is(packed, source.compressed_size)
            return
        for piece, data in source.deflated():
            if self._hash:
                self._hash.update(data)
            yield piece
            if self.progress:
                self.progress(len(data))

    def _as_it_is(self, packed: Iterable[bytes], packed_size: int) -> Iterator[bytes]:
        passed = told = 0
        for piece in packed:
            yield piece
            passed += len(piece)
            if self.progress:
                before, told = told, self.member.size * passed // packed_size
                self.progress(told - before)

    def written(self, compressed_size: int | None = None) -> WrittenMember:
        """Describe the member after its last chunk, once its sum is there."""
        size = self.member.size
        sha256 = self._hash.hexdigest() if self._hash else None
        return WrittenMember(
            name=self.member.name,
            size=size,
            compressed_size=size if compressed_size is None else compressed_size,
            crc32=self.crc,
            sha256=self.hasher.finish() if self.hasher else sha256,
        )

    def abandon(self) -> None:
        """End what hashes the contents, should it still be at work."""
        if self.hasher:
            self.hasher.abandon()


@dataclass(kw_only=True, eq=False, repr=False)
class Stream(ABC):
    """Yields the bytes of an archive; ``written`` grows with each member that is complete."""

    plan: Plan
    threads: int
    digest: bool = False
    progress: Progress | None = None
    written: list[WrittenMember] = field(default_factory=list, init=False)

    @abstractmethod
    def __iter__(self) -> Generator[bytes, None, None]: ...
