"""A form as browsers write it, multipart/form-data (RFC 7578). Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

_BOUNDARY = re.compile(rb"marpack-\d{8}")
# What would end a name in quotes, or its line.
_ESCAPES = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}


def multipart(fields: Sequence[tuple[str, bytes, str | None, str | None]]) -> tuple[bytes, str]:
    """Return the body and the content type of a form of names, contents, names of files and content types.

    Raises ``ValueError`` for a content type with an end of a line.
    """
    parts = [(_head(name, file_name, content_type), data) for name, data, file_name, content_type in fields]
    taken = {found for part in parts for piece in part for found in _BOUNDARY.findall(piece)}
    boundary = next(each for each in map(_boundary, itertools.count()) if each not in taken)
    pieces = []
    for head, data in parts:
        pieces += [b"--", boundary, b"\r\n", head, b"\r\n\r\n", data, b"\r\n"]
    return b"".join([*pieces, b"--", boundary, b"--\r\n"]), f"multipart/form-data; boundary={boundary.decode()}"


def _boundary(number: int) -> bytes:
    """Return one of the boundaries, which are always the same: so are the bytes of a form."""
    return f"marpack-{number:08}".encode()


def _head(name: str, file_name: str | None, content_type: str | None) -> bytes:
    line = f'Content-Disposition: form-data; name="{name.translate(_ESCAPES)}"'
    if file_name is not None:
        line += f'; filename="{file_name.translate(_ESCAPES)}"'
    if content_type is None:
        return line.encode()
    if "\r" in content_type or "\n" in content_type:
        raise ValueError(f"no content type, in one line: {content_type!r}")
    return f"{line}\r\nContent-Type: {content_type}".encode()
