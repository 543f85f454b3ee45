"""Between what Starlette has of a request and an answer, and the values of this room."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response as StarletteResponse

from marpack.running.answers import refusal
from marpack.running.request import Request
from marpack.running.response import Response

# What an HTTP server in Python can say: uvicorn ends the connection at any other.
_SAYABLE = range(200, 600)


def request_of(scope: Mapping[str, Any], body: bytes) -> Request:
    """Return the request of an ASGI scope: its path as it came, behind the one at which the app is mounted.

    Raises ``ValueError`` for what ``Request`` refuses.
    """
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    path = raw.decode("latin-1").removeprefix(quote(scope.get("root_path", "")))
    if query := scope.get("query_string", b""):
        path += f"?{query.decode('latin-1')}"
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return Request(method=scope["method"], path=path, headers=headers, body=body)


async def body_of(parts: AsyncIterable[bytes], most: int) -> bytes:
    """Return a body that comes in parts; of one that has more than ``most`` bytes, a beginning that has, too."""
    found, size = [], 0
    async for part in parts:
        found.append(part)
        size += len(part)
        if size > most:
            break
    return b"".join(found)


class Answer(StarletteResponse):
    """A response as the server would send it, its headers as they are; of a stream each part is a message.

    To a client that asks for the end of the connection it does not say that it stays.

    ``without`` names headers, in lower case, that somebody else adds.
    """

    def __init__(self, response: Response, *, without: tuple[str, ...] = ()) -> None:
        if response.status not in _SAYABLE:
            told = f"The handler's status {response.status} is none that this server can send."
            response = refusal(500, "InternalServerException", told)
        super().__init__(status_code=response.status)
        self._response = response
        self.raw_headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers
            if name.lower() not in without
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it; of a stream that the server breaks off no end is sent."""
        closes = any(name == b"connection" and b"close" in value.lower() for name, value in scope["headers"])
        headers = [each for each in self.raw_headers if not (closes and each[0].lower() == b"connection")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        *first, last = self._response.parts or (b"",)
        for part in first:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": last, "more_body": not self._response.complete})
        if not self._response.complete:
            raise ConnectionAbortedError("the handler failed after the first part of its answer")
