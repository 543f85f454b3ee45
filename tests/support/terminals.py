"""Terminals of a given width, on which commands run in this process, and what a person sees on them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from io import TextIOWrapper
from unittest.mock import patch

from marpack.cli import main

SGR = re.compile(r"\x1b\[[0-9;]*m")

# What decides about colours and widths.
_VARIABLES = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS")


class Terminal:
    """A pseudo-terminal: ``stream`` is the program's end, ``written`` what came out of the other."""

    def __init__(self, columns: int, encoding: str) -> None:
        self._reading, writing = os.openpty()
        fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        attributes = termios.tcgetattr(writing)
        attributes[1] &= ~termios.OPOST  # the ends of lines as they are written
        termios.tcsetattr(writing, termios.TCSANOW, attributes)
        self.stream = TextIOWrapper(os.fdopen(writing, "wb", 0), encoding, write_through=True)
        self._pieces: list[bytes] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the end, as Linux tells it
            while data := os.read(self._reading, 1 << 16):
                self._pieces.append(data)

    def written(self) -> str:
        """Return all of it, when the program has ended."""
        self.stream.close()
        self._thread.join()
        os.close(self._reading)
        return b"".join(self._pieces).decode(self.stream.encoding)


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set the variables that are about colours and widths, and no others of them."""
    kept = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    with patch.dict(os.environ, {**kept, "TERM": "xterm", **variables}, clear=True):
        yield


def on_a_terminal(words: Sequence[str], columns: int = 80, encoding: str = "utf-8", **variables: str) -> str:
    """Run a command whose results a terminal is shown, and return what was written to it."""
    terminal = Terminal(columns, encoding)
    try:
        with environment(variables), contextlib.redirect_stdout(terminal.stream):
            main(words)
    finally:
        written = terminal.written()
    return written


def with_a_terminal_for_complaints(words: Sequence[str], columns: int = 80, **variables: str) -> str:
    """Run a command whose results go elsewhere, and return what was written to the terminal meanwhile."""
    terminal = Terminal(columns, "utf-8")
    try:
        with environment(variables), contextlib.redirect_stderr(terminal.stream):
            main(words)
    finally:
        written = terminal.written()
    return written


def bare(text: str) -> str:
    """Return a text without colours."""
    return SGR.sub("", text)


def has_colours(text: str) -> bool:
    """Tell whether there are any."""
    return SGR.search(text) is not None
