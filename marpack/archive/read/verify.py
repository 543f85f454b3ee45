"""All contents of an archive, held against what it says of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.archive.formats.checksums import crc32, crc32_combine, new_sha256
from marpack.archive.forms import Compression
from marpack.archive.read.member_reader import WRONG_CRC
from marpack.archive.sources import CHUNK_SIZE
from marpack.display import printable
from marpack.errors import ArchiveError
from marpack.findings import Issue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from marpack.archive.member import ArchiveMember
    from marpack.archive.read.container import Container
    from marpack.archive.read.member_reader import MemberReader
    from marpack.archive.result import Progress

__all__ = ["verify_contents"]

# More do not help: memory is the limit.
_MAX_THREADS = 8
# Below, a thread costs more than it saves.
_LARGE_SIZE = 1 << 22
# What is stored is summed in parts of this size.
_PART_SIZE = 1 << 25


def verify_contents(
    container: Container, digests: Mapping[str, str], *, progress: Progress | None, threads: int | None
) -> list[Issue]:
    """Return what is wrong with the contents of the members; ``digests`` are SHA-256 sums by name."""

    def look(member: ArchiveMember, reader: MemberReader) -> Issue | None:
        sha256 = new_sha256() if member.name in digests else None
        while data := reader.read1(CHUNK_SIZE):
            if sha256:
                sha256.update(data)
            if progress:
                progress(len(data))
        if sha256 and sha256.hexdigest() != digests[member.name]:
            return Issue(
                code="digest", argument=printable(member.name), message="is not what the manifest's SHA-256 is of"
            )
        return None

    def open_and_look(member: ArchiveMember) -> Issue | None:
        try:
            with container.open(member) as reader:
                return look(member, reader)
        except ArchiveError as error:
            return error.issue

    def sum_part(member: ArchiveMember, start: int, length: int) -> int | Issue:
        """Return the CRC of a part of a stored member."""
        crc = 0
        try:
            with container.open(member) as reader:
                reader.leave_sum_to_others()
                reader.seek(start)
                while length and (data := reader.read1(min(CHUNK_SIZE, length))):
                    crc = crc32(data, crc)
                    length -= len(data)
                    if progress:
                        progress(len(data))
        except ArchiveError as error:
            return error.issue
        return crc

    threads = min(threads or os.cpu_count() or 1, _MAX_THREADS)
    if container.form == "tgz":
        try:
            found = [look(member, reader) for member, reader in container.contents(frozenset(container.members))]
        except ArchiveError as error:
            found = [error.issue]
        return [issue for issue in found if issue]
    large = [member for member in container.members if member.size > _LARGE_SIZE]
    split = [member for member in large if member.compression is Compression.STORED and member.name not in digests]
    if threads == 1 or (len(large) < 2 and not split):
        return [issue for issue in map(open_and_look, container.members) if issue]
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and needed for large contents only

    with ThreadPoolExecutor(threads) as pool:
        parts = {
            id(member): [(length, pool.submit(sum_part, member, at, length)) for at, length in _parts(member.size)]
            for member in split
        }
        wholes = {id(member): pool.submit(open_and_look, member) for member in large if id(member) not in parts}
        try:
            told = []
            for member in container.members:
                if id(member) in parts:
                    told.append(_joined(member, [(length, part.result()) for length, part in parts[id(member)]]))
                else:
                    told.append(wholes[id(member)].result() if id(member) in wholes else open_and_look(member))
        finally:
            pool.shutdown(cancel_futures=True)
    return [issue for issue in told if issue]


def _parts(size: int) -> Iterator[tuple[int, int]]:
    """Yield where each part begins and how long it is."""
    for start in range(0, size, _PART_SIZE):
        yield start, min(_PART_SIZE, size - start)


def _joined(member: ArchiveMember, parts: Sequence[tuple[int, int | Issue]]) -> Issue | None:
    """Return what is wrong with a member, from the CRCs of its parts."""
    crc = 0
    for length, part in parts:
        if isinstance(part, Issue):
            return part
        crc = crc32_combine(crc, part, length)
    if crc == member.crc32:
        return None
    return Issue(code="crc", argument=printable(member.name), message=WRONG_CRC)
