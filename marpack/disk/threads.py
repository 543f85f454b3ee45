"""Threads: how many there may be, and results in order, whichever thread they come from."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["checked_threads", "ordered_map", "usable_cpus"]

T = TypeVar("T")
R = TypeVar("R")


def usable_cpus() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_threads(threads: int | None, most: int) -> int:
    """Return a number of threads, at most ``most`` and by default one a core; ``ValueError`` for less than one."""
    given: object = usable_cpus() if threads is None else threads
    if not isinstance(given, int) or given < 1:
        raise ValueError(f"threads must be a whole number from 1 on, not {given!r}")
    return min(int(given), most)


def ordered_map(function: Callable[[T], R], items: Iterable[T], *, threads: int, ahead: int = 0) -> Iterator[R]:
    """Yield ``function(item)`` for each item, in order, of which ``threads`` are computed at once.

    The caller's thread takes the items, at most ``threads + ahead`` beyond the one whose result comes next. It
    computes them too where ``threads`` is 1 or the system gives no thread. What ``function`` raises is raised in
    its turn. An early end gives up what has not begun, and waits for what has.
    """
    pool = None
    if threads > 1:
        with suppress(RuntimeError):  # Python ends
            from concurrent.futures import ThreadPoolExecutor  # slow to import, and needed for large contents only

            pool = ThreadPoolExecutor(threads)
    waiting: deque[Callable[[], R]] = deque()
    try:
        for item in items:
            result: Callable[[], R] = _Once(function, item)
            try:
                if pool:
                    result = pool.submit(result).result
            except RuntimeError:  # no more threads: the caller computes it, unless one that there is comes first
                if not waiting:
                    pool = None  # nor a first one; the pool would keep all items in its queue
            waiting.append(result)
            if not pool or len(waiting) > threads + ahead:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)


class _Once(Generic[T, R]):
    """A call that two threads may make, of which one computes and both have the result.

    A pool that cannot start a thread has the call in its queue all the same.
    """

    def __init__(self, function: Callable[[T], R], item: T) -> None:
        self._function = function
        self._item = item
        self._turn = Lock()
        self._results: list[R] = []

    def __call__(self) -> R:
        with self._turn:
            if not self._results:
                self._results.append(self._function(self._item))
            return self._results[0]
