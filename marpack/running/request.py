"""What a client sends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from marpack.frozen import frozen

Headers: TypeAlias = "Mapping[str, str] | Iterable[tuple[str, str]]"


@frozen
class Part:
    """A field of a form: its contents, and what a client says of a file: its name and content type."""

    data: bytes
    file_name: str | None = None
    content_type: str | None = None


@frozen
class Request:
    """An HTTP request.

    ``headers`` are pairs in their order, as many of one name as there are. ``path`` is what the request line
    says, with a query; None means ``/predictions/NAME``, and with ``explain`` ``/explanations/NAME``, of the model
    that the worker has loaded.
    """

    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    path: str | None = None
    method: str = "POST"
    explain: bool = False

    @classmethod
    def json(cls, value: Any, *, headers: Headers = (), path: str | None = None, explain: bool = False) -> Request:
        """Return a request whose body is the JSON of a value, of the type ``application/json``."""
        return cls(
            body=json.dumps(value).encode(),
            headers=with_content_type(headers, "application/json"),
            path=path,
            explain=explain,
        )


def with_content_type(headers: Headers, content_type: str) -> tuple[tuple[str, str], ...]:
    """Return headers as pairs, with a content type unless they have one."""
    pairs = tuple(headers.items() if isinstance(headers, Mapping) else headers)
    if any(name.lower() == "content-type" for name, _ in pairs):
        return pairs
    return (("Content-Type", content_type), *pairs)
