"""Results come in order, whichever thread they come from, and no more is begun than may be."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from marpack.disk.threads import checked_threads, ordered_map, taken_ahead, usable_cpus
from tests.support.processes import WAIT_SECONDS


def test_cores_are_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert usable_cpus() == checked_threads(None, 16) == 3
    assert checked_threads(None, 2) == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cpus() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus() == 1


@pytest.mark.parametrize("threads", [0, -1, 2.5, "2"])
def test_less_than_one_thread_is_refused(threads: int) -> None:
    with pytest.raises(ValueError, match="threads must be a whole number from 1 on, not "):
        checked_threads(threads, 8)


def test_more_threads_than_help_are_not_used() -> None:
    assert [checked_threads(threads, 8) for threads in (1, 8, 9)] == [1, 8, 8]


@pytest.mark.parametrize("ahead", [0, 3])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_results_are_in_order_and_items_are_not_taken_far_ahead(threads: int, ahead: int) -> None:
    taken: list[int] = []
    used = set()
    both = threading.Barrier(min(threads, 2), timeout=WAIT_SECONDS)

    def square(item: int) -> int:
        used.add(threading.get_ident())
        if item < threads > 1 and item < 2:
            both.wait()  # two at once
        return item * item

    def items() -> Iterator[int]:
        for item in range(20):
            taken.append(item)
            yield item

    for done, result in enumerate(ordered_map(square, items(), threads=threads, ahead=ahead)):
        assert result == done * done
        assert len(taken) <= done + 1 + (threads + ahead if threads > 1 else 0)
    assert done == 19
    assert len(used) <= threads
    assert (threading.get_ident() in used) == (threads == 1)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_comes_in_its_turn_and_ends_the_rest(threads: int) -> None:
    begun = []

    def inverse(item: int) -> float:
        begun.append(item)
        return 1 / item

    results = ordered_map(inverse, iter([1, 2, 0, *range(1, 1000)]), threads=threads)
    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(begun) < 10
    assert list(results) == []


@pytest.mark.parametrize("available", [0, 1])
def test_where_the_system_gives_no_thread_each_item_is_still_computed_once(
    available: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def few(thread: threading.Thread) -> None:
        if len(started) == available:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    computed: list[int] = []
    monkeypatch.setattr(threading.Thread, "start", few)
    assert [*ordered_map(computed.append, range(50), threads=4)] == [None] * 50
    assert sorted(computed) == [*range(50)]


def test_items_are_taken_by_one_thread_beside_the_caller() -> None:
    taken: list[int] = []
    by = set()
    third = threading.Event()

    def items() -> Iterator[int]:
        for item in range(50):
            by.add(threading.get_ident())
            taken.append(item)
            if item == 3:
                third.set()
            yield item

    for done, item in enumerate(taken_ahead(items(), 3)):
        assert item == done
        assert done or third.wait(WAIT_SECONDS)  # they come while the first is used
        assert len(taken) <= done + 4
    assert done == 49
    assert len(by) == 1
    assert threading.get_ident() not in by


def test_who_takes_ahead_raises_in_turn_and_ends_early() -> None:
    before = {*threading.enumerate()}
    inverses = taken_ahead((1 / item for item in (1, 2, 0, 3)), 5)
    assert [next(inverses), next(inverses)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(inverses)
    assert {*threading.enumerate()} <= before
    endless = taken_ahead(itertools.count(), 5)
    assert next(endless) == 0
    endless.close()
    assert {*threading.enumerate()} <= before


def test_while_python_ends() -> None:
    code = (
        "import atexit; from marpack.disk.threads import ordered_map\n"
        "atexit.register(lambda: print([*ordered_map(abs, range(-3, 0), threads=3)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[3, 2, 1]\n", "")
