"""What a handler wrote, of all that its worker did. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from marpack.running.log import LogLine
from marpack.running.traceback import traceback_of, without_tracebacks

# How lines begin that the server's worker logs, whatever it runs (TorchServe 0.9.0 to 0.12.0).
_OF_EVERY_WORKER = (
    "s_name_part0=",
    "Listening on ",
    "Successfully loaded ",
    "[PID]",
    "Torch worker started.",
    "Python runtime: ",
    "Connection accepted: ",
    "model_name: ",
    "Frontend disconnected.",
    "Backend received inference at: ",
    "Backend worker process died.",
    "Invoking custom service failed.",
)
# The most at the end of a log that is not yet a whole line, and another one later on: one of each stream.
_UNENDED = 2


def lines_after(log: Sequence[LogLine], earlier: Sequence[LogLine]) -> Sequence[LogLine]:
    """Return the lines of a worker's log that were written after it was ``earlier``, as far as they are kept."""
    known = {id(line) for line in earlier[-_UNENDED - 1 :]}
    for number in range(len(log), 0, -1):
        if id(log[number - 1]) in known:
            return log[number:]
    return log


def handlers_lines(lines: Iterable[str]) -> list[str]:
    """Return the lines of a log that are neither the worker's own nor of a traceback, which is told apart."""
    return [line for line in without_tracebacks([*lines]) if not line.startswith(_OF_EVERY_WORKER)]


def without_workers_own(lines: Iterable[LogLine]) -> list[LogLine]:
    """Return the lines of a log that are not the worker's own, tracebacks among them."""
    return [line for line in lines if not line.text.startswith(_OF_EVERY_WORKER)]


def last_traceback(lines: Sequence[LogLine], places: Sequence[tuple[str, str]]) -> str:
    """Return the traceback that was logged last, or else what Python itself has written of what nobody caught.

    ``places`` are those of ``traceback_of``.
    """
    for stream in ("stdout", "stderr"):
        if found := traceback_of((line.text for line in lines if line.stream == stream), places=places):
            return found
    return ""
