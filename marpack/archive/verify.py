"""All contents of an archive, held against what it says of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.archive.digest import new_sha256
from marpack.archive.entry import CHUNK_SIZE
from marpack.archive.layout import printable
from marpack.errors import ArchiveError, Issue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from marpack.archive.container import ArchiveEntry, Container, MemberReader
    from marpack.archive.content import Progress

__all__ = ["verify_contents"]

# More do not help: memory is the limit.
_MAX_THREADS = 8
# Below, a thread costs more than it saves.
_LARGE_SIZE = 1 << 22


def verify_contents(
    container: Container, digests: Mapping[str, str], *, progress: Progress | None, threads: int | None
) -> list[Issue]:
    """Return what is wrong with the contents of the members; ``digests`` are SHA-256 sums by name."""

    def look(entry: ArchiveEntry, reader: MemberReader) -> Issue | None:
        sha256 = new_sha256() if entry.name in digests else None
        while data := reader.read1(CHUNK_SIZE):
            if sha256:
                sha256.update(data)
            if progress:
                progress(len(data))
        if sha256 and sha256.hexdigest() != digests[entry.name]:
            return Issue(
                code="digest", argument=printable(entry.name), message="is not what the manifest's SHA-256 is of"
            )
        return None

    def open_and_look(entry: ArchiveEntry) -> Issue | None:
        try:
            with container.open(entry) as reader:
                return look(entry, reader)
        except ArchiveError as error:
            return error.issue

    threads = min(threads or os.cpu_count() or 1, _MAX_THREADS)
    found: list[Issue | None] = []
    if container.form == "tgz":
        try:
            found += [look(entry, reader) for entry, reader in container.contents(frozenset(container.entries))]
        except ArchiveError as error:
            found.append(error.issue)
    else:
        found += _each(container.entries, open_and_look, threads)
    return [issue for issue in found if issue]


def _each(
    entries: Sequence[ArchiveEntry], look: Callable[[ArchiveEntry], Issue | None], threads: int
) -> Iterator[Issue | None]:
    """Look at the large ones by several threads at once, at the others here meanwhile."""
    large = [entry for entry in entries if entry.size > _LARGE_SIZE]
    small = [entry for entry in entries if entry.size <= _LARGE_SIZE]
    if threads == 1 or len(large) < 2:
        yield from map(look, entries)
        return
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and needed for large contents only

    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(look, entry) for entry in large]
        try:
            yield from map(look, small)
            for future in waiting:
                yield future.result()
        finally:
            for future in waiting:
                future.cancel()
