"""A worker as engines ask it: what comes while it is busy is a batch, and what it says of a load that failed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.errors import MarpackError, NotServedError
from marpack.running import Request, ServedModel
from marpack.running.batching_worker import BatchingWorker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

pytestmark = pytest.mark.server

VERSION = "0.12.0"
# It says how many came together, when a file is there that each request names.
WAITS = """\
import os, time

def handle(data, context):
    if data is None:
        return None
    print("began with", len(data), flush=True)
    while not all(os.path.exists(row["body"]) for row in data):
        time.sleep(0.01)
    return [len(data)] * len(data)
"""
# Each waits until so many are there at once as it says.
TOGETHER = """\
import asyncio

here = 0

class Handler:
    def initialize(self, context):
        pass

    async def handle(self, data, context):
        global here
        here += 1
        while here < data[0]["body"]:
            await asyncio.sleep(0.01)
        return [here]
"""
# Loaded only while a file is there; asked for its end, the process ends.
FRAGILE = """\
import os


class Handler:
    def initialize(self, context):
        with open({tries!r}, "a") as file:
            file.write("x")
        if not os.path.exists({weights!r}):
            raise ValueError("the weights are gone")

    def handle(self, data, context):
        if data[0]["body"] == "end":
            os._exit(1)
        return ["x"] * len(data)
"""
# A model of one request at a time, and of no more.
ALONE = """\
class Handler:
    def initialize(self, context):
        if context.system_properties["batch_size"] > 1:
            raise ValueError("one at a time")

    def handle(self, data, context):
        return ["x"] * len(data)
"""


@pytest.fixture
def batching(run_python: Callable[[str], Path]) -> Callable[..., BatchingWorker]:
    """Make one of a handler's text; ``lines`` is given what the handler writes."""

    def make(text: str, *, lines: list[str] | None = None, config: str = "", **options: Any) -> BatchingWorker:
        plan = marpack.plan_archive(
            model_name="m",
            version="1.0",
            handler={"h.py": text.encode()},
            config_file={"model-config.yaml": config.encode()} if config else None,
        )
        model = ServedModel(archive=plan, python=run_python(VERSION), **options)
        told = [] if lines is None else lines
        return BatchingWorker(model, model.settings(), lambda line: told.append(line.text))

    return make


def run(worker: BatchingWorker, test: Callable[[], Awaitable[None]]) -> None:
    """Run a test that waits for what may never come."""
    try:
        asyncio.run(asyncio.wait_for(test(), 120))
    finally:
        worker.close()


def test_what_comes_while_it_is_busy_is_the_next_batch(
    batching: Callable[..., BatchingWorker], tmp_path: Path
) -> None:
    """However short the delay is: nobody waits for more but for the worker."""
    may_end = tmp_path / "may end"
    worker = batching(WAITS, batch_size=4, max_batch_delay=1)

    async def test() -> None:
        await worker.load_in_thread()
        asked = [asyncio.ensure_future(worker.answer(Request.text(str(may_end))))]
        while "began with 1" not in [line.text for line in worker.worker.log]:
            await asyncio.sleep(0.01)
        for _ in range(8):
            asked.append(asyncio.ensure_future(worker.answer(Request.text(str(may_end)))))
            await asyncio.sleep(0.01)
        may_end.touch()
        assert [answer.json() for answer in await asyncio.gather(*asked)] == [1, 4, 4, 4, 4, 4, 4, 4, 4]

    run(worker, test)


def test_an_asynchronous_worker_has_all_that_wait_at_once(batching: Callable[..., BatchingWorker]) -> None:
    worker = batching(TOGETHER, config="asyncCommunication: true\n")

    async def test() -> None:
        await worker.load_in_thread()
        answers = await asyncio.gather(*(worker.answer(Request.json(5)) for _ in range(5)))
        assert [answer.status for answer in answers] == [200] * 5
        assert worker.worker.batch_size == 1

    run(worker, test)


