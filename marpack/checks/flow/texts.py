"""Texts and paths that are put together."""

from __future__ import annotations

import posixpath
import string
from collections.abc import Sequence
from dataclasses import replace

from marpack.checks.flow.values import LONGEST_TEXT, UNKNOWN, Items, Known, ModelPath, Typed, Value, of_python

_TEXT_METHODS = frozenset({"endswith", "lower", "lstrip", "removeprefix", "removesuffix", "replace", "rstrip"}) | {
    *("split", "startswith", "strip", "upper", "rsplit")
}


def joined(parts: Sequence[Value]) -> Value:
    """Return paths joined as ``os.path.join`` does."""
    texts: list[str] = []
    start: ModelPath | None = None
    for part in parts:
        match part:
            case ModelPath():  # it is absolute
                start, texts = part, []
            case Known(str(text)):
                if text.startswith("/"):
                    return UNKNOWN
                texts.append(text)
            case _:
                return UNKNOWN
    if not parts or sum(map(len, texts)) > LONGEST_TEXT:
        return UNKNOWN
    return Known(posixpath.join(*texts)) if start is None else start.joined(*texts) if texts else start


def text_of(parts: Sequence[Value]) -> Value:
    """Return texts one behind the other, where a path below the model's folder may come first."""
    parts = [part for part in parts if part != Known("")]
    first = parts[0] if parts else Known("")
    known = [str(part.value) for part in parts if isinstance(part, Known)]
    if sum(map(len, known)) + len(first.path if isinstance(first, ModelPath) else "") > LONGEST_TEXT:
        return Typed(frozenset(["str"]))
    text = "".join(known)
    if len(known) == len(parts):
        return Known(text)
    if isinstance(first, ModelPath) and len(known) == len(parts) - 1:
        if text.startswith("/") or first.has_slash:
            inner = text.strip("/")
            found = first.joined(inner) if inner else first
            return replace(found, has_slash=text.endswith("/")) if isinstance(found, ModelPath) else found
        return ModelPath(first.path + text) if first.path and "/" not in text else UNKNOWN
    return Typed(frozenset(["str"]))


def formatted(pattern: str, given: Sequence[Value]) -> Value:
    """Return what ``pattern.format(*given)`` is, as far as its fields are plain."""
    parts: list[Value] = []
    number = 0
    try:
        for literal, field, spec, conversion in string.Formatter().parse(pattern):
            parts.append(Known(literal))
            if field is None:
                continue
            place = number if field == "" else int(field)
            number += 1
            if spec or conversion:
                return Typed(frozenset(["str"]))
            parts.append(given[place])
    except (ValueError, IndexError):
        return Typed(frozenset(["str"]))
    return text_of(parts)


def percent(pattern: str, given: Value) -> Value:
    """Return what ``pattern % given`` is, where the pattern has only ``%s``."""
    pieces = pattern.split("%s")
    values = given.values if isinstance(given, Items) and given.type == "tuple" else (given,)
    if any("%" in piece for piece in pieces) or len(values) != len(pieces) - 1:
        return Typed(frozenset(["str"]))
    parts: list[Value] = [Known(pieces[0])]
    for value, piece in zip(values, pieces[1:], strict=True):
        parts += [value, Known(piece)]
    return text_of(parts)


def text_method(text: str, name: str, given: Sequence[Value]) -> Value | None:
    """Call a method of a text whose arguments are known, None where it is not followed."""
    if name == "format":
        return formatted(text, given)
    if name == "join" and len(given) == 1 and isinstance(given[0], Items):
        parts = [part for value in given[0].values for part in (Known(text), value)][1:]
        return text_of(parts) if parts else Known("")
    arguments = [value.value for value in given if isinstance(value, Known)]
    if name not in _TEXT_METHODS or len(arguments) != len(given) or len(text) > LONGEST_TEXT:
        return None
    if not all(isinstance(each, (str, int)) for each in arguments):
        return None
    if name == "replace" and len(text) * sum(len(str(each)) for each in arguments) > LONGEST_TEXT:
        return Typed(frozenset(["str"]))
    try:
        return of_python(getattr(text, name)(*arguments), "")
    except (OverflowError, TypeError, ValueError):
        return None


def text_in(value: Value) -> str:
    """Return a text that is known, and an empty one for anything else."""
    return value.value if isinstance(value, Known) and isinstance(value.value, str) else ""
