"""What a person, or the next program, reads."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from marpack.errors import MarpackError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["complain", "naming", "prepare", "show"]


def prepare() -> None:
    """Make the streams take every name: one that cannot be shown is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def show(text: str) -> None:
    """Print a result; with no standard output there is nobody to show it to."""
    if sys.stdout is None:
        return
    try:
        print(text, flush=True)
    except OSError as error:
        with contextlib.suppress(OSError):
            sys.stdout.close()  # or the interpreter would try once more at its end
        if isinstance(error, BrokenPipeError):
            raise
        raise MarpackError(f"all is done, but the result cannot be printed: {error.strerror}") from error


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """Name the file in what the disk says: errors of reading and writing do not."""
    try:
        yield
    except MarpackError:
        raise
    except OSError as error:
        raise MarpackError(f"{path!r}: {error.strerror or error}") from error


def complain(text: str) -> None:
    """Print a warning or an error; where that is not possible, go on."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(text, file=sys.stderr, flush=True)
