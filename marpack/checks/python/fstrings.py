"""f-strings that Python 3.12 was the first to read (PEP 701), which its parser takes for any older version too.

Without this, what ends a worker of Python 3.11 would pass wherever marpack runs on a newer one.
"""

from __future__ import annotations

import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from typing import TypeAlias

# The Python that reads them; older ones do not take an f-string apart into tokens.
FIRST = (3, 12)
# The name of its kind, its text, and the line in which it begins.
Token: TypeAlias = "tuple[str, str, int]"

_NO_TEXT = frozenset({"ENDMARKER", "DEDENT", "INDENT", "ENCODING"})


def newer_in(data: bytes) -> tuple[str, int] | None:
    """Return what an older Python says of an f-string in a source that this one has parsed, and its line.

    A Python that is older itself has not parsed it, and takes no f-string apart.
    """
    if sys.version_info < FIRST or b"{" not in data:
        return None
    try:
        return newer_fstring(_tokens(data))
    except (tokenize.TokenError, SyntaxError):  # what only the parser reads
        return None


def _tokens(data: bytes) -> Iterator[Token]:
    for token in tokenize.tokenize(io.BytesIO(data).readline):
        yield tokenize.tok_name[token.type], token.string, token.start[0]


def newer_fstring(found: Iterable[Token]) -> tuple[str, int] | None:
    """Return what is said of the first f-string that an older Python does not read, and its line."""
    quotes: list[str] = []  # of the f-strings that are open, outermost first
    ends = 0  # the line in which the last token ends
    for kind, text, line in found:
        # The text of an f-string lies between the braces of those around it, and not of itself.
        around = quotes[:-1] if kind in ("FSTRING_MIDDLE", "FSTRING_END") else quotes
        if around and (problem := _problem(kind, text, around, continued=line > ends)):
            return problem, line
        if kind == "FSTRING_START":
            quotes.append(text.lstrip("fFrR"))
        elif kind == "FSTRING_END":
            quotes.pop()
        if kind not in _NO_TEXT:
            ends = line + text.count("\n")
    return None


def _problem(kind: str, text: str, around: list[str], *, continued: bool) -> str | None:
    """Return what keeps a token from lying between the braces of f-strings with these quotes."""
    if "\\" in text or continued:
        return "f-string expression part cannot include a backslash"
    if kind == "COMMENT":
        return "f-string expression part cannot include '#'"
    if any(quote in text for quote in around):
        return "f-string: its own quotes between its braces"
    if "\n" in text and any(len(quote) == 1 for quote in around):
        return "f-string: a line break between the braces, in single quotes"
    return None
