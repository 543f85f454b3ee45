"""What a handler wrote is told from what its worker did, and what is new in a log from what is not."""

from __future__ import annotations

import pytest

from marpack.running.handlers_log import handlers_lines, lines_after
from marpack.running.kept_log import FIRST, LAST, KeptLog
from marpack.running.traceback import without_tracebacks

HEAD = "Traceback (most recent call last):"
BLOCK = [HEAD, '  File "a.py", line 1, in f', "    g()", "ValueError: x"]
DURING = "During handling of the above exception, another exception occurred:"


@pytest.mark.parametrize(
    ("lines", "others"),
    [
        (["one", "two"], ["one", "two"]),
        (["one", *BLOCK], ["one"]),
        (["one", *BLOCK, "", DURING, "", *BLOCK], ["one"]),
        (["one", "", *BLOCK], ["one", ""]),
        ([*BLOCK, "Backend received inference at: 1", "two"], ["Backend received inference at: 1", "two"]),
    ],
)
def test_lines_of_no_traceback(lines: list[str], others: list[str]) -> None:
    assert without_tracebacks(lines) == others


def test_what_every_worker_writes_is_not_the_handlers() -> None:
    logged = ["[PID]7", "Torch worker started.", "mine", "Invoking custom service failed.", *BLOCK]
    assert handlers_lines(logged) == ["mine"]


def test_what_is_new() -> None:
    """Also where much is not kept, and where a line had only begun."""
    log = KeptLog()
    assert lines_after(log.lines, ()) == ()
    log.add("stdout", b"one\ntw")
    log.add("stderr", b"warn")
    earlier = log.lines
    assert [line.text for line in lines_after(earlier, ())] == ["one", "tw", "warn"]
    log.add("stdout", b"o\nthree\n")
    assert [line.text for line in lines_after(log.lines, earlier)] == ["two", "three", "warn"]
    earlier = log.lines
    log.add("stdout", b"more\n" * (FIRST + LAST))
    earlier = log.lines
    log.add("stdout", b"last\n")
    assert [line.text for line in lines_after(log.lines, earlier)][:1] == ["last"]
