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
    other there is one, the ``body``.
    """

    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    parts: tuple[bytes, ...] = (b"",)

    @property
    def body(self) -> bytes:
        """All of the body."""
        return b"".join(self.parts)

    @property
    def ok(self) -> bool:
        """Whether the status is none of an error: below 400."""
        return self.status < 400

    def header(self, name: str) -> str | None:
        """Return the first header of a name, in any case, or None."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def text(self) -> str:
        """Return the body, which is UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """Return the value of the JSON that the body is; raises ``ValueError`` where it is none."""
        return json.loads(self.body)
