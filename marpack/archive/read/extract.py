"""From an archive to a folder, by several threads at once."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from marpack.archive.formats.checksums import crc32_combine
from marpack.archive.names import parents
from marpack.archive.read.stored_copy import StoredCopy
from marpack.disk.atomic import replacing_folder
from marpack.disk.file_names import file_name_problem, without_last_separator
from marpack.disk.paced_write import PacedWriter
from marpack.disk.space import free_space
from marpack.disk.threads import GivenUpError, checked_threads, ordered_map
from marpack.errors import MarpackError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from marpack.archive.member import ArchiveMember
    from marpack.archive.read.container import Container
    from marpack.archive.read.member_reader import MemberReader
    from marpack.archive.result import Progress

# A part of a large member that has been written: how many bytes, and their CRC.
_Part: TypeAlias = "tuple[StoredCopy, int, int]"

# More do not help: memory is the limit.
_MAX_THREADS = 8
# Members that are not larger together are one task: a thread for each would cost more than it saves. A stored one
# above begins at a block in ``auto`` (Z9).
_SMALL_SIZE = 1 << 20
# Up to this size most of the work is Python's, which one thread at a time does: 5,000 members of half a kibibyte
# take 0.40 s, and 0.55 when two threads share them.
_TINY_SIZE = 1 << 16


def extract(
    container: Container,
    folder: str,
    wanted: Sequence[ArchiveMember] | None,
    *,
    marker: str,
    force: bool,
    progress: Progress | None,
    threads: int | None,
) -> tuple[str, ...]:
    """Write the members below a new folder; their names have been found harmless.

    With ``force`` the folder may replace one that holds the ``marker``. Of several errors that of the first
    member is raised, however many ``threads`` there are; ``ValueError`` for less than one.
    """
    threads = checked_threads(threads, _MAX_THREADS)
    folder = without_last_separator(folder)
    chosen = frozenset(container.members if wanted is None else wanted)
    members = [member for member in container.members if member in chosen]
    total = sum(member.size for member in members)
    for name in (*container.folders, *(member.name for member in members)):
        if problem := file_name_problem(name):
            raise MarpackError(f"{container.path!r} holds {name!r}, {problem}")
    with replacing_folder(folder, force=force, marker=marker, may_be_empty=True) as building:
        free = free_space(building)
        if free is not None and total > free:
            raise TargetError(folder, f"has room for {free:,} bytes, and the members hold {total:,}")
        extraction = _Extraction(container, building, progress, threads)
        for name in container.folders if wanted is None else ():
            extraction.make([*parents(name), name])
        if container.form == "tgz":
            extraction.in_one_reading(chosen)
        else:
            extraction.by_threads(members)
        if container.must_stay:
            container.require_unchanged()
    return tuple(member.name for member in members)


class _Extraction:
    """Writes members below ``root``, and tells ``progress`` of it on the thread that it is made on."""

    def __init__(self, container: Container, root: str, progress: Progress | None, threads: int) -> None:
        self._container = container
        self._root = root
        self._progress = progress
        self._threads = threads
        self._writer = PacedWriter()
        self._made: set[str] = set()
        self._caller = threading.get_ident()
        self._counts: SimpleQueue[int] = SimpleQueue()
        self._given_up = threading.Event()

    def make(self, folders: Sequence[str]) -> None:
        """Make the folders that have not been made."""
        for folder in folders:
            if folder not in self._made:
                os.mkdir(self._path(folder))
                self._made.add(folder)

    def in_one_reading(self, wanted: Collection[ArchiveMember]) -> None:
        """Write members one after another, as they come."""
        for member, reader in self._container.contents(wanted):
            self.make(parents(member.name))
            self._write(member, reader)

    def by_threads(self, members: Sequence[ArchiveMember]) -> None:
        """Write members, several or parts of one at once; raise what is wrong with the first."""
        done, crc = 0, 0
        results = ordered_map(
            lambda task: task(),
            self._tasks(members),
            threads=self._threads,
            ahead=self._threads,
            meanwhile=self._report if self._progress else None,
            given_up=self._given_up,
        )
        with closing(results):
            for part in results:
                self._report()
                if part:
                    copy, length, crc_of_part = part
                    done, crc = done + length, crc32_combine(crc, crc_of_part, length)
                    if done == copy.member.size:
                        copy.finish(crc)
                        done, crc = 0, 0

    def _tasks(self, members: Sequence[ArchiveMember]) -> Iterator[Callable[[], _Part | None]]:
        """Yield what one thread does at once, in the order of the members; folders and tiny ones are made here."""
        small: list[ArchiveMember] = []
        try:
            for member in members:
                self.make(parents(member.name))
                if member.size <= _TINY_SIZE:
                    self._wholes([member])
                    continue
                copy = None
                if member.size > _SMALL_SIZE:
                    copy = StoredCopy.begin(self._container, member, self._path(member.name), self._writer)
                if copy is None:
                    small.append(member)
                if small and (copy or sum(member.size for member in small) > _SMALL_SIZE):
                    yield partial(self._wholes, small)
                    small = []
                if copy:
                    yield from (partial(self._part, copy, *bounds) for bounds in copy.parts())
        except Exception as error:
            # Its turn comes when what lies before has been written.
            yield from (partial(self._wholes, small), partial(_raise, error))
        else:
            yield partial(self._wholes, small)

    def _part(self, copy: StoredCopy, start: int, end: int) -> _Part:
        crc = copy.part(start, end)
        self._count(end - start)
        return copy, end - start, crc

    def _wholes(self, members: Sequence[ArchiveMember]) -> None:
        for member in members:
            with self._container.open(member) as reader:
                self._write(member, reader)

    def _write(self, member: ArchiveMember, reader: MemberReader) -> None:
        with open(self._path(member.name), "xb") as file, closing(reader.pieces(threads=self._threads)) as pieces:
            for data in pieces:
                file.write(data)
                self._count(len(data))

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name)

    def _count(self, size: int) -> None:
        """Note what has been written, on any thread; end the work if nobody waits for it any more."""
        if self._given_up.is_set():
            raise GivenUpError
        if self._progress:
            self._counts.put(size)
            if threading.get_ident() == self._caller:
                self._report()

    def _report(self) -> None:
        while self._progress and not self._counts.empty():
            self._progress(self._counts.get())


def _raise(error: Exception) -> NoReturn:
    raise error
