"""What is made of the lines that a worker writes (J44)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marpack.running import LogLine, Metric
from marpack.running.kept_log import FIRST, LAST, LAST_SIZE, LINE_SIZE, METRICS, KeptLog
from marpack.running.log import metric_of

TOLD = "[METRICS]PredictionTime.Milliseconds:1.5|#ModelName:m,Level:Model|#type:GAUGE|#hostname:here,1700000000,id"
METRIC = Metric(
    name="PredictionTime",
    unit="Milliseconds",
    value=1.5,
    dimensions={"ModelName": "m", "Level": "Model"},
    type="GAUGE",
    hostname="here",
    timestamp=1_700_000_000,
    request_id="id",
)


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        (TOLD, {}),
        (f"INFO > {TOLD}", {}),
        (TOLD.replace("|#type:GAUGE", ""), {"type": ""}),  # before 0.10.0
        (TOLD.removesuffix(",id"), {"request_id": ""}),
        (TOLD.replace("#ModelName:m,Level:Model", "#"), {"dimensions": {}}),
        (TOLD.replace("1.5", "-1e3"), {"value": -1000.0}),
        (TOLD.replace("PredictionTime.", "my time."), {"name": "my time"}),
    ],
)
def test_a_metric_line(line: str, changes: dict[str, object]) -> None:
    assert metric_of(line) == replace(METRIC, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "",
        f" {TOLD}",
        f"printed{TOLD}",
        TOLD.removeprefix("[METRICS]"),
        TOLD.replace("1.5", "1,500"),
        TOLD.replace("1.5", "nan"),
        TOLD.replace("1700000000", "now"),
        TOLD.replace("|#hostname:here", ""),
        "[METRICS]Failed to update metric with name:x",
    ],
)
def test_what_the_server_finds_no_metric_in_stays_in_the_log(line: str) -> None:
    log = KeptLog()
    log.add("stdout", f"{line}\n".encode())
    assert log.metrics == ()
    assert [each.text for each in log.lines] == [line]


def test_lines_come_in_pieces_of_two_streams() -> None:
    log = KeptLog()
    assert log.add("stdout", b"one\ntw") == ["one"]
    assert log.add("stderr", b"err\r\n\xff\n") == ["err", "\N{REPLACEMENT CHARACTER}"]
    assert [line.text for line in log.lines] == ["one", "err", "\N{REPLACEMENT CHARACTER}", "tw"]
    assert log.count == 3
    assert log.add("stdout", b"o\n") == ["two"]
    assert log.since(3) == (LogLine(stream="stdout", text="two"),)
    log.add("stdout", TOLD.encode())
    log.end()
    assert log.metrics == (METRIC,)
    assert len(log.lines) == 4


def test_a_log_is_bounded() -> None:
    log = KeptLog()
    count = FIRST + LAST + 500
    for number in range(count):
        log.add("stdout", b"%d\n" % number)
    kept = [*range(FIRST), *range(count - LAST, count)]
    assert [int(line.text) for line in log.lines] == kept
    assert log.count == count
    assert [line.text for line in log.since(count - 2)] == [str(count - 2), str(count - 1)]
    assert log.since(count) == ()
    assert len(log.since(100)) == FIRST - 100 + LAST
    log.add("stderr", b"x" * LAST_SIZE * 2)
    assert {len(line.text) for line in log.lines[FIRST:-1]} == {LINE_SIZE}
    assert sum(len(line.text) for line in log.lines[FIRST:-1]) <= LAST_SIZE
    for _ in range(METRICS + 1):
        log.add("stdout", f"{TOLD}\n".encode())
    assert len(log.metrics) == METRICS


def test_what_came_since_is_told_once() -> None:
    """Of lines that are not kept none is told; a line that is not whole is told when it is."""
    log = KeptLog()
    told: list[str] = []
    seen = 0
    for start, end in ((0, 5), (5, FIRST - 1), (FIRST - 1, FIRST + 3), (FIRST + 3, FIRST + 200)):
        log.add("stdout", "".join(f"{number}\n" for number in range(start, end)).encode() + b"begun ")
        lines, seen = log.whole_since(seen)
        told += [line.text.removeprefix("begun ") for line in lines]
        assert log.whole_since(seen) == ((), seen)
    assert told == [str(number) for number in range(FIRST + 200)]
    log.add("stdout", b"x\n" * (LAST + 5))
    lines, _ = log.whole_since(seen)
    assert [line.text for line in lines] == ["x"] * LAST
