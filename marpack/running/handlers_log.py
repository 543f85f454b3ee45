"""What a handler wrote, of all that its worker did. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from marpack.running.traceback import without_tracebacks

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


def handlers_lines(lines: Iterable[str]) -> list[str]:
    """Return the lines of a log that are neither the worker's own nor of a traceback, which is told apart."""
    return [line for line in without_tracebacks([*lines]) if not line.startswith(_OF_EVERY_WORKER)]
