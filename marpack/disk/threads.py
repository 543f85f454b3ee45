"""Threads: how many there may be, and results in order, whichever thread they come from."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from itertools import islice, repeat
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# How long a caller who waits for a result is left without news.
_NEWS_SECONDS = 0.02


class GivenUpError(Exception):
    """Ends the work on what nobody waits for any more."""


def usable_cpus() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def checked_threads(threads: int | None, most: int) -> int:
    """Return a number of threads, at most ``most`` and by default one a core; ``ValueError`` for less than one."""
    given: object = usable_cpus() if threads is None else threads
    if not isinstance(given, int) or given < 1:
        raise ValueError(f"threads must be a whole number from 1 on, not {given!r}")
    return min(int(given), most)


def ordered_map(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    threads: int,
    ahead: int = 0,
    meanwhile: Callable[[], object] | None = None,
    given_up: threading.Event | None = None,
) -> Generator[R, None, None]:
    """Yield ``function(item)`` for each item, in order, of which ``threads`` are computed at once.

    The caller's thread takes the items, at most ``threads + ahead`` beyond the one whose result comes next, and
    calls ``meanwhile`` now and then while it waits. It computes them too where ``threads`` is 1 or the system
    gives no thread. What ``function`` raises is raised in its turn. An early end, or an interruption, gives up
    what has not begun, and waits for what has, which can see by ``given_up`` that it need not go on.
    """
    team = _Team(function, threads if threads > 1 else 0)
    return _in_order(team, items, threads + ahead, meanwhile, given_up)


def taken_ahead(items: Iterable[T], ahead: int) -> Generator[T, None, None]:
    """Yield the items, which one thread takes, at most ``ahead`` of them before they are asked for.

    As in ``ordered_map``, errors are raised in their turn, and an early end waits for the item that is on its way.
    """
    iterator = iter(items)
    team: _Team[None, tuple[T, ...]] = _Team(lambda _: tuple(islice(iterator, 1)), 1)
    with closing(_in_order(team, repeat(None), ahead, None, None)) as found:
        for item in found:
            if not item:
                return
            yield item[0]


def _in_order(
    team: _Team[T, R],
    items: Iterable[T],
    most: int,
    meanwhile: Callable[[], object] | None,
    given_up: threading.Event | None,
) -> Generator[R, None, None]:
    waiting: deque[_Call[T, R]] = deque()
    try:
        for item in items:
            waiting.append(team.begin(item))
            if not team.threads or len(waiting) > most:
                yield waiting.popleft().result(meanwhile)
        while waiting:
            yield waiting.popleft().result(meanwhile)
    finally:
        if given_up:
            given_up.set()
        team.end()


class _Call(Generic[T, R]):
    """A call, and its result or its error once it is ``done``."""

    def __init__(self, item: T) -> None:
        self.done = threading.Event()
        self._item = [item]
        self._results: list[R] = []
        self._error: BaseException | None = None

    def make(self, function: Callable[[T], R]) -> None:
        try:
            self._results.append(function(self._item.pop()))  # the item is not kept beside its result
        except BaseException as error:
            self._error = error
        self.done.set()

    def result(self, meanwhile: Callable[[], object] | None) -> R:
        while not self.done.wait(_NEWS_SECONDS if meanwhile else None):
            if meanwhile:
                meanwhile()
        if self._error:
            try:
                raise self._error
            finally:
                self._error = None  # it knows the frames, which know it
        return self._results.pop()


class _Team(Generic[T, R]):
    """Threads that make calls.

    ``concurrent.futures`` is slow to import, and does not wait for a thread whose start was interrupted, which
    then uses a descriptor that the caller has closed.
    """

    def __init__(self, function: Callable[[T], R], most: int) -> None:
        self.threads: list[threading.Thread] = []
        self._function = function
        self._most = most
        self._changed = threading.Condition()
        self._calls: deque[_Call[T, R]] = deque()
        self._ended = False

    def begin(self, item: T) -> _Call[T, R]:
        """Have a thread make the call, or make it here when there is none."""
        if len(self.threads) < self._most:
            self._start()
        call: _Call[T, R] = _Call(item)
        if self.threads:
            with self._changed:
                self._calls.append(call)
                self._changed.notify()
        else:
            call.make(self._function)
        return call

    def end(self) -> None:
        """Wait for all threads, also when interrupted: they use what the caller closes next."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        interruption: BaseException | None = None
        for thread in self.threads:
            while thread.is_alive():
                try:
                    thread.join()
                except BaseException as error:
                    interruption = error
        if interruption:
            raise interruption

    def _start(self) -> None:
        # A daemon: Python waits for others at its end, when nobody may ever ask for the next result.
        thread = threading.Thread(target=self._work, daemon=True)
        self.threads.append(thread)  # before it starts: who is interrupted has it to wait for
        try:
            thread.start()
        except RuntimeError:  # the system gives no more, or Python ends
            self.threads.remove(thread)
            self._most = len(self.threads)

    def _work(self) -> None:
        while call := self._next():
            call.make(self._function)

    def _next(self) -> _Call[T, R] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._ended)
            return None if self._ended else self._calls.popleft()
