"""Large members of zlib's, deflated before their turn.

The stream of one member cannot be shared between cores (Z1), but each member's is its own: eight of 32 MiB are
packed in 4.0 s on two cores instead of 7.7 (benchmarks/README.md).
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import IO, Generic, TypeVar

from marpack.archive.member import Member
from marpack.archive.result import Progress
from marpack.disk.threads import ordered_map

Body = TypeVar("Body", bound="Iterable[bytes]")


class _AbandonedError(Exception):
    """Ends the work on a member that nobody waits for any more."""


class DeflatedAhead(Generic[Body]):
    """Deflates ``members`` in their order into anonymous files in ``folder``, ``threads`` at a time.

    There are no more than two a thread, under way or waiting for their turn. ``begin`` makes the body of a member,
    whose progress is reported by the thread that asks for the results.
    """

    def __init__(
        self,
        members: Iterable[Member],
        begin: Callable[[Member, Progress], Body],
        *,
        folder: str,
        threads: int,
        progress: Progress | None,
    ) -> None:
        self._begin = begin
        self._folder = folder
        self._progress = progress
        self._sizes: SimpleQueue[int] = SimpleQueue()
        self._spools: list[IO[bytes]] = []
        self._abandoned = threading.Event()
        self._results = ordered_map(
            self._deflate,
            members,
            threads=threads,
            ahead=threads - 1,
            meanwhile=self._report,
            given_up=self._abandoned,
        )

    def take(self) -> tuple[Body, IO[bytes]]:
        """Return the next member's body, and a file of its bytes; raise what deflating the member raises."""
        result = next(self._results)
        self._report()
        return result

    def close(self) -> None:
        """Give up what has not been taken, and close all files."""
        self._results.close()
        for spool in self._spools:
            spool.close()

    def _deflate(self, member: Member) -> tuple[Body, IO[bytes]]:
        body = self._begin(member, self._count)
        # It has a name where a system cannot do without: one that the server skips.
        spool = tempfile.TemporaryFile(dir=self._folder, prefix=".marpack-", suffix=".tmp")  # noqa: SIM115
        self._spools.append(spool)
        spool.writelines(body)
        spool.seek(0)
        return body, spool

    def _count(self, size: int) -> None:
        if self._abandoned.is_set():
            raise _AbandonedError
        self._sizes.put(size)

    def _report(self) -> None:
        while not self._sizes.empty():
            size = self._sizes.get()
            if self._progress:
                self._progress(size)
