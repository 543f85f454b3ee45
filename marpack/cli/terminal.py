"""What a person, or the next program, reads."""

from __future__ import annotations

import contextlib
import errno
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from marpack.cli.screen import err, out
from marpack.display import printable, showable
from marpack.errors import MarpackError, TargetError


def prepare() -> None:
    """Make the streams take every name: one that cannot be shown is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def show(text: str, *, is_part: bool = False) -> None:
    """Print a result, or a part of one; with no standard output there is nobody to show it to."""
    if sys.stdout is None:
        return
    try:
        print(text, flush=True)
    except OSError as error:
        with contextlib.suppress(OSError):
            sys.stdout.close()  # or the interpreter would try once more at its end
        if isinstance(error, BrokenPipeError):
            raise
        reached = "not all is done, for" if is_part else "all is done, but"
        raise MarpackError(f"{reached} the result cannot be printed: {error.strerror}") from error


def to_json(document: Mapping[str, Any]) -> str:
    """Return a result as JSON text."""
    return json.dumps(document, indent=2, allow_nan=False)


def show_document(text: str) -> None:
    """Print JSON that is meant for a file: as it is, or to a terminal with what that would act on escaped."""
    if out().is_terminal:
        kept = (each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)
        text = "".join(kept)
    show(text)


def count_of(number: int, what: str) -> str:
    """Return a number of things."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def told_by_the_disk(error: OSError) -> str:
    """Return what an error of the disk says, with the file that it is about."""
    return f"{error.filename!r}: {error.strerror or error}" if error.filename else error.strerror or str(error)


class BinaryOutput:
    """Standard output for what is no text.

    Nothing is kept back, or the interpreter would try at its end to write it, also where nobody reads any more.
    """

    def __init__(self) -> None:
        file = getattr(sys.stdout, "buffer", None)
        if file is None:
            raise MarpackError("standard output is closed: open it, or name a file (--output PATH)")
        if file.isatty():
            raise MarpackError(
                "standard output is a terminal, which shows no archives: redirect it (> model.mar, | ssh ...), "
                "or name a file (--output PATH)"
            )
        self._write = getattr(file, "raw", file).write

    def write(self, data: bytes | memoryview, /) -> int:
        """Write ``data``, or a part of it; return how much."""
        try:
            written = self._write(data)
            if written is None:
                raise BlockingIOError(errno.EAGAIN, "it is full and does not block: put a pipe (| cat) between")
        except BrokenPipeError:
            raise
        except OSError as error:
            raise MarpackError(f"standard output cannot be written: {error.strerror}") from error
        return int(written)


def show_body(data: bytes, kind: str) -> None:
    """Print what came as bytes: as it came, or to a terminal as text, where it is one; ``kind`` is its type."""
    if sys.stdout is None:
        return
    if not sys.stdout.isatty():
        write_all(data)
        return
    text = text_of(data)
    if text is None:
        show(f"<{count_of(len(data), 'byte')}{f' of {printable(kind)}' if kind else ''}>", is_part=True)
    elif text:
        show(shown_lines(text).removesuffix("\n"), is_part=True)


def write_all(data: bytes) -> None:
    """Write to standard output, whatever it is."""
    output, rest = BinaryOutput(), memoryview(data)
    while rest:
        rest = rest[output.write(rest) :]


def text_of(data: bytes) -> str | None:
    """Return the text that bytes are; None where they are none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def shown_lines(text: str) -> str:
    """Return a text line by line, with what a terminal would act on escaped; a tab is none of that."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines)


class UsageError(MarpackError):
    """What a command was not told, which its parser could not see."""


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """Name the file in what the disk says: errors of reading and writing do not."""
    try:
        yield
    except (MarpackError, BrokenPipeError):
        raise
    except OSError as error:
        # The file inside a folder rather than the folder; but not one of marpack's own, that are temporary.
        inside = error.filename if isinstance(error.filename, str) and ".marpack-" not in error.filename else path
        raise MarpackError(f"{inside!r}: {error.strerror or error}") from error


@contextlib.contextmanager
def making(target: str, problem: str, *, stays: bool = False) -> Iterator[None]:
    """Raise ``TargetError`` for what the disk says while a target is made, of which nothing, or a part, stays."""
    try:
        yield
    except (MarpackError, BrokenPipeError):
        raise
    except OSError as error:
        from marpack.disk.new_file import what_is_left  # not needed where all goes well

        reason = error.strerror or str(error)
        what = f"{reason} ({error.filename!r})" if error.filename else reason
        left = "" if stays else f"; {what_is_left(error)}"
        raise TargetError(target, f"{problem}: {what}{left}") from error


def complain_of_error(message: str) -> None:
    """Print an error, escaped line by line and without secrets: what an archive calls itself may be in it."""
    screen = err()
    first, *more = map(printable, showable(message).split("\n"))
    lines = [f"marpack: {screen.painted('error', 'error')}: {first}", *more]
    complain("\n".join(map(screen.wrapped, lines)))


def warn(text: str) -> None:
    """Print a warning, escaped: what an archive calls itself may be in it."""
    screen = err()
    complain(screen.wrapped(f"marpack: {screen.painted('warning', 'warning')}: {printable(text)}"))


def complain(text: str) -> None:
    """Print a warning or an error; where that is not possible, go on."""
    if sys.stderr is None or sys.stderr.closed:
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        with contextlib.suppress(OSError):
            sys.stderr.close()  # or the interpreter would try once more at its end, and change the exit status
