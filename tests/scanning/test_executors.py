"""Tasks that are given to executors, and what comes back when their processes end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest

from marpack.scanning import executors
from marpack.scanning.executors import ExecutorSource, Spread

TASKS = [list(range(start, start + 5)) for start in range(0, 60, 5)]


def squares(deadly: frozenset[int], numbers: Sequence[int]) -> list[int | str]:
    if not deadly.isdisjoint(numbers):
        os._exit(9)
    return [number * number for number in numbers]


def answers() -> bool:
    return True


def refused() -> bool:
    raise ImportError("marpack is not there")


def judged(task: Sequence[int], found: object) -> list[int | str]:
    assert isinstance(found, list)
    assert found == squares(frozenset(), task)
    return found


def results(
    executor: ExecutorSource, *, deadly: Sequence[int] = (), asked: object = answers, in_flight: int = 4
) -> list[int | str]:
    spread = Spread(
        partial(squares, frozenset(deadly)),
        executor=executor,
        answers=asked,  # type: ignore[arg-type]
        lost=lambda number, error: f"{number} {type(error).__name__}",
        judged=judged,
    )
    return list(spread.results(TASKS, in_flight=in_flight))


@pytest.mark.parametrize("deadly", [[], [0], [7, 8, 59], [*range(2, 60, 5)]])
def test_one_that_ends_its_process_is_one(deadly: list[int]) -> None:
    """Those that were given out with it come all the same, in their order, of not many more processes."""
    made = []

    def make() -> Executor:
        made.append(ProcessPoolExecutor(2))
        return made[-1]

    expected = [f"{number} BrokenProcessPool" if number in deadly else number * number for number in range(60)]
    assert results(make, deadly=deadly) == expected
    assert len(made) <= 1 + 2 * len(deadly)


def test_a_pool_that_was_given_breaks() -> None:
    with ProcessPoolExecutor(2) as pool, pytest.raises(BrokenExecutor):
        results(pool, deadly=[7])


class Failing(Executor):
    """As an engine whose workers have not what the task needs, or die of some tasks and are begun again."""

    def __init__(self, deadly: Sequence[int], error: type[Exception] = RuntimeError) -> None:
        self.deadly = frozenset(deadly)
        self.error = error

    def submit(self, function, /, *arguments, **named):  # type: ignore[no-untyped-def]
        future: Future[object] = Future()
        try:
            if arguments and not self.deadly.isdisjoint(arguments[0]):
                raise self.error("the worker died")
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.mark.parametrize("error", [RuntimeError, TimeoutError])
def test_an_engine_that_goes_on(error: type[Exception]) -> None:
    expected = [f"{number} {error.__name__}" if number in (0, 33) else number * number for number in range(60)]
    assert results(Failing([0, 33], error)) == expected


def test_results_that_are_waited_for_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "_LONGEST_WAIT", 0.0)
    with ThreadPoolExecutor(2) as executor:
        assert results(executor) == [number * number for number in range(60)]


def test_an_engine_that_never_works() -> None:
    """Is no fault of the first archive, nor of all."""
    with pytest.raises(ImportError, match="marpack is not there"):
        results(Failing([0]), asked=refused)


def test_no_more_is_given_out_than_was_said() -> None:
    given = 0

    def tasks() -> Iterator[list[int]]:
        nonlocal given
        for task in TASKS:
            given += 1
            yield task

    with ThreadPoolExecutor(1) as executor:
        spread = Spread(
            partial(squares, frozenset()),
            executor=executor,
            answers=answers,
            lost=lambda number, error: str(number),
            judged=judged,
        )
        found = spread.results(tasks(), in_flight=3)
        assert given == 0
        assert next(found) == 0
        assert given == 3
        found.close()  # type: ignore[attr-defined]
