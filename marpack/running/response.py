"""What a server answers."""

from __future__ import annotations

import json
from typing import Any

from marpack.frozen import frozen


@frozen
class Response:
    """An HTTP response.

    ``reason`` is empty where the handler sets none, as on the server's wire. ``headers`` are pairs in their order.
    ``parts`` are the pieces of a streamed body as they came, whose first has the status and the headers; of any
    other there is one, the ``body``. ``complete`` is False of a stream that the server breaks off, since the
    handler failed after its first part: a client sees that the connection ends.
    """

    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    parts: tuple[bytes, ...] = (b"",)
    complete: bool = True

    @property
    def body(self) -> bytes:
        """All of the body."""
        return b"".join(self.parts)

    @property
    def ok(self) -> bool:
        """Whether the status is none of an error, which begin at 400, and the body is complete."""
        return self.status < 400 and self.complete

    def header(self, name: str) -> str | None:
        """Return the first header of a name, in any case, or None."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    @property
    def content_type(self) -> str | None:
        """The type of the body, or None: of what a handler answers there is none unless it says so."""
        return self.header("content-type")

    def text(self) -> str:
        """Return the body, which is UTF-8; raises ``UnicodeDecodeError`` where it is not."""
        return self.body.decode()

    def json(self) -> Any:
        """Return the value of the JSON that the body is; raises ``ValueError`` where it is none."""
        return json.loads(self.body)
