"""Bodies that are larger than a model takes: engines read no more of them than shows that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette")

from marpack.running.asgi import body_of
from marpack.running.kserve_app import Reception, Taken, received

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def test_of_a_body_that_nobody_takes_no_more_is_read() -> None:
    """What is read is too large, too: the worker says so."""

    async def test() -> None:
        read = []

        async def parts() -> AsyncIterator[bytes]:
            for number in range(100):
                read.append(number)
                yield b"xx"

        assert await body_of(parts(), 200) == b"xx" * 100
        assert len(read) == 100
        read.clear()
        assert await body_of(parts(), 5) == b"xx" * 3
        assert read == [0, 1, 2]

    asyncio.run(test())


@pytest.mark.parametrize(
    ("path", "kept", "shown"),
    [
        ("/v1/models/m:predict", 3, 3),  # nobody decodes it
        ("/v2/models/m/infer", 3, 100),
        ("/v1/models/other:predict", None, 100),
    ],
)
def test_of_a_body_that_a_model_does_not_take_kserve_is_shown_no_more(
    path: str, kept: int | None, shown: int
) -> None:
    taken = Taken()
    taken.undecoded.add("m")
    taken.largest["m"] = 5
    seen: list[object] = []

    async def app(_: Any, receive: Any, __: Any) -> None:
        count, more = 0, True
        while more:
            message = await receive()
            count, more = count + 1, message["more_body"]
        found = received("m")
        seen.append((None if found is None else len(found.body) // 2, count))

    async def test() -> None:
        messages = [{"type": "http.request", "body": b"xx", "more_body": number < 99} for number in range(100)]

        async def receive() -> Any:
            return messages.pop(0)

        async def send(_: Any) -> None:
            pass

        scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        await Reception(app, taken)(scope, receive, send)

    asyncio.run(test())
    assert seen == [(kept, shown)]
