"""KServe's app, by which a model is given requests as they came, and answers as it means to.

A ``kserve.Model`` is given a decoded payload and a mapping of headers, and returns a value that is sent with the
status 200. KServe's model server is an app of FastAPI's, to which KServe's users add middleware; by that, and by a
handler of an exception, the request and the answer pass whole.

What KServe decodes itself it refuses where it is not JSON, of its first protocol also what is called
``application/octet-stream``, and an image of no type. A body of a type that it does not know it leaves as it is.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
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


class Taken:
    """What models take: ``undecoded``, those that want bodies as they came, ``largest``, bytes, by the name."""

    def __init__(self) -> None:
        self.undecoded: set[str] = set()
        self.largest: dict[str, int] = {}


class Reception:
    """Middleware that keeps a request to a model as it came while it is answered, and shows KServe its body so.

    Of a body that is larger than the model takes a beginning is kept that is, too, and shown if nobody decodes it.
    """

    def __init__(self, app: App, taken: Taken) -> None:
        self._app = app
        self._taken = taken

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Keep a request of HTTP for as long as the app takes."""
        model = _asked(scope) if scope["type"] == "http" else None
        if model is None or (largest := self._taken.largest.get(model)) is None:
            await self._app(scope, receive, send)
            return
        is_decoded = model not in self._taken.undecoded or _V1.fullmatch(_path(scope)) is None
        parts: list[bytes] = []
        size = 0

        async def keep() -> Message:
            nonlocal size
            message = await receive()
            if size <= largest:
                parts.append(message.get("body", b""))
                size += len(parts[-1])
            return message if is_decoded or size <= largest else {**message, "more_body": False}

        token = _received.set((scope, parts))
        if not is_decoded:
            others = [each for each in scope["headers"] if each[0] != _UNDECODED[0]]
            scope = {**scope, "headers": [*others, _UNDECODED]}
        try:
            await self._app(scope, keep, send)
        finally:
            _received.reset(token)


def received(model: str) -> Request | None:
    """Return the request that is being answered by HTTP, None where that is to another model, or there is none.

    Raises ``ValueError`` for what ``Request`` refuses.
    """
    kept = _received.get()
    return request_of(kept[0], b"".join(kept[1])) if kept is not None and is_asked(model) else None


def is_asked(model: str) -> bool:
    """Return whether a request that is being answered by HTTP is to the model of this name."""
    kept = _received.get()
    return kept is not None and _asked(kept[0]) == model


def _asked(scope: Message) -> str | None:
    """Return the model that a request is to, None where it is to none."""
    path = _path(scope)
    asked = _V1.fullmatch(path) or _V2.fullmatch(path)
    return None if asked is None else asked[1]


def _path(scope: Message) -> str:
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def prepare(app: Any) -> Taken:
    """Have an app of FastAPI's, which has not started yet, keep requests and send raised answers.

    Returns what says which requests are kept, and how their bodies are shown: one for all models of the app.
    """
    if AnsweredError not in app.exception_handlers:
        app.state.taken = Taken()
        app.add_middleware(Reception, taken=app.state.taken)
        app.add_exception_handler(AnsweredError, _answer)
    taken: Taken = app.state.taken
    return taken


async def _answer(_: Any, error: AnsweredError) -> Answer:
    return Answer(error.response)
