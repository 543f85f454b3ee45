"""Requests are gathered as the server gathers them (J31)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from marpack.running.batches import Batches

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# Seconds: nobody waits so long, and a test that does is seen to.
LONG = 3600.0


class Asked:
    """Answers a request with itself, negative; if it ``holds``, each batch when it is let through."""

    def __init__(self, *, holds: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.may_end = asyncio.Semaphore(0 if holds else 1000)

    async def __call__(self, batch: list[int]) -> list[int]:
        self.batches.append(batch)
        self.begun.set()
        await self.may_end.acquire()
        return [-each for each in batch]


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def in_time() -> None:
        await asyncio.wait_for(test(), 120)

    asyncio.run(in_time())


def test_a_batch_of_one_waits_for_nobody() -> None:
    async def test() -> None:
        asked = Asked()
        batches = Batches(asked, size=1, delay=LONG)
        assert await asyncio.gather(*map(batches.ask, range(1, 4))) == [-1, -2, -3]
        assert asked.batches == [[1], [2], [3]]

    run(test)


def test_a_batch_takes_more_than_it_waits_for() -> None:
    """Of those that are there when it is full."""

    async def test() -> None:
        asked = Asked()
        batches = Batches(asked, size=2, delay=LONG, most=4)
        assert await asyncio.gather(*map(batches.ask, range(1, 7))) == [-1, -2, -3, -4, -5, -6]
        assert asked.batches == [[1, 2, 3, 4], [5, 6]]

    run(test)


def test_a_full_batch_does_not_wait() -> None:
    async def test() -> None:
        asked = Asked()
        batches = Batches(asked, size=3, delay=LONG)
        assert await asyncio.gather(*map(batches.ask, range(1, 7))) == [-1, -2, -3, -4, -5, -6]
        assert asked.batches == [[1, 2, 3], [4, 5, 6]]

    run(test)


def test_one_that_comes_later_fills_the_batch() -> None:
    async def test() -> None:
        asked = Asked()
        batches = Batches(asked, size=2, delay=LONG)
        first = asyncio.ensure_future(batches.ask(1))
        for _ in range(5):
            await asyncio.sleep(0)
        assert asked.batches == []
        assert await batches.ask(2) == -2
        assert await first == -1
        assert asked.batches == [[1, 2]]

    run(test)


def test_a_batch_that_nobody_fills_is_answered_after_the_delay() -> None:
    async def test() -> None:
        asked = Asked()
        batches = Batches(asked, size=3, delay=0.01)
        assert await asyncio.gather(*map(batches.ask, (1, 2))) == [-1, -2]
        assert await batches.ask(3) == -3
        assert asked.batches == [[1, 2], [3]]

    run(test)


def test_without_a_delay_a_batch_is_who_waits_already() -> None:
    async def test() -> None:
        asked = Asked(holds=True)
        batches = Batches(asked, size=3, delay=0)
        tasks = [asyncio.ensure_future(batches.ask(1))]
        await asked.begun.wait()
        tasks += [asyncio.ensure_future(batches.ask(each)) for each in (2, 3, 4, 5)]
        for _ in range(10):
            asked.may_end.release()
        assert await asyncio.gather(*tasks) == [-1, -2, -3, -4, -5]
        assert asked.batches == [[1], [2, 3, 4], [5]]

    run(test)


def test_the_delay_begins_when_the_first_is_taken() -> None:
    """Not when it came: they have waited while others were answered, and wait for more all the same."""

    async def test() -> None:
        asked = Asked(holds=True)
        batches = Batches(asked, size=2, delay=LONG)
        tasks = [asyncio.ensure_future(batches.ask(each)) for each in (1, 2, 3)]
        await asked.begun.wait()
        asked.may_end.release()
        assert await asyncio.gather(*tasks[:2]) == [-1, -2]
        for _ in range(5):
            await asyncio.sleep(0)
        assert asked.batches == [[1, 2]]
        asked.may_end.release()
        assert await batches.ask(4) == -4
        assert await tasks[2] == -3

    run(test)


def test_who_is_cancelled_before_is_none_of_the_batch() -> None:
    async def test() -> None:
        asked = Asked()
        batches = Batches(asked, size=2, delay=LONG)
        gone = asyncio.ensure_future(batches.ask(1))
        for _ in range(5):
            await asyncio.sleep(0)
        gone.cancel()
        assert await asyncio.gather(*map(batches.ask, (2, 3))) == [-2, -3]
        assert asked.batches == [[2, 3]]
        assert gone.cancelled()

    run(test)


@pytest.mark.parametrize(("size", "then"), [(1, [[2], [4]]), (2, [[2, 4]])])
def test_who_is_cancelled_while_others_are_answered_is_none_of_the_next(size: int, then: list[list[int]]) -> None:
    async def test() -> None:
        asked = Asked(holds=True)
        batches = Batches(asked, size=size, delay=0)
        first = asyncio.ensure_future(batches.ask(1))
        await asked.begun.wait()
        second, gone, fourth = (asyncio.ensure_future(batches.ask(each)) for each in (2, 3, 4))
        await asyncio.sleep(0)
        gone.cancel()
        for _ in range(5):
            asked.may_end.release()
        assert [await each for each in (first, second, fourth)] == [-1, -2, -4]
        assert asked.batches == [[1], *then]

    run(test)


def test_when_all_are_cancelled_nobody_is_asked() -> None:
    async def test() -> None:
        asked = Asked()
        batches = Batches(asked, size=2, delay=0.01)
        gone = asyncio.ensure_future(batches.ask(1))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert await batches.ask(2) == -2
        assert asked.batches == [[2]]

    run(test)


def test_who_is_cancelled_later_takes_nothing_from_the_others() -> None:
    async def test() -> None:
        asked = Asked(holds=True)
        batches = Batches(asked, size=2, delay=LONG)
        gone, stays = (asyncio.ensure_future(batches.ask(each)) for each in (1, 2))
        await asked.begun.wait()
        gone.cancel()
        asked.may_end.release()
        assert await stays == -2
        assert asked.batches == [[1, 2]]

    run(test)


def test_an_error_is_that_of_all_of_the_batch_and_of_no_other() -> None:
    async def test() -> None:
        async def fails(batch: list[int]) -> list[int]:
            if 1 in batch:
                raise ValueError("why")
            return batch

        batches = Batches(fails, size=2, delay=0.01)
        answers = await asyncio.gather(*map(batches.ask, (1, 2, 3)), return_exceptions=True)
        assert [repr(each) for each in answers] == ["ValueError('why')", "ValueError('why')", "3"]

    run(test)


def test_another_number_of_answers_is_an_error() -> None:
    async def test() -> None:
        async def one(batch: list[int]) -> list[int]:
            return batch[:1]

        batches = Batches(one, size=2, delay=LONG)
        answers = await asyncio.gather(*map(batches.ask, (1, 2)), return_exceptions=True)
        assert [str(each) for each in answers] == ["1 answers to 2 requests"] * 2

    run(test)


def test_with_the_event_loop_everybody_is_cancelled() -> None:
    waiting: list[asyncio.Future[int]] = []

    async def begin() -> None:
        asked = Asked(holds=True)
        batches = Batches(asked, size=1, delay=LONG)
        waiting.extend(asyncio.ensure_future(batches.ask(each)) for each in (1, 2))
        await asked.begun.wait()

    asyncio.run(begin())
    assert [each.cancelled() for each in waiting] == [True, True]


def test_another_event_loop_may_follow() -> None:
    asked = Asked()
    batches = Batches(asked, size=2, delay=0.01)
    assert [asyncio.run(batches.ask(each)) for each in (1, 2)] == [-1, -2]


def test_without_kserve_it_is_said_what_to_install() -> None:
    with pytest.raises(ImportError, match=r"serving an archive by KServe's model server .*marpack\[kserve\]"):
        import marpack.running.kserve  # noqa: F401
