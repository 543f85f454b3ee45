"""All contents of an archive, held against what it says of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from marpack.archive.formats.checksums import crc32, crc32_combine, new_sha256
from marpack.archive.forms import Compression
from marpack.archive.member import ArchiveMember
from marpack.archive.read.container import Container
from marpack.archive.read.member_reader import WRONG_CRC, MemberReader
from marpack.archive.sources import CHUNK_SIZE
from marpack.disk.threads import GivenUpError, checked_threads, ordered_map
from marpack.errors import ArchiveError
from marpack.findings import Issue
from marpack.frozen import frozen_in_order

if TYPE_CHECKING:
    from marpack.archive.result import Progress

# Of members and parts of members: how long the part is, and its CRC or what is wrong with it.
_Outcome: TypeAlias = "list[tuple[ArchiveMember, int, int | Issue]]"

# More do not help: memory is the limit.
_MAX_THREADS = 8
# Below, a thread costs more than it saves.
_LARGE_SIZE = 1 << 22
# What is stored is summed in parts of this size.
_PART_SIZE = 1 << 25


def verify_contents(
    container: Container, digests: Mapping[str, str], *, progress: Progress | None, threads: int | None
) -> list[Issue]:
    """Return what is wrong with the contents of the members; ``digests`` are SHA-256 sums by name.

    Raises ``ValueError`` for less than one thread.
    """
    threads = checked_threads(threads, _MAX_THREADS)
    verifier = _Verifier(container, digests, progress, threads, threading.Event())
    return verifier.in_one_reading() if container.form == "tgz" else verifier.by_threads()


@frozen_in_order
class _Verifier:
    """Reads members, whole or in parts, on any thread."""

    container: Container
    digests: Mapping[str, str]
    progress: Progress | None
    threads: int
    given_up: threading.Event

    def in_one_reading(self) -> list[Issue]:
        try:
            contents = self.container.contents(frozenset(self.container.members))
            return [issue for member, reader in contents if (issue := self._whole(member, reader))]
        except ArchiveError as error:
            return [error.issue]

    def by_threads(self) -> list[Issue]:
        members = self.container.members
        tasks = [partial(self._wholes, members)] if self.threads == 1 else [*self._tasks(members)]
        issues: dict[int, Issue] = {}
        crcs: dict[int, int] = {}
        threads = min(self.threads, len(tasks))
        results = ordered_map(
            lambda task: task(), tasks, threads=threads, ahead=len(tasks), given_up=self.given_up
        )
        with closing(results):
            for member, length, found in chain.from_iterable(results):
                if isinstance(found, Issue):
                    issues.setdefault(member.index, found)
                else:
                    crcs[member.index] = crc32_combine(crcs.get(member.index, 0), found, length)
        for index, crc in crcs.items():
            if crc != members[index].crc32:
                issues.setdefault(index, Issue(code="crc", argument=members[index].name, message=WRONG_CRC))
        return [issues[index] for index in sorted(issues)]

    def _tasks(self, members: Iterable[ArchiveMember]) -> Iterator[partial[_Outcome]]:
        """Yield what one thread does at once: all small members, a large one, a part of one that is stored."""
        yield partial(self._wholes, [member for member in members if member.size <= _LARGE_SIZE])
        for member in (member for member in members if member.size > _LARGE_SIZE):
            if member.compression is Compression.STORED and member.name not in self.digests:
                yield from (partial(self._part, member, start) for start in range(0, member.size, _PART_SIZE))
            else:
                yield partial(self._wholes, [member])

    def _wholes(self, members: Iterable[ArchiveMember]) -> _Outcome:
        found: _Outcome = []
        for member in members:
            try:
                with self.container.open(member) as reader:
                    issue = self._whole(member, reader)
            except ArchiveError as error:
                issue = error.issue
            if issue:
                found.append((member, member.size, issue))
        return found

    def _whole(self, member: ArchiveMember, reader: MemberReader) -> Issue | None:
        sha256 = new_sha256() if member.name in self.digests else None
        with closing(reader.pieces(threads=self.threads)) as pieces:
            for data in pieces:
                if sha256:
                    sha256.update(data)
                self._count(data)
        if not sha256 or sha256.hexdigest() == self.digests[member.name]:
            return None
        return Issue(code="digest", argument=member.name, message="is not what the manifest's SHA-256 is of")

    def _part(self, member: ArchiveMember, start: int) -> _Outcome:
        """Take the CRC of a part of a stored member."""
        length = min(_PART_SIZE, member.size - start)
        crc = 0
        try:
            with self.container.open(member) as reader:
                reader.leave_sum_to_others()
                reader.seek(start)
                left = length
                while data := reader.read1(min(CHUNK_SIZE, left)):
                    crc = crc32(data, crc)
                    left -= len(data)
                    self._count(data)
        except ArchiveError as error:
            return [(member, length, error.issue)]
        return [(member, length, crc)]

    def _count(self, data: bytes) -> None:
        """Tell of what has been read, on any thread; end the work if nobody waits for it any more."""
        if self.given_up.is_set():
            raise GivenUpError
        if self.progress:
            self.progress(len(data))
