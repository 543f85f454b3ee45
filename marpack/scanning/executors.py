"""Work given to an executor in tasks, and results in order, though archives may end the process that looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
R = TypeVar("R")
A = TypeVar("A")

ExecutorSource: TypeAlias = "Executor | Callable[[], Executor]"
"""What gives tasks to processes: an executor, which stays open; or what makes one, as often as one is needed."""

# Without the GIL, an interruption that comes just before a thread begins to wait is noticed when the wait ends, no
# earlier (Python 3.14.7: 22 of 40 that were sent to ``marpack scan``). So no wait is longer than this, in seconds.
_LONGEST_WAIT = 0.5


class Spread(Generic[T, R]):
    """Gives tasks, each of some items, to an executor.

    ``work`` returns a result for each item of a task and raises nothing, so what is raised is the executor's: a
    process that ended, a worker that could not be reached. Each item of such a task is tried once more, alone.
    When that fails too while ``answers`` still works there, it is the item's doing, of which ``lost`` makes a
    result. Else the executor's error is raised. ``judged`` returns what came back for a task, or raises where that
    is not what ``work`` returns: an executor may lose it in silence.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], list[R]],
        *,
        executor: ExecutorSource,
        answers: Callable[[], object],
        lost: Callable[[T, Exception], R],
        judged: Callable[[Sequence[T], object], list[R]],
    ) -> None:
        self._work = work
        self._make = None if isinstance(executor, Executor) else executor
        self._executor = executor if isinstance(executor, Executor) else executor()
        self._answers = answers
        self._lost = lost
        self._judged = judged
        self._waiting: deque[tuple[Sequence[T], Future[list[R]]]] = deque()

    def results(self, tasks: Iterable[Sequence[T]], *, in_flight: int) -> Iterator[R]:
        """Yield the result of each item of each task, in order, of which so many tasks are given out at once."""
        try:
            for task in tasks:
                self._waiting.append((task, self._submit(self._work, task)))
                if len(self._waiting) >= in_flight:
                    yield from self._next()
            while self._waiting:
                yield from self._next()
        except BaseException:  # interrupted, or nobody wants more: what is under way is not waited for
            self._end(wait=False)
            raise
        self._end(wait=True)

    def _next(self) -> Iterator[R]:
        """Yield the results of the task that was given out first, and of all that fell with it."""
        task, future = self._waiting.popleft()
        try:
            found = _result(future)
        except BrokenExecutor:
            # All that was given out may be to blame: nothing else is under way while each is tried alone.
            self._renew()
            yield from self._singly(task)
            while self._waiting:
                yield from self._next_fallen()
        except Exception:
            yield from self._singly(task)
        else:
            yield from self._judged(task, found)

    def _next_fallen(self) -> Iterator[R]:
        task, future = self._waiting.popleft()
        try:
            found = _result(future)
        except Exception:
            yield from self._singly(task)
        else:
            yield from self._judged(task, found)

    def _singly(self, task: Sequence[T]) -> Iterator[R]:
        for item in task:
            try:
                found = _result(self._submit(self._work, [item]))
            except Exception as error:
                if isinstance(error, BrokenExecutor):
                    self._renew()
                _result(self._submit(self._answers))  # raises where nothing works
                yield self._lost(item, error)
            else:
                yield from self._judged([item], found)

    def _submit(self, function: Callable[..., A], *arguments: object) -> Future[A]:
        try:
            return self._executor.submit(function, *arguments)
        except BrokenExecutor as error:  # by a task that was given out before
            future: Future[A] = Future()
            future.set_exception(error)
            return future

    def _renew(self) -> None:
        """Make another executor in the place of one that is broken, if we were told how."""
        if self._make is not None:
            self._executor.shutdown()  # nothing is under way in it
            self._executor = self._make()

    def _end(self, *, wait: bool) -> None:
        """Take back what has not begun, and shut down an executor that was made here."""
        if self._make is None:
            for _, future in self._waiting:
                future.cancel()
        else:
            # Never future.cancel(): when its processes are killed then, as by the command line, a pool's thread
            # fails with an InvalidStateError (Python 3.11).
            try:
                self._executor.shutdown(wait=wait, cancel_futures=True)
            except TypeError:  # Dask's has no such argument, and cancels where it does not wait (2026.8.0)
                self._executor.shutdown(wait=wait)


def _result(future: Future[A]) -> A:
    """Return what comes of a task, or raise what it raises; waiting for it can be interrupted."""
    while not future.done():
        try:
            return future.result(timeout=_LONGEST_WAIT)
        except TimeoutError:  # of the waiting, or the task's own
            continue
    return future.result()
