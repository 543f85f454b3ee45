"""KServe's app, by which a model is given requests as they came, and answers as it means to.

A ``kserve.Model`` is given a decoded payload and a mapping of headers, and returns a value that is sent with the
status 200. KServe's model server is an app of FastAPI's, to which KServe's users add middleware; by that, and by a
handler of an exception, the request and the answer pass whole.

What KServe decodes itself it refuses where it is not JSON, of its first protocol also what is called
``application/octet-stream``, and an image of no type. A body of a type that it does not know it leaves as it is.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping, Set
from contextvars import ContextVar
from typing import Any, TypeAlias

from marpack.running.asgi import Answer, request_of
from marpack.running.request import Request
from marpack.running.response import Response

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

# KServe's routes to a model, and a type that it does not decode at the first protocol's.
_V1 = re.compile(r"/v1/models/([^/]+):(?:predict|explain)")
_V2 = re.compile(r"/v2/models/([^/]+)/infer")
_UNDECODED = (b"content-type", b"application/x-undecoded")

# The scope of the request that is being answered, and the parts of its body.
_received: ContextVar[tuple[Message, list[bytes]] | None] = ContextVar("received", default=None)


class AnsweredError(Exception):
    """The ``response`` to a request: raised, since what a model returns is a body and no more."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__(f"{response.status}: {response.body.decode('utf-8', 'replace').strip()}")


class Reception:
    """Middleware that keeps a request as it came while it is answered; ``undecoded`` are names of models.

    To these KServe gives the body as it came.
    """

    def __init__(self, app: App, undecoded: Set[str]) -> None:
        self._app = app
        self._undecoded = undecoded

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Keep a request of HTTP for as long as the app takes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: list[bytes] = []

        async def keep() -> Message:
            message = await receive()
            parts.append(message.get("body", b""))
            return message

        token = _received.set((scope, parts))
        try:
            await self._app(self._shown(scope), keep, send)
        finally:
            _received.reset(token)

    def _shown(self, scope: Message) -> Message:
        if (asked := _V1.fullmatch(_path(scope))) is None or asked[1] not in self._undecoded:
            return scope
        others = [each for each in scope["headers"] if each[0] != _UNDECODED[0]]
        return {**scope, "headers": [*others, _UNDECODED]}


def received(model: str) -> Request | None:
    """Return the request that is being answered by HTTP, None where that is to another model, or there is none.

    Raises ``ValueError`` for what ``Request`` refuses.
    """
    kept = _received.get()
    return request_of(kept[0], b"".join(kept[1])) if kept is not None and is_asked(model) else None


def is_asked(model: str) -> bool:
    """Return whether a request that is being answered by HTTP is to the model of this name."""
    if (kept := _received.get()) is None:
        return False
    path = _path(kept[0])
    asked = _V1.fullmatch(path) or _V2.fullmatch(path)
    return asked is not None and asked[1] == model


def _path(scope: Message) -> str:
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def prepare(app: Any, *, undecoded: str | None = None) -> None:
    """Have an app of FastAPI's, which has not started yet, keep requests and send raised answers.

    ``undecoded`` is the name of a model that wants bodies as they came.
    """
    if AnsweredError not in app.exception_handlers:
        app.state.undecoded = set()
        app.add_middleware(Reception, undecoded=app.state.undecoded)
        app.add_exception_handler(AnsweredError, _answer)
    if undecoded is not None:
        app.state.undecoded.add(undecoded)


async def _answer(_: Any, error: AnsweredError) -> Answer:
    return Answer(error.response)
