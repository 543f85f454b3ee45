"""What a terminal is shown and a pipe is not: colours, and lines that fit into it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TextIO, TypeAlias

from marpack.display import printable, showable
from marpack.findings import Finding

When: TypeAlias = Literal["auto", "always", "never"]
WHEN: tuple[When, ...] = ("auto", "always", "never")

# Parameters of SGR (ECMA-48). Of the eight colours that every terminal has, these are read best on black and on
# white: in the worst of six palettes (xterm, VGA, Tango, macOS, Windows, VS Code) red has a contrast of 2.7:1 on
# one of the two, magenta 2.6, green 2.2, cyan 2.0, blue 1.6 and yellow 1.4. Nothing is said by a colour alone.
_STYLES: Mapping[str, str] = {
    "strong": "1",
    "error": "1;31",
    "warning": "1;35",
    "note": "1",
    "good": "32",
    "added": "32",
    "removed": "31",
    "changed": "35",
}
_SGR = re.compile("\x1b\\[[0-9;]*m")

# Into fewer columns nothing is made to fit.
_NARROWEST = 40
_CUT = "..."
# Of COLUMNS: Python reads no number of some thousands.
_MOST_DIGITS = 10

_when: When = "auto"


def choose_colours(when: When) -> None:
    """Say whether there are colours: ``auto`` looks at the environment and the terminal."""
    global _when
    _when = when


def columns_of(stream: TextIO | None) -> int:
    """Return how many columns a terminal has, as ``shutil`` says, which is slow to import; 80 if not known."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and len(told) < _MOST_DIGITS and int(told):
        return int(told)
    try:
        # Some terminals do not know, and say 0.
        return os.get_terminal_size(stream.fileno() if stream is not None else -1).columns or 80
    except (OSError, ValueError, AttributeError):  # no terminal, or nothing at all
        return 80


def out() -> Screen:
    """Return what standard output can show."""
    return Screen(sys.stdout)


def err() -> Screen:
    """Return what standard error can show."""
    return Screen(sys.stderr)


class Screen:
    """What a stream can show; what is no terminal gets texts as they are."""

    def __init__(self, stream: TextIO | None) -> None:
        open_stream = None if stream is None or stream.closed else stream
        self.is_terminal = open_stream is not None and open_stream.isatty()
        # One that cannot move back to the beginning of a line.
        self.is_dumb = os.environ.get("TERM") == "dumb"
        self.columns = max(_NARROWEST, columns_of(stream)) if self.is_terminal else None
        self.has_colours = open_stream is not None and self._colours()
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    def _colours(self) -> bool:
        """Decide as Python itself does: no-color.org, force-color.org, and then the terminal."""
        if _when != "auto":
            return _when == "always"
        told = os.environ.get
        if told("NO_COLOR"):
            return False
        if told("FORCE_COLOR"):
            return True
        # Windows' own console shows the letters of the codes unless it is asked not to.
        understands = sys.platform != "win32" or any(map(told, ("WT_SESSION", "TERM", "ANSICON")))
        return self.is_terminal and not self.is_dumb and understands

    def painted(self, style: str, text: str) -> str:
        """Return a text in a style, where there are colours."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.has_colours and text else text

    def width(self, text: str) -> int:
        """Return how many columns a text takes."""
        text = _SGR.sub("", text)
        return len(text) if text.isascii() else sum(map(_width, self._encoded(text)))

    def cut(self, name: str, room: int) -> str:
        """Return a name in no more columns than ``room``: its beginning and its end, of 20 columns at least."""
        room = max(20, room)
        if self.columns is None or self.width(name) <= room:
            return name
        letters = self._encoded(name)
        end = (room - len(_CUT)) // 2
        return f"{_beginning(letters, room - len(_CUT) - end)}{_CUT}{_beginning(letters[::-1], end)[::-1]}"

    def cut_before(self, name: str, rest: str) -> str:
        """Return a name cut so that it and the ``rest`` of its line, which is not cut, fit."""
        return self.cut(name, (self.columns or 0) - self.width(rest))

    def wrapped(self, line: str, indent: int = 4) -> str:
        """Return a line as rows that fit, where words allow; all but the first begin with ``indent`` blanks."""
        if self.columns is None or self.width(line) <= self.columns:
            return line
        indent = min(indent, self.columns // 2)
        first, *words = line.lstrip(" ").split(" ")
        row = " " * (len(line) - len(line.lstrip(" "))) + first
        rows: list[str] = []
        taken = self._after(self.width(row))
        for word in words:
            width = self.width(word)
            if taken + 1 + width > self.columns:
                rows.append(row.rstrip())
                row, taken = " " * indent + word, indent + width
            else:
                row, taken = f"{row} {word}", taken + 1 + width
            taken = self._after(taken)
        return "\n".join([*rows, row])

    def _after(self, width: int) -> int:
        """Return how full the terminal's row is after so many columns: a path may be longer, and goes on below."""
        return (width - 1) % self.columns + 1 if width and self.columns else width

    def finding(self, finding: Finding, before: str = "", *, briefly: bool = False) -> str:
        """Return a finding as ``str`` does, with its severity in colour; ``briefly`` without effect and fix."""
        said = [self.painted("strong", finding.place), self.painted(finding.severity, finding.severity)]
        if briefly:
            said += [printable(showable(text)) for text in (finding.key, finding.message) if text]
            said[-1] += f" [{finding.code}]"
        else:
            said.append(finding.sentence)
        return self.wrapped(before + ": ".join(filter(None, said)))

    def column(self, heading: str, values: Iterable[Any], piped: int) -> int:
        """Return how wide a column of a table is: ``piped``, or as its values are where it is for a terminal."""
        return piped if self.columns is None else max(map(len, [heading, *map(str, values)]))

    def _encoded(self, text: str) -> str:
        """Return a text as the stream shows it, which may have ASCII alone; see ``terminal.prepare``."""
        return text.encode(self._encoding, "backslashreplace").decode(self._encoding)


def _width(letter: str) -> int:
    """Return the columns of a letter, as terminals do: East Asian ones are wide, marks are on the one before."""
    import unicodedata  # half a MiB, for names that are not ASCII

    if unicodedata.category(letter) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _beginning(letters: str, room: int) -> str:
    """Return as many letters as have room."""
    taken = 0
    for index, letter in enumerate(letters):
        taken += _width(letter)
        if taken > room:
            return letters[:index]
    return letters
