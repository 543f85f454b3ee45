"""What a client sends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote_plus

from marpack.frozen import frozen
from marpack.running.form_data import multipart

Headers: TypeAlias = "Mapping[str, str] | Iterable[tuple[str, str]]"
# Of texts, bytes and parts; a mapping of several of these has no type of its own.
Fields: TypeAlias = "Mapping[str, Any] | Iterable[tuple[str, Any]]"

# Where a server listens unless told otherwise.
_HOST = "127.0.0.1:8080"
# Of a request without a body these have a length all the same: a client means one.
_WITH_BODY = {"POST", "PUT", "PATCH"}

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# What comes through a header as it is: not an end of a line, and one byte each. Told by what is not in it, up to
# U+10FFFF, such a set takes 7 ms to compile.
_VALUE = re.compile(r"[\x01-\t\v\f\x0e-\xff]*")
_PATH = re.compile(r"/[!-~]*")


@frozen
class Part:
    """A field of a form: its contents, and what a client says of a file: its name and content type.

    The server makes a file of what has a name, be it "", and looks at the content type of files alone.
    """

    data: bytes
    file_name: str | None = None
    content_type: str | None = None


@frozen
class Request:
    """An HTTP request.

    ``headers`` are pairs in their order, as many of one name as there are. ``path`` is what the request line
    says, with a query; None means ``/predictions/NAME``, and with ``explain`` ``/explanations/NAME``, of the model
    that the worker has loaded. What a client adds is added (J1): a ``Host``, and the ``Content-Length`` of a body,
    or of none where the method is POST, PUT or PATCH. ``Transfer-Encoding: chunked`` sends the body in pieces.

    Raises ``ValueError`` where no client could send it: a method or a name of a header that is no token, a value
    with an end of a line or beyond U+00FF, a path that does not begin with "/" or has anything but printable
    ASCII, a ``Content-Length`` that is not the body's.
    """

    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    path: str | None = None
    method: str = "POST"
    explain: bool = False

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.method):
            raise ValueError(f"no method of HTTP: {self.method!r}")
        if self.path is not None:
            if not is_path(self.path):
                raise ValueError(
                    f'a path begins with "/" and is printable ASCII, the rest %-encoded: {self.path!r}'
                )
            if self.explain:
                raise ValueError(f"explain is for requests without a path, and this has one: {self.path!r}")
        for name, value in self.headers:
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"no name of a header: {name!r}")
            if not _VALUE.fullmatch(value):
                raise ValueError(f"no value of a header, in one line and up to U+00FF: {name}: {value!r}")
        lengths = self.values("content-length")
        if lengths and lengths != [str(len(self.body))]:
            raise ValueError(f"the body has {len(self.body)} bytes, not Content-Length: {', '.join(lengths)}")
        codings = self.values("transfer-encoding")
        if codings and [each.lower() for each in codings] != ["chunked"]:
            raise ValueError(f"only chunked is known, not Transfer-Encoding: {', '.join(codings)}")

    def values(self, name: str) -> list[str]:
        """Return the values of all headers of a name, in any case."""
        return [value for each, value in self.headers if each.lower() == name]

    @property
    def sent_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers as a client sends them: with those that it adds."""
        headers = self.headers if self.values("host") else (("Host", _HOST), *self.headers)
        if (self.body or self.method in _WITH_BODY) and not (
            self.values("content-length") or self.values("transfer-encoding")
        ):
            headers = (*headers, ("Content-Length", str(len(self.body))))
        return headers

    @classmethod
    def json(cls, value: Any, *, headers: Headers = (), path: str | None = None, explain: bool = False) -> Request:
        """Return a request whose body is the JSON of a value, of the type ``application/json``."""
        return cls.binary(
            json.dumps(value).encode(),
            content_type="application/json",
            headers=headers,
            path=path,
            explain=explain,
        )

    @classmethod
    def text(cls, text: str, *, headers: Headers = (), path: str | None = None, explain: bool = False) -> Request:
        """Return a request whose body is a text in UTF-8, of the type ``text/plain``: a handler is given a str."""
        return cls.binary(
            text.encode(), content_type="text/plain; charset=utf-8", headers=headers, path=path, explain=explain
        )

    @classmethod
    def binary(
        cls,
        data: bytes,
        content_type: str | None = None,
        *,
        headers: Headers = (),
        path: str | None = None,
        explain: bool = False,
    ) -> Request:
        """Return a request whose body are these bytes, of a type or of ``application/octet-stream``."""
        return cls(
            body=data,
            headers=with_content_type(headers, content_type or "application/octet-stream"),
            path=path,
            explain=explain,
        )

    @classmethod
    def form(
        cls, fields: Fields, *, headers: Headers = (), path: str | None = None, explain: bool = False
    ) -> Request:
        """Return a request whose body is a form, ``multipart/form-data``, of fields by name or as pairs.

        A field is a text, bytes, or a ``Part``. The server makes bytes of all; a type has only what has the name
        of a file. The same fields make the same bytes. Raises ``ValueError`` where a content type is among the
        headers.
        """
        body, content_type = multipart([_part(name, field) for name, field in _pairs(fields)])
        return cls._of_form(body, content_type, headers=headers, path=path, explain=explain)

    @classmethod
    def urlencoded(
        cls, fields: Fields, *, headers: Headers = (), path: str | None = None, explain: bool = False
    ) -> Request:
        """Return a request whose body is a form, ``x-www-form-urlencoded``, of fields by name or as pairs.

        Raises ``ValueError`` where a content type is among the headers.
        """
        body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in _pairs(fields)).encode()
        return cls._of_form(body, "application/x-www-form-urlencoded", headers=headers, path=path, explain=explain)

    @classmethod
    def _of_form(
        cls, body: bytes, content_type: str, *, headers: Headers, path: str | None, explain: bool
    ) -> Request:
        if any(name.lower() == "content-type" for name, _ in _pairs(headers)):
            raise ValueError("the content type of a form is made with it: it is not among the headers")
        return cls.binary(body, content_type, headers=headers, path=path, explain=explain)


def is_header(name: str, value: str) -> bool:
    """Tell whether a client can send it."""
    return bool(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value))


def is_path(text: str) -> bool:
    """Tell whether a client can ask for it."""
    return bool(_PATH.fullmatch(text))


def with_content_type(headers: Headers, content_type: str) -> tuple[tuple[str, str], ...]:
    """Return headers as pairs, with a content type unless they have one."""
    pairs = tuple(_pairs(headers))
    if any(name.lower() == "content-type" for name, _ in pairs):
        return pairs
    return (("Content-Type", content_type), *pairs)


def _pairs(of: Any) -> list[tuple[str, Any]]:
    return [*(of.items() if isinstance(of, Mapping) else of)]


def _part(name: str, field: str | bytes | Part) -> tuple[str, bytes, str | None, str | None]:
    if isinstance(field, Part):
        return name, field.data, field.file_name, field.content_type
    if isinstance(field, str):
        return name, field.encode(), None, None
    if isinstance(field, (bytes, bytearray, memoryview)):
        return name, bytes(field), None, None
    raise TypeError(f"the field {name!r} is a text, bytes or a Part, not {type(field).__name__}")
