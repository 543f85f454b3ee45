"""Large members of zlib's, deflated before their turn.

The stream of one member cannot be shared between cores (Z1), but each member's is its own.
"""

from __future__ import annotations

import errno
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from marpack.archive.member import Member
    from marpack.archive.result import Progress

__all__ = ["Ahead"]

Body = TypeVar("Body", bound="Iterable[bytes]")


class _AbandonedError(Exception):
    """Ends the work on a member that nobody waits for any more."""


class Ahead(Generic[Body]):
    """Deflates ``members`` in their order into anonymous files in ``folder``, ``threads`` at a time.

    There are no more than two a thread, under way or waiting for their turn. ``begin`` makes the body of a member,
    whose progress comes to the thread that asks for the results.
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
        self._abandoned = False
        # Numbers of bytes done, and None when a member is.
        self._news: SimpleQueue[int | None] = SimpleQueue()
        self._to_do = deque(members)
        self._pool = ThreadPoolExecutor(threads)
        self._under_way: deque[Future[tuple[Body, IO[bytes]]]] = deque()
        self._most = 2 * threads

    def take(self) -> tuple[Body, IO[bytes]] | None:
        """Return the next member's body, and a file of its bytes, which the caller closes.

        Return None where there is not a single thread to be had. Raises what deflating the member raises.
        """
        self._start()
        if not self._under_way:
            return None
        future = self._under_way[0]
        while not future.done() or not self._news.empty():
            size = self._news.get()
            if size is not None and self._progress:
                self._progress(size)
        spool = future.result()
        self._under_way.popleft()
        self._start()
        return spool

    def close(self) -> None:
        """Give up what has not been taken."""
        self._abandoned = True
        self._pool.shutdown(cancel_futures=True)
        for future in self._under_way:
            if not future.cancelled() and future.exception() is None:
                future.result()[1].close()

    def _start(self) -> None:
        while self._to_do and len(self._under_way) < self._most:
            try:
                future = self._pool.submit(self._deflate, self._to_do.popleft())
            except RuntimeError as error:
                if not self._under_way:
                    return
                raise OSError(errno.EAGAIN, f"{error}: limit the threads") from error
            future.add_done_callback(lambda _: self._news.put(None))
            self._under_way.append(future)

    def _deflate(self, member: Member) -> tuple[Body, IO[bytes]]:
        body = self._begin(member, self._count)
        # It has a name where a system cannot do without: one that the server skips.
        spool = tempfile.TemporaryFile(dir=self._folder, prefix=".marpack-", suffix=".tmp")  # noqa: SIM115
        try:
            spool.writelines(body)
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
        return body, spool

    def _count(self, size: int) -> None:
        if self._abandoned:
            raise _AbandonedError
        self._news.put(size)
