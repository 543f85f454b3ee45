"""Percent-encoding as the server undoes it: in paths, queries (J8), and x-www-form-urlencoded (J13). Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from marpack.running.charsets import decoded
from marpack.running.front_end_error import FrontEndError

_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NO_ESCAPE_BYTES = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_MOST_PARAMETERS = 1024
_WHITESPACE = " \t\n\v\f\r"
_LINE_ENDS = ("\x85", "\u2028", "\u2029")
_PLAIN = re.compile(rb"[\w.-]+")
_NAME_END = re.compile(rb"[&=]")
_VALUE_END = re.compile(rb"[&\r\n]")


class EscapeError(ValueError):
    """A "%" without two digits behind it, told in Netty's words."""


def decode(
    text: str, start: int = 0, end: int | None = None, *, encoding: str = "utf-8", is_path: bool = False
) -> str:
    """Return a text, or that part of it, without escapes; "+" is a blank but in a path. Raises ``EscapeError``."""
    end = len(text) if end is None else end
    part = text[start:end]
    if bad := _NO_ESCAPE.search(part):
        index = start + bad.start()
        if index + 3 > end:
            raise EscapeError(f"unterminated escape sequence at index {index} of: {text}")
        digits = text[index + 1 : index + 3]
        raise EscapeError(f"invalid hex byte '{digits}' at index {index + 1} of '{text}'")
    if not is_path:
        part = part.replace("+", " ")
    return _ESCAPES.sub(lambda escaped: decoded(_bytes(escaped[0]), encoding), part)


def query_parameters(target: str, start: int) -> list[tuple[str, str]]:
    """Return the parameters of a query, which begins at ``start``: those of one name together.

    Raises ``FrontEndError`` where an escape is none.
    """
    found: dict[str, list[str]] = {}
    number, end = 0, target.find("#", start)
    end = len(target) if end < 0 else end
    start += target[start : start + 1] == "?"
    while start < end and number < _MOST_PARAMETERS:
        stop = next((index for index in range(start, end) if target[index] in "&;"), end)
        while start < stop and target[start] == "=":
            start += 1
        if start < stop:
            equal = target.find("=", start, stop)
            equal = stop if equal < 0 else equal
            try:
                name = decode(target, start, equal)
                found.setdefault(name, []).append(decode(target, min(equal + 1, stop), stop))
            except EscapeError as error:
                raise FrontEndError(403, "IllegalArgumentException", str(error)) from None
            number += 1
        start = stop + 1
    return [(name, value) for name, values in found.items() for value in values]


def urlencoded_fields(body: bytes) -> list[tuple[str, bytes]]:
    """Return the fields of a form; raises ``FrontEndError`` where the server's parser fails.

    The first end of a line in a value ends the form; what is last and has no "=" is none.
    """
    fields: list[tuple[str, bytes]] = []
    start, ended = 0, False
    while not ended and (found := _NAME_END.search(body, start)):
        name = _name(body[start : found.start()])
        start = found.end()
        if found[0] == b"&":
            fields.append((name, b""))
            continue
        found = _VALUE_END.search(body, start)
        stop = found.start() if found else len(body)
        value, end = body[start:stop], body[stop : stop + 1]
        ended = end != b"&"
        if end == b"\r" and stop + 1 < len(body) and body[stop + 1] != ord("\n"):
            raise _error("Bad end of line")
        fields.append((name, _value(value)))
        start = stop + 1
    return fields


def field_name(text: str) -> str:
    """Return the name of a field as the server keeps it; raises ``ValueError`` where nothing is left of it."""
    text = text.replace("\r", " ").replace("\t", " ")
    # Java's "$" also stands before an end of a line, of which a line feed goes itself.
    end = text[-1:] if text[-1:] in _LINE_ENDS else ""
    text = (text.removesuffix(end).rstrip(_WHITESPACE) + end).lstrip(_WHITESPACE).replace("\n", "")
    if not text:
        raise ValueError("empty name")
    return text


def _name(data: bytes) -> str:
    if _PLAIN.fullmatch(data):  # most are, and a form may have millions
        return data.decode()
    text = decoded(data, "utf-8")
    try:
        text = decode(text)
    except EscapeError:
        raise _error(f"Bad string: '{text}'") from None
    try:
        return field_name(text)
    except ValueError as error:
        raise _error(f"java.lang.IllegalArgumentException: {error}") from None


def _value(data: bytes) -> bytes:
    if b"%" in data and (bad := _NO_ESCAPE_BYTES.search(data)):
        text = decoded(data, "utf-8")
        raise _error(f"Invalid hex byte at index '{bad.start()}' in string: '{text}'")
    data = data.replace(b"+", b" ")
    return unquote_to_bytes(data) if b"%" in data else data


def _error(message: str) -> FrontEndError:
    return FrontEndError(500, "ErrorDataDecoderException", message)


def _bytes(escapes: str) -> bytes:
    return bytes.fromhex(escapes.replace("%", ""))
