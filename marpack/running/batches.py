"""Requests that come one by one, given on in batches as the server's front end does (J31).

It knows neither workers nor engines. It belongs to one event loop at a time, and has no thread.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Batches(Generic[Asked, Answer]):
    """Asks for batches of ``size``, one after another, and gives each caller its own answer.

    ``ask_batch`` answers the requests of a batch in their order. A batch waits ``delay`` seconds for more, counted
    from when its first request is taken: while one is being answered, others come together without a delay. Of
    those that are there then a batch takes ``most``, which are ``size`` unless it is more.
    """

    def __init__(
        self,
        ask_batch: Callable[[list[Asked]], Awaitable[Sequence[Answer]]],
        *,
        size: int,
        delay: float,
        most: int = 1,
    ) -> None:
        self._ask_batch = ask_batch
        self._size = size
        self._most = max(size, most)
        self._delay = delay
        self._waiting: deque[tuple[Asked, asyncio.Future[Answer]]] = deque()
        self._another: asyncio.Event
        self._work: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answer:
        """Return the answer to one request.

        Raises what ``ask_batch`` raises, as for all of the batch. Who is cancelled while others are waited for is
        no part of the batch any more; later, the answer is nobody's.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((asked, answer))
        if self._work is None or self._work.done():
            self._another = asyncio.Event()
            # Not in the context of whoever came first, which would be kept as long as others come.
            self._work = contextvars.Context().run(loop.create_task, self._answer_all())
        self._another.set()
        return await answer

    async def _answer_all(self) -> None:
        """Answer batch after batch, until nobody waits."""
        batch: list[tuple[Asked, asyncio.Future[Answer]]] = []
        try:
            while self._waiting:
                batch = await self._next()
                if batch:
                    await self._answer(batch)
        except asyncio.CancelledError:  # with the event loop
            for _, answer in (*batch, *self._waiting):
                answer.cancel()
            self._waiting.clear()
            raise

    async def _next(self) -> list[tuple[Asked, asyncio.Future[Answer]]]:
        """Return the next batch: those who still wait when it is full, or nobody has come in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._delay
        batch: list[tuple[Asked, asyncio.Future[Answer]]] = []
        while True:
            batch = [each for each in batch if not each[1].done()]
            while self._waiting and len(batch) < self._most:
                one = self._waiting.popleft()
                if not one[1].done():
                    batch.append(one)
            left = end - loop.time()
            if not batch or len(batch) >= self._size or left <= 0:
                return batch
            self._another.clear()
            try:
                await asyncio.wait_for(self._another.wait(), left)
            except TimeoutError:
                end = loop.time()  # once more: somebody may have gone, or come, at the last moment

    async def _answer(self, batch: Sequence[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        try:
            said_to_all = await self._ask_batch([asked for asked, _ in batch])
            if len(said_to_all) != len(batch):
                raise RuntimeError(f"{len(said_to_all)} answers to {len(batch)} requests")
        except Exception as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), said in zip(batch, said_to_all, strict=True):
            if not answer.done():
                answer.set_result(said)
