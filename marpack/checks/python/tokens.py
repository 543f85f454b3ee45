"""Python's text as tokens of any version up to 3.15, whatever the version of this Python.

Broken texts have tokens too: a string that is not closed ends with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
    (?P<blank> [ \t\f]+ | \\ (?: \r\n? | \n ) | \#[^\r\n]* )
  | (?P<newline> \r\n? | \n )
  | (?P<string>
        (?P<prefix> [bB][rR]? | [fFtT][rR]? | [uU] | [rR][bBfFtT]? )?
        (?P<quote> \"{3} | '{3} | ["'] )
    )
  | (?P<word> \w+ )
  | (?P<other> \*\* | [:!<>=]= | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_LINE_END = re.compile(r"\r\n?|\n")
_PLAIN = {
    quote: re.compile(
        rf"(?: [^\\] | \\ . )*? (?: {quote} | \Z )"
        if len(quote) == 3
        else rf"(?: [^\\\r\n{quote}] | \\ (?: \r\n | . ) )* {quote}?",
        re.VERBOSE | re.DOTALL,
    )
    for quote in ("'", '"', "'''", '"""')
}
OPENING, CLOSING = "([{", ")]}"
_DEEPEST = 10
# So many templates that end nowhere are nobody's, and each costs a look at the rest of the text.
_MOST_OPEN = 20


class TooMuchError(Exception):
    """A text asks for more work than one that people write."""


@dataclass(slots=True)
class Token:
    """A piece of text from ``start``, in ``line``.

    ``depth`` is in how many brackets it lies, ``opening`` the number of the innermost, and ``partner`` the number
    of what closes it, if it opens one. Of templates, ``fields`` are the texts between their braces.
    """

    kind: str
    text: str
    start: int
    line: int
    depth: int
    opening: int | None
    partner: int | None = None
    fields: list[str] | None = None


@dataclass(slots=True)
class _Scanner:
    text: str
    open_templates: int = 0

    def string(self, found: re.Match[str], depth: int = 0) -> tuple[int, list[str] | None]:
        """Return where a string ends, and the texts between the braces of a template that ends."""
        if (found["prefix"] or "").lower().strip("r") in ("f", "t"):
            fields: list[str] = []
            end = self._literal(found.end(), found["quote"], fields, depth, is_raw="r" in found["prefix"].lower())
            if end is not None:
                return end, fields
            self.open_templates += 1
            if self.open_templates > _MOST_OPEN:
                raise TooMuchError
        plain = _PLAIN[found["quote"]].match(self.text, found.end())
        return plain.end() if plain else found.end(), None

    def _literal(self, place: int, quote: str, fields: list[str], depth: int, *, is_raw: bool) -> int | None:
        """Return where a template ends whose literal part goes on here, None if it ends nowhere.

        ``quote`` is empty for what follows a colon, which a brace ends.
        """
        if depth > _DEEPEST:
            raise TooMuchError
        text = self.text
        while place < len(text):
            char = text[place]
            if quote and text.startswith(quote, place):
                return place + len(quote)
            if char == "}" and not quote:
                return place
            if char in "\r\n" and len(quote) == 1:
                return None
            if not is_raw and text.startswith("\\N{", place):  # the name of a character
                place += 3
                while place < len(text) and text[place] not in "}'\"\r\n":
                    place += 1
                place += text.startswith("}", place)
            elif char == "\\":
                place += 1 if text[place + 1 : place + 2] in ("{", "}") else 2
            elif text.startswith(("{{", "}}"), place):
                place += 2
            elif char == "{":
                end = self._field(place + 1, fields, depth + 1, is_raw=is_raw)
                if end is None:
                    return None
                place = end
            elif char == "}":
                return None
            else:
                place += 1
        return None

    def _field(self, start: int, fields: list[str], depth: int, *, is_raw: bool) -> int | None:
        """Return where a replacement field ends, behind its brace, None if it ends nowhere."""
        place, brackets = start, 0
        while found := TOKEN.match(self.text, place):
            piece = found[0]
            if found["string"] is not None:
                inner: list[str] | None
                place, inner = self.string(found, depth)
                if inner is None and (found["prefix"] or "").lower().strip("r") in ("f", "t"):
                    return None
                continue
            place = found.end()
            if piece in OPENING:
                brackets += 1
            elif piece in CLOSING and brackets:
                brackets -= 1
            elif piece == "}":
                fields.append(self.text[start : place - 1])
                return place
            elif piece in (":", ":=") and not brackets:
                begin = found.start()
                fields.append(self.text[start:begin])
                end = self._literal(begin + 1, "", fields, depth, is_raw=is_raw)
                return None if end is None else end + 1
            elif piece in CLOSING:
                return None
        return None


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text, without blanks, comments, and the line ends in brackets."""
    found: list[Token] = []
    scanner = _Scanner(text)
    waiting: list[int] = []
    place, line = 0, 1
    while match := TOKEN.match(text, place):
        kind, end, fields = match.lastgroup or "", match.end(), None
        if match["string"] is not None:
            kind = "string"
            end, fields = scanner.string(match)
        elif match["blank"] is not None:
            kind = "blank"
        piece = text[place:end]
        if kind == "other" and piece in CLOSING and waiting:
            found[waiting.pop()].partner = len(found)
        if kind != "blank" and not (kind == "newline" and waiting):
            opening = waiting[-1] if waiting else None
            found.append(Token(kind, piece, place, line, len(waiting), opening, None, fields))
        if kind == "other" and piece in OPENING:
            waiting.append(len(found) - 1)
        line += line_ends(piece)
        place = end
    return found


def line_ends(text: str) -> int:
    """Return how many lines a text ends."""
    return len(_LINE_END.findall(text))
