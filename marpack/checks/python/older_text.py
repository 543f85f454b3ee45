"""A Python text without what Pythons newer than this one have learned to read.

It does not mean the same: it is only broken if the text is broken for those, too. Rewritten is what its tokens
show to be such a construct, as far as it is whole; line numbers stay. spec/python.md lists the constructs.
"""

from __future__ import annotations

import ast
import re

from marpack.checks.python.tokens import OPENING, Token, line_ends, tokens

_STARS = (3, 11)  # in an index, before an annotation, and of except
_FSTRINGS = _PARAMETERS = (3, 12)
_DEFAULTS = (3, 13)  # of type parameters
_TSTRINGS = _BARE_EXCEPT = (3, 14)
_LAZY = _UNPACKED = (3, 15)

# What is looked at behind an except, or in a comprehension, to find its end.
_FAR = 1000
# What may stand behind an expression between braces: "=", and how it is shown.
_BEHIND = re.compile(
    r"(?: (?<![=!<>]) = (?: \s | \#[^\n]*\n )* )? (?: ! \s* [rsa] (?: \s | \#[^\n]*\n )* )? \Z", re.VERBOSE
)


class _Rewriter:
    def __init__(self, text: str, own: tuple[int, int], python: tuple[int, int]) -> None:
        self.text, self.own, self.python = text, own, python
        self.tokens = tokens(text)
        # From where, up to where, and what instead.
        self.changes: list[tuple[int, int, str]] = []
        # Where what is left out may hide what is wrong, or be wrong itself.
        self.doubtful: set[int] = set()

    def learned(self, *versions: tuple[int, int]) -> bool:
        return any(self.own < version <= self.python for version in versions)

    def change(self, start: int, end: int, instead: str, *, line: int | None = None) -> None:
        """Note a change; ``line`` is where it begins, given for one that leaves out more than a sign."""
        self.changes.append((start, end, instead))
        if line is not None:
            self.doubtful.update(range(line, line + line_ends(self.text[start:end]) + 1))

    def rewrite(self) -> None:
        handlers = self.learned(_STARS, _BARE_EXCEPT)
        types = self.learned(_PARAMETERS, _DEFAULTS)
        for place, token in enumerate(self.tokens):
            if token.kind == "string":
                self.string(token)
            elif token.text == "except" and handlers:
                self.handler(place)
            elif token.text in ("def", "class") and types:
                self.parameters(place + 2)
            elif token.text == "type" and types and self.begins(place):
                self.alias(place)
            elif token.text == "lazy" and self.learned(_LAZY) and self.begins(place):
                following = self.at(place + 1)
                if following is not None and following.text in ("import", "from"):
                    self.change(token.start, following.start, "")
            elif token.text in ("*", "**"):
                self.star(place)

    def at(self, place: int) -> Token | None:
        return self.tokens[place] if 0 <= place < len(self.tokens) else None

    def begins(self, place: int) -> bool:
        """Tell whether a statement may begin here."""
        before = self.at(place - 1)
        return before is None or (
            self.tokens[place].depth == 0 and (before.kind == "newline" or before.text in ":;")
        )

    def string(self, token: Token) -> None:
        """Put a plain string in the place of a template, if there are expressions between all of its braces."""
        prefix = re.split("['\"]", token.text, maxsplit=1)[0].lower()
        learned = self.learned(_FSTRINGS) if "f" in prefix else "t" in prefix and self.learned(_TSTRINGS)
        if learned and token.fields is not None and all(map(self.is_expression, token.fields)):
            lines = "\n" * line_ends(token.text)
            self.change(token.start, token.start + len(token.text), f"'''{lines}'''", line=token.line)

    def is_expression(self, field: str) -> bool:
        found = _BEHIND.search(field)
        inner = field if found is None else field[: found.start()]
        if not inner.strip():
            return False
        try:
            ast.parse(older_text(f"({inner}\n)", own=self.own, python=self.python)[0], mode="eval")
        except (SyntaxError, ValueError, RecursionError):
            return False
        return True

    def parameters(self, place: int) -> None:
        """Leave out the type parameters that begin here, if any do."""
        token = self.at(place)
        if token is None or token.text != "[" or token.partner is None or token.partner == place + 1:
            return
        inner = self.tokens[place + 1 : token.partner]
        if self.python >= _DEFAULTS or not any(each.opening == place and each.text == "=" for each in inner):
            end = self.tokens[token.partner].start + 1
            self.change(token.start, end, "\\\n" * line_ends(self.text[token.start : end]), line=token.line)

    def alias(self, place: int) -> None:
        """Make an assignment of a ``type`` statement."""
        name, sign = self.at(place + 1), self.at(place + 2)
        if name is not None and name.kind == "word" and sign is not None and sign.text in ("=", "["):
            start = self.tokens[place].start
            self.change(start, start + len("type"), "_=")
            self.parameters(place + 2)

    def handler(self, place: int) -> None:
        """Put the errors of an ``except`` into brackets, and leave out its star."""
        first, depth = self.at(place + 1), self.tokens[place].depth
        if first is not None and first.text == "*":
            if self.learned(_STARS):
                self.change(first.start, first.start + 1, " ")
            place, first = place + 1, self.at(place + 2)
        named = []
        for token in self.tokens[place + 1 : place + _FAR]:
            if token.depth == depth:
                is_bare = token.text == ":" and "," in named and "as" not in named
                if is_bare and first is not None and self.learned(_BARE_EXCEPT):
                    self.change(first.start, first.start, "(")
                    self.change(token.start, token.start, ")")
                if token.text == ":" or token.kind == "newline":
                    return
                named.append(token.text)

    def star(self, place: int) -> None:
        """Leave out a star that stands where older Pythons do not expect one."""
        token, before = self.tokens[place], self.tokens[place - 1]
        if not place or token.opening is None:
            return
        opening = self.tokens[token.opening]
        ahead = self.at(token.opening - 1)
        if self.learned(_STARS) and token.text == "*":
            is_index = ahead is not None and (ahead.kind in ("word", "string") or ahead.text in (")", "]", "}"))
            if before.text == ":" or (opening.text == "[" and is_index and before.text in ("[", ",")):
                self.change(token.start, token.start + 1, " ")
                return
        if self.learned(_UNPACKED) and before.text in OPENING and opening.partner is not None:
            for inner in self.tokens[place : min(opening.partner, place + _FAR)]:
                if inner.depth == token.depth and inner.text in ("for", ","):
                    if inner.text == "for":
                        self.change(token.start, token.start + len(token.text), " ")
                    return


def older_text(text: str, *, own: tuple[int, int], python: tuple[int, int]) -> tuple[str, frozenset[int]]:
    """Return a text as ``own`` reads it if ``python`` reads the original, and the lines that lose something.

    Raises ``TooMuchError``.
    """
    rewriter = _Rewriter(text, own, python)
    rewriter.rewrite()
    pieces: list[str] = []
    end = 0
    for start, until, instead in sorted(rewriter.changes):
        if start >= end:  # else it lies in what is replaced already
            pieces += [text[end:start], instead]
            end = until
    return "".join([*pieces, text[end:]]), frozenset(rewriter.doubtful)
