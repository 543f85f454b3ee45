"""The lines in the head of a form's part, as Netty 4.1.53 takes them apart (J12). Pure."""

from __future__ import annotations

import re

from marpack.running.charsets import charset_problem
from marpack.running.front_end_error import FrontEndError
from marpack.running.percent import EscapeError, decode

# What Java calls whitespace: not all that Unicode has, no-break spaces among it.
WHITESPACE = (
    " \t\n\v\f\r\x1c\x1d\x1e\x1f"
    "\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u2028\u2029\u205f\u3000"
)
_NAME_END = re.compile(f"[:{WHITESPACE}]")
# What Java's trim() leaves at neither end of a text.
NEITHER_END = "".join(map(chr, range(33)))

_CLEANED = str.maketrans({**dict.fromkeys(":,=;\t", " "), '"': None})
# What has no semicolon outside of quotes, and what stands in these, where a backslash is before any character.
# In pieces: of one pattern for all of it Python would remember each repetition.
_QUOTED = r'[^"\\]*(?:\\.[^"\\]*){0,999}'
_OUTSIDE = re.compile(rf'(?:[^";]+|"{_QUOTED}"){{0,999}}', re.DOTALL)
_INSIDE = re.compile(_QUOTED, re.DOTALL)


def error(message: str) -> FrontEndError:
    """Return what the parser fails with."""
    return FrontEndError(500, "ErrorDataDecoderException", message)


def out_of_bounds(index: int, length: int) -> FrontEndError:
    """Return what it fails with where it looks for what is not there."""
    told = f"Index {index} out of bounds for length {length}"
    return FrontEndError(500, "ArrayIndexOutOfBoundsException", told)


def split_line(line: str) -> list[str]:
    """Return the name of a line of a head, and its values: between semicolons, or where there is none, commas."""
    line = line.strip(WHITESPACE)
    name = _NAME_END.split(line, maxsplit=1)[0]
    value = line[len(name) :].partition(":")[2].strip(WHITESPACE)
    if ";" in value:
        values, at = [], 0
        while at <= len(value):
            end = _end_of_value(value, at)
            values.append(value[at:end])
            at = end + 1
    else:
        values = value.split(",")
        while value and values and not values[-1]:
            values.pop()
    return [name, *(each.strip(NEITHER_END) for each in values)]


def _end_of_value(text: str, begin: int) -> int:
    """Return where a semicolon stands outside of quotes, in which a backslash stands before any character."""
    while (end := _end_of(_OUTSIDE, text, begin)) < len(text) and text[end] == '"':
        # One that is not closed, or too long for a piece.
        begin = _end_of(_INSIDE, text, end + 1) + 1
    return min(end, len(text))


def _end_of(pattern: re.Pattern[str], text: str, begin: int) -> int:
    while (match := pattern.match(text, begin)) and match.end() > begin:
        begin = match.end()
    return begin


def cleaned(text: str) -> str:
    """Return a text without quotes, with blanks for what separates."""
    return text.translate(_CLEANED).strip(NEITHER_END)


def disposition_value(name: str, value: str) -> tuple[str, str]:
    """Return a parameter of a Content-Disposition: what it is for, and its value."""
    if name == "filename":
        return name, value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    if name != "filename*":
        return name, cleaned(value)
    pieces = cleaned(value).split("'", 2)
    if len(pieces) < 3:
        raise error(f"java.lang.ArrayIndexOutOfBoundsException: Index 2 out of bounds for length {len(pieces)}")
    if problem := charset_problem(pieces[0]):
        raise error(f"java.nio.charset.{problem}: {pieces[0]}")
    try:
        return "filename", decode(pieces[2], encoding=pieces[0])
    except EscapeError as problem:
        raise error(f"java.lang.IllegalArgumentException: {problem}") from None
