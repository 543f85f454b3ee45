"""Progress on a terminal: rich's when it is installed, else a plain percentage."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

# Less than this is packed before anybody looks.
_LONG_WORK = 64 << 20


@contextlib.contextmanager
def progress_for(size: int, *, quiet: bool) -> Iterator[Callable[[int], object] | None]:
    """Give a function to call with each number of bytes done, of ``size`` in all; None where none is shown."""
    if quiet or size < _LONG_WORK or sys.stderr is None or sys.stderr.closed or not sys.stderr.isatty():
        yield None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn
    except ImportError:
        with _percentage(size) as advance:
            yield advance
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("packing", total=size)
        yield lambda count: bar.advance(task, count)


@contextlib.contextmanager
def _percentage(size: int) -> Iterator[Callable[[int], None]]:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        if 100 * done // size != 100 * before // size:
            print(f"\r{100 * done // size:3}%", end="", file=sys.stderr, flush=True)

    try:
        yield advance
    finally:
        print("\r    \r", end="", file=sys.stderr, flush=True)
