"""Progress on a terminal: rich's when it is installed, else a plain percentage."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from marpack.cli.screen import Screen, err, out
from marpack.cli.terminal import count_of

if TYPE_CHECKING:
    from rich.progress import Progress

# Less than this is packed before anybody looks.
_LONG_WORK = 64 << 20


@contextlib.contextmanager
def progress_for(size: int, *, quiet: bool) -> Iterator[Callable[[int], object] | None]:
    """Give a function to call with each number of bytes done, of ``size`` in all; None where none is shown."""
    screen = err()
    if quiet or size < _LONG_WORK or not screen.is_terminal or screen.is_dumb:
        yield None
        return
    try:
        bar = _bar(screen)
    except (ImportError, ValueError):  # no rich; or one that takes no such COLUMNS or LINES
        with _percentage(size) as advance:
            yield advance
        return
    task = bar.add_task("packing", total=size)
    try:
        bar.start()  # which may be interrupted halfway, and is ended then, too
        yield lambda count: bar.advance(task, count)
    finally:
        bar.stop()


def _bar(screen: Screen) -> Progress:
    """Return rich's progress, not yet begun."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    class Terminal(Console):
        """One whose cursor stays: who is stopped by Ctrl-Z, or killed, could not show it again."""

        def show_cursor(self, show: bool = True) -> bool:
            return False

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Terminal(stderr=True, no_color=not screen.has_colours), transient=True)


@contextlib.contextmanager
def _percentage(size: int) -> Iterator[Callable[[int], None]]:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        if 100 * done // size != 100 * before // size:
            _put(f"\r{100 * done // size:3}%")

    try:
        yield advance
    finally:
        _put("\r    \r")


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int], object]]:
    """Give a function to call with how many things there are by now, which nobody knows the number of beforehand.

    It is shown where results go elsewhere: on a terminal they show by themselves how far it is.
    """
    screen = err()
    if not screen.is_terminal or screen.is_dumb or out().is_terminal:
        yield lambda count: None
        return
    widest = 0

    def note(count: int) -> None:
        nonlocal widest
        text = count_of(count, what)
        widest = max(widest, len(text))
        _put(f"\r{text}")

    try:
        yield note
    finally:
        _put(f"\r{' ' * widest}\r")


def _put(text: str) -> None:
    """Write to the terminal; one that is gone is no reason to end."""
    with contextlib.suppress(OSError, ValueError):
        print(text, end="", file=sys.stderr, flush=True)
