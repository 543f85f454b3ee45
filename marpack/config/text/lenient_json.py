"""JSON as Gson reads it when it is lenient, as the server has it.

It takes names and strings in single quotes or in none, comments, ``;`` for a comma, ``=`` and ``=>`` for a colon,
and of a key given twice in an inner object the last value. In objects that become maps, here the two outer levels,
it refuses a key given twice; and behind the whole it takes nothing but blanks.
"""

from __future__ import annotations

import json
import re
from typing import Any

from marpack import strict_json

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)"""
    r"""|(?P<comment>\#[^\r\n]*|//[^\r\n]*|/\*.*?\*/)"""
    r"""|(?P<quote>["'])"""
    r"""|(?P<mark>=>|[{}\[\],:;=])"""
    r"""|(?P<word>[^\s{}\[\],:;=\#/\\'"]+)""",
    re.DOTALL,
)
# In a text, where one pattern for all of it would remember each character.
_IN_TEXT = {quote: re.compile(rf"\\.|{quote}", re.DOTALL) for quote in ("'", '"')}
_MARKS = {"=>": ":", "=": ":", ";": ","}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_KEYWORDS = ("true", "false", "null")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", "\n": "\n", **{c: c for c in "'\"\\/"}}

# The levels that the server reads as maps.
_MAPS = 2


def loads(text: str) -> Any:
    """Read a text; ``StrictJSONError`` for what Gson does not take either, or what is nested too deeply."""
    try:
        value = json.loads(_as_strict(text), object_pairs_hook=_Object, parse_constant=_nothing)
    except (ValueError, RecursionError):
        raise strict_json.StrictJSONError("is no JSON") from None
    if strict_json.is_nested_deeper(value, strict_json.DEEPEST) or _has_twice(value, _MAPS):
        raise strict_json.StrictJSONError("is no JSON")
    return value


def loads_as_texts(text: str) -> Any:
    """Read a text into classes of strings, as a manifest's: numbers are texts as they are spelled.

    Of a key given twice the last value is taken. Raises ``StrictJSONError`` for what Gson does not take either.
    """
    try:
        return json.loads(_as_strict(text), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise strict_json.StrictJSONError("is no JSON") from None


class _Object(dict[str, Any]):
    """An object, which knows whether a key was given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.is_twice = len(self) < len(pairs)


def _has_twice(value: object, levels: int) -> bool:
    if not levels or not isinstance(value, _Object):
        return False
    return value.is_twice or any(_has_twice(item, levels - 1) for item in value.values())


def _nothing(word: str) -> Any:
    raise ValueError(word)


def _as_strict(text: str) -> str:
    """Return the same as strict JSON; ``ValueError`` where a piece of it is nothing that Gson knows.

    Whether the pieces make JSON is for who reads the result to find out.
    """
    pieces: list[str] = []
    position = depth = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or (match["comment"] and pieces and not depth):
            raise ValueError(position)
        if match["mark"]:
            depth += (match[0] in "{[") - (match[0] in "}]")
        end = match.end()
        if not match["blank"] and not match["comment"]:
            if match["quote"]:
                end = _end_of_text(text, end, match[0])
                piece = json.dumps(_ESCAPE.sub(_unescaped, text[match.end() : end - 1]))
            else:
                piece = _strict_piece(match)
            if piece == ":" and pieces and pieces[-1][:1] not in ('"', *"{}[],:"):
                pieces[-1] = json.dumps(pieces[-1])  # a name that looks like a number or a keyword
            pieces.append(piece)
        position = end
    return " ".join(pieces)


def _end_of_text(text: str, begin: int, quote: str) -> int:
    for match in _IN_TEXT[quote].finditer(text, begin):
        if match[0] == quote:
            return match.end()
    raise ValueError(begin)


def _strict_piece(match: re.Match[str]) -> str:
    token = match[0]
    if match["mark"]:
        return _MARKS.get(token, token)
    if token.lower() in _KEYWORDS:
        return token.lower()
    return token if _NUMBER.fullmatch(token) else json.dumps(token)


def _unescaped(match: re.Match[str]) -> str:
    letters = match[1]
    if len(letters) > 1:
        return chr(int(letters[1:], 16))
    if letters not in _ESCAPES:
        raise ValueError(letters)
    return _ESCAPES[letters]
