"""Parts of files on the web."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from marpack.remote.parts.parts import Head, RangedParts
from marpack.remote.urls import within

# Each byte ends a silence: a body may take so many seconds, and those that it takes at so many bytes a second.
_PATIENCE = 60
_LEAST_SPEED = 4096

T = TypeVar("T")


class WebParts(RangedParts):
    """Asks by the session of fsspec's file system, whose own methods do not show what an answer says."""

    busy = (429, 500, 502, 503, 504)

    def __init__(self, url: str, filesystem: Any) -> None:
        super().__init__(url)
        self._filesystem = filesystem

    def _send(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        return on_loop_of(self._filesystem, self._answer(spelled, judge))

    async def _answer(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        async with await _get(self._filesystem, self.url, {"Range": spelled}) as response:
            response.raise_for_status()
            count = judge(web_head(response.headers))
            return await read_exactly(response.content.read, count)


def web_head(headers: Any) -> Head:
    """Return what the headers of a web server's answer say."""
    length = headers.get("Content-Length", "")
    return Head(
        content_range=headers.get("Content-Range"),
        length=int(length) if length.isdecimal() else None,
        encoding=headers.get("Content-Encoding"),
        state=headers.get("ETag") or headers.get("Last-Modified"),
    )


def on_loop_of(filesystem: Any, coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine does in the thread where a file system of fsspec has its connections."""
    import asyncio  # the file system has loaded it

    future = asyncio.run_coroutine_threadsafe(coroutine, filesystem.loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


class WebDownload:
    """All of a file on the web, by one request; ``size`` are the bytes that the answer states, None without."""

    def __init__(self, url: str, filesystem: Any) -> None:
        self._filesystem = filesystem
        self._response = on_loop_of(filesystem, self._answer(url))
        self.size = web_head(self._response.headers).length

    async def _answer(self, url: str) -> Any:
        response = await _get(self._filesystem, url, {})
        response.raise_for_status()
        return response

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer at the end."""
        return on_loop_of(self._filesystem, read_exactly(self._response.content.read, size))

    def close(self) -> None:
        """End the connection, unless all has been read."""
        self._filesystem.loop.call_soon_threadsafe(self._response.close)


async def _get(filesystem: Any, url: str, headers: dict[str, str]) -> Any:
    options = dict(filesystem.kwargs)
    # A part of what is compressed on the way is a part of something else, and its length another one.
    headers = {**options.pop("headers", {}), **headers, "Accept-Encoding": "identity"}
    session = await filesystem.set_session()
    return await session.get(filesystem.encode_url(url), headers=headers, **options)


async def read_exactly(read: Callable[[int], Any], count: int) -> bytes:
    """Return so many bytes of a body, fewer where it ends before; ``TooLateError`` where they drip."""
    seconds = _PATIENCE + count / _LEAST_SPEED
    return await within(seconds, _read(read, count), f"is sent too slowly: {count:,} bytes do not come")


async def _read(read: Callable[[int], Any], count: int) -> bytes:
    pieces = []
    while count > 0 and (piece := await read(count)):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
