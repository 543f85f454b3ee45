"""Java properties text (spec/properties.md): reading, writing, and changing one key of an existing file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, TypeAlias, overload

from marpack.config.text.java_hash import properties_order, utf16_units
from marpack.config.text.plain_copy import SURROGATE
from marpack.config.text.properties_style import BLANKS, UNESCAPED, Style, comment_lines, entry_line, java_date
from marpack.errors import NotPortableError, PropertiesError
from marpack.frozen import frozen

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Blank",
    "Comment",
    "Element",
    "Entry",
    "NotPortableError",
    "PropertiesError",
    "Style",
    "dump",
    "dumps",
    "edit",
    "load",
    "loads",
    "parse",
]


# P1: what ``Properties.load(InputStream)`` and ``store(OutputStream)`` take bytes for.
_ENCODING = "iso-8859-1"

_NATURAL_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|[^u])", re.DOTALL)

# P5: a key ends at the first of these that no backslash stands before.
_KEY = re.compile(r"(?:\\.|[^\\=: \t\f])*", re.DOTALL)
_SEPARATOR = re.compile(r"[ \t\f]*[=:]?[ \t\f]*")


@frozen
class Entry:
    """A key with its value; ``raw`` is the text as it stands, all its lines, from line ``lineno`` on."""

    key: str
    value: str
    raw: str
    lineno: int

    def __repr__(self) -> str:  # without the value, which may be a secret
        return f"Entry(key={self.key!r}, lineno={self.lineno})"


@frozen
class Comment:
    """A line whose first character but blanks is ``#`` or ``!``."""

    raw: str
    lineno: int

    def __repr__(self) -> str:  # without the text, which may be a setting that is commented out
        return f"Comment(lineno={self.lineno})"


@frozen
class Blank:
    """A line without anything that counts."""

    raw: str
    lineno: int


Element: TypeAlias = "Entry | Comment | Blank"
"""A part of a text, as ``parse`` yields them: joined, their ``raw`` is the text."""


def load(file: IO[str] | IO[bytes]) -> dict[str, str]:
    """Read an open file, binary or text; see ``loads``."""
    return loads(file.read())


def loads(source: str | bytes) -> dict[str, str]:
    r"""Read what ``java.util.Properties.load`` reads.

    Bytes are taken as from a stream (ISO-8859-1), text as from a reader. Of a key given twice the last value
    counts. Raises ``PropertiesError`` for a malformed ``\uXXXX``, where Java fails too.
    """
    return {element.key: element.value for element in parse(source) if isinstance(element, Entry)}


def parse(source: str | bytes) -> tuple[Element, ...]:
    """Take a text apart without loss: the ``raw`` of all elements together are the text.

    Raises ``PropertiesError`` as ``loads`` does.
    """
    return tuple(_elements(_text(source)))


def dump(
    properties: Mapping[str, str],
    file: IO[Any],
    *,
    style: Style = "portable",
    comments: str | None = None,
    sort_keys: bool = False,
    ensure_ascii: bool = True,
    date: datetime | None = None,
) -> None:
    """Write to an open text file; see ``dumps``. The whole text is made before the first character is written."""
    file.write(
        dumps(
            properties, style=style, comments=comments, sort_keys=sort_keys, ensure_ascii=ensure_ascii, date=date
        )
    )


def dumps(
    properties: Mapping[str, str],
    *,
    style: Style = "portable",
    comments: str | None = None,
    sort_keys: bool = False,
    ensure_ascii: bool = True,
    date: datetime | None = None,
) -> str:
    r"""Write properties as text, a line each.

    - ``style="portable"`` keeps to what Java, the ``torchserve`` launcher, KServe's wrapper and MLflow's plugin
      all read alike: ``key=value`` in ASCII without escapes, in the order of the mapping (P9). What cannot be said
      so raises ``NotPortableError``. Only ``model_snapshot`` takes other characters, as ``\uXXXX`` (P10).
    - ``style="java"`` is what ``java.util.Properties.store`` writes: through a stream, or, with
      ``ensure_ascii=False``, through a writer (P11). The order is that of Java 9 to 17, which depends on the keys
      and the order of the mapping; with ``sort_keys=True`` that of Java 18 and newer (P13). ``date``, an aware
      ``datetime``, is written as Java writes the time of storing.
    - ``comments`` come first, each line behind a ``#``.
    """
    _check_style(style)
    _check_texts(properties.items())
    keys = list(properties)
    if sort_keys:
        keys.sort(key=utf16_units)
    elif style == "java":
        keys = properties_order(keys)
    head = "" if comments is None else comment_lines(comments, style)
    if date is not None:
        head += f"#{java_date(date)}\n"
    return head + "".join(entry_line(key, properties[key], style, ensure_ascii=ensure_ascii) for key in keys)


