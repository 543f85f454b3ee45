"""Parts of files on the web."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from marpack.remote.parts.parts import Head, RangedParts

T = TypeVar("T")


class WebParts(RangedParts):
    """Asks by the session of fsspec's file system, whose own methods do not show what an answer says."""

    def __init__(self, url: str, filesystem: Any) -> None:
        super().__init__(url)
        self._filesystem = filesystem

    def _send(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        return on_loop_of(self._filesystem, self._answer(spelled, judge))

    async def _answer(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        options = dict(self._filesystem.kwargs)
        # A part of what is compressed on the way is a part of something else.
        headers = {**options.pop("headers", {}), "Range": spelled, "Accept-Encoding": "identity"}
        session = await self._filesystem.set_session()
        async with session.get(self._filesystem.encode_url(self.url), headers=headers, **options) as response:
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


async def read_exactly(read: Callable[[int], Any], count: int) -> bytes:
    """Return so many bytes of a body, fewer where it ends before."""
    pieces = []
    while count > 0 and (piece := await read(count)):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