def test_settings_with_which_it_cannot_be_loaded(batching: Callable[..., BatchingWorker]) -> None:
    """It says why, until it is told others."""
    worker = batching(ALONE)

    async def test() -> None:
        before = worker._settings
        await worker.load_in_thread()
        assert worker.refused is None
        with pytest.raises(NotServedError, match="one at a time"):
            await worker.load_in_thread(replace(before, batch_size=2))
        worker.load_again()
        assert (await worker.answer(Request.json(1))).status == 503
        # To HEAD, too, without the body that GET has.
        gets, heads = [await worker.answer(Request(method=method)) for method in ("GET", "HEAD")]
        assert (gets.status, heads.status) == (503, 503)
        assert (len(gets.body) > 0, heads.body) == (True, b"")
        assert [name for name, _ in heads.headers] == [name for name, _ in gets.headers]
        assert "one at a time" in str(worker.refused)
        await worker.load_in_thread(before)
        assert worker.refused is None
        assert (await worker.answer(Request.json(1))).text() == "x"

    run(worker, test)


def test_one_of_those_that_wait_has_a_model_loaded_that_cannot_be(
    batching: Callable[..., BatchingWorker], tmp_path: Path
) -> None:
    """The others are answered at once, and whoever comes later has it tried again."""
    weights, tries = tmp_path / "weights", tmp_path / "tries"
    weights.touch()
    worker = batching(FRAGILE.format(weights=str(weights), tries=str(tries)))

    async def test() -> None:
        await worker.load_in_thread()
        ends = asyncio.ensure_future(worker.answer(Request.text("end")))
        others = [asyncio.ensure_future(worker.answer(Request.text("x"))) for _ in range(10)]
        weights.unlink()
        assert (await ends).status == 500
        assert [each.status for each in await asyncio.gather(*others)] == [503] * 10
        assert "the weights are gone" in str(worker.refused)
        # The first, the one that was tried for those that waited, and one that the end itself has begun.
        assert len(tries.read_text()) <= 3
        weights.touch()
        assert (await worker.answer(Request.text("x"))).text() == "x"
        assert worker.refused is None

    run(worker, test)


def test_an_asynchronous_worker_waits_for_one_batch(batching: Callable[..., BatchingWorker]) -> None:
    """And not for all that it may be given."""
    text = "class Handler:\n    def initialize(self, context): pass\n    async def handle(self, data, context):\n"
    worker = batching(
        f"{text}        return [len(data)] * len(data)\n",
        config="asyncCommunication: true\nbatchSize: 2\nmaxBatchDelay: 3600000\n",
    )

    async def test() -> None:
        await worker.load_in_thread()
        answers = await asyncio.gather(*(worker.answer(Request.json(1)) for _ in range(2)))
        assert [answer.json() for answer in answers] == [2, 2]

    run(worker, test)


def test_what_is_loaded_after_the_end_is_ended(batching: Callable[..., BatchingWorker]) -> None:
    worker = batching(ALONE)
    worker.close()

    async def test() -> None:
        with pytest.raises(MarpackError, match="closed"):
            await worker.answer(Request.json(1))

    run(worker, test)
    assert not worker.worker.runs


def test_what_the_handler_writes_is_told(batching: Callable[..., BatchingWorker], tmp_path: Path) -> None:
    lines: list[str] = []
    worker = batching(WAITS, lines=lines)

    async def test() -> None:
        await worker.load_in_thread()
        assert not lines
        for _ in range(2):
            await worker.answer(Request.text(str(tmp_path)))
        assert lines == ["began with 1"] * 2

    run(worker, test)


def test_who_is_not_answered_when_it_is_closed_hears_of_it(
    batching: Callable[..., BatchingWorker], tmp_path: Path
) -> None:
    worker = batching(WAITS, batch_size=2, max_batch_delay=1)

    async def test() -> None:
        await worker.load_in_thread()
        asked = [asyncio.ensure_future(worker.answer(Request.text(str(tmp_path / "no")))) for _ in range(3)]
        await asyncio.sleep(0.2)
        worker.close()
        for each in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(each, MarpackError)
        with pytest.raises(MarpackError, match="closed"):
            await worker.answer(Request.json(1))

    run(worker, test)