@overload
def edit(source: str, changes: Mapping[str, str | None], *, style: Style = ...) -> str: ...
@overload
def edit(source: bytes, changes: Mapping[str, str | None], *, style: Style = ...) -> bytes: ...
def edit(source: str | bytes, changes: Mapping[str, str | None], *, style: Style = "portable") -> str | bytes:
    """Set keys to new values, or with None remove them; every other character stays as it is (P14).

    Of a key given twice the last one, which counts, is changed, and all are removed. New keys go to the end.
    Raises what ``loads`` and ``dumps`` raise.
    """
    _check_style(style)
    _check_texts((key, "" if value is None else value) for key, value in changes.items())
    text = _text(source)
    elements = parse(text)
    line_end = next((end for _, end in _NATURAL_LINE.findall(text) if end), "\n")
    lines = {
        key: entry_line(key, value, style, ensure_ascii=True)[:-1] + line_end
        for key, value in changes.items()
        if value is not None
    }
    last = {element.key: element for element in elements if isinstance(element, Entry)}
    parts = []
    for element in elements:
        if not isinstance(element, Entry) or element.key not in changes:
            parts.append(element.raw)
        elif element.key in lines and element is last[element.key]:
            parts.append(lines[element.key])
        elif element.key in lines:
            parts.append(element.raw)
    new = "".join(line for key, line in lines.items() if key not in last)
    if new and parts and _goes_on(parts[-1]):
        # A backslash at the very end would swallow the line end before a new key.
        parts.insert(-1, new)
    elif new:
        if parts and not parts[-1].endswith(("\r", "\n")):
            parts.append(line_end)
        parts.append(new)
    changed = "".join(parts)
    return changed.encode(_ENCODING) if isinstance(source, bytes) else changed


def _text(source: str | bytes) -> str:
    return source.decode(_ENCODING) if isinstance(source, bytes) else source


def _goes_on(raw: str) -> bool:
    """Tell whether an element's text waits for another line."""
    return _ends_in_backslash(raw.rstrip("\r\n")) and raw.lstrip(BLANKS)[0] not in "#!"


def _elements(text: str) -> Iterator[Element]:
    lineno, position = 1, 0
    while position < len(text):
        end, count, pieces = _logical_line(text, position)
        raw = text[position:end]
        if pieces is not None:
            key, value = _key_and_value(text, pieces)
            yield Entry(key=key, value=value, raw=raw, lineno=lineno)
        elif count == 1 and raw.lstrip(BLANKS)[:1] in ("#", "!"):
            yield Comment(raw=raw, lineno=lineno)
        else:
            yield Blank(raw=raw, lineno=lineno)
        lineno += count
        position = end


def _logical_line(text: str, position: int) -> tuple[int, int, list[tuple[int, str]] | None]:
    """Join natural lines from ``position`` on (P4).

    Return where the line ends, the number of natural lines in it, and its pieces with their places in the text:
    None for a blank line or a comment, and when nothing is left before the text ends.
    """
    pieces: list[tuple[int, str]] = []
    count = 0
    while position < len(text):
        match = _NATURAL_LINE.match(text, position)
        assert match is not None  # it matches the empty text too
        body = match[1].lstrip(BLANKS)
        if pieces and not body:
            return position, count, pieces
        count += 1
        position = match.end()
        if not pieces and (not body or body[0] in "#!"):
            if count == 1:
                return position, count, None
            continue  # while nothing but a backslash came, comments and blank lines are still skipped
        piece = body[:-1] if _ends_in_backslash(body) else body
        if piece:
            pieces.append((match.end(1) - len(body), piece))
        if piece is body or (position == len(text) and match[2] != "\r\n"):
            return position, count, pieces
    return position, count, pieces or None


def _ends_in_backslash(body: str) -> bool:
    """Tell whether a line ends in a backslash that no other one escapes (P4)."""
    return bool((len(body) - len(body.rstrip("\\"))) % 2)


def _key_and_value(text: str, pieces: list[tuple[int, str]]) -> tuple[str, str]:
    line = "".join(piece for _, piece in pieces)
    key = _KEY.match(line)
    assert key is not None  # it matches the empty text too
    separator = _SEPARATOR.match(line, key.end())
    assert separator is not None

    def unescaped(start: int, end: int) -> str:
        try:
            return _unescape(line[start:end])
        except _MalformedError as error:
            raise PropertiesError(
                "\\u must be followed by four hexadecimal digits (write \\\\ for a backslash)",
                text,
                _place(pieces, start + error.index),
            ) from None

    return unescaped(0, key.end()), unescaped(separator.end(), len(line))


def _place(pieces: list[tuple[int, str]], index: int) -> int:
    """Return where a character of a logical line stands in the text."""
    for start, piece in pieces:
        if index < len(piece):
            return start + index
        index -= len(piece)
    raise IndexError(index)


class _MalformedError(Exception):
    def __init__(self, index: int) -> None:
        self.index = index


def _unescape(raw: str) -> str:
    if "\\" not in raw:
        return raw

    parts = []
    position = 0
    while (found := raw.find("\\", position)) >= 0:
        parts.append(raw[position:found])
        match = _ESCAPE.match(raw, found)
        if match is None:
            raise _MalformedError(found)
        letters = match[1]
        parts.append(chr(int(letters[1:], 16)) if len(letters) > 1 else UNESCAPED.get(letters, letters))
        position = match.end()
    value = "".join([*parts, raw[position:]])
    if SURROGATE.search(value):  # two halves that make one character
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return value


def _check_texts(pairs: Iterable[tuple[object, object]]) -> None:
    for key, value in pairs:
        for text in (key, value):
            if not isinstance(text, str):
                raise TypeError(f"keys and values must be str, not {type(text).__name__}: see {key!r}")


def _check_style(style: object) -> None:
    if style not in ("portable", "java"):
        raise ValueError(f"the style {style!r} is not one of portable, java")
