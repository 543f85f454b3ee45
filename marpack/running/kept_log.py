"""What is kept of all that a worker writes: enough to see why it does not load, and what it did last."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from marpack.running.log import LogLine, Metric, Stream, metric_of

# Lines: of the beginning, in which the model is loaded, and of the end.
FIRST = 1_000
LAST = 10_000
# Characters of the lines at the end, all together, and bytes of a line: a longer one is several.
LAST_SIZE = 16_000_000
LINE_SIZE = 65_536
METRICS = 10_000
# Looked for first: a worker may write a million lines a second.
_METRIC = "[METRICS]"


class KeptLog:
    """The lines and metrics of the workers of a model, from any thread.

    The first 1,000 lines are kept, and of the others the last 10,000, or as many of them as have 16 million
    characters; ``count`` is how many there have been. A line is at most 64 KiB: a longer one is several.
    Of metrics the last 10,000 are kept.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._first: list[LogLine] = []
        self._last: deque[LogLine] = deque()
        self._last_size = 0
        self._count = 0
        self._metrics: deque[Metric] = deque(maxlen=METRICS)
        self._begun: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}

    def add(self, stream: Stream, data: bytes) -> list[str]:
        """Add what a worker wrote next to a stream; return the lines that have become whole by it."""
        with self._lock:
            *lines, rest = (self._begun[stream] + data).split(b"\n")
            while len(rest) > LINE_SIZE:
                lines.append(rest[:LINE_SIZE])
                rest = rest[LINE_SIZE:]
            self._begun[stream] = rest
            texts = [_text(each) for line in lines for each in _pieces(line)]
            self._keep(stream, texts)
            return texts

    def end(self) -> None:
        """Take what a worker that has ended wrote last for lines, though nothing ends them."""
        with self._lock:
            for stream, line in self._begun.items():
                self._begun[stream] = b""
                if line:
                    self._keep(stream, [_text(each) for each in _pieces(line)])

    def _keep(self, stream: Stream, texts: Sequence[str]) -> None:
        for text in texts:
            if _METRIC in text and (metric := metric_of(text)):
                self._metrics.append(metric)
                continue
            self._count += 1
            if len(self._first) < FIRST:
                self._first.append(LogLine(stream=stream, text=text))
                continue
            self._last.append(LogLine(stream=stream, text=text))
            self._last_size += len(text)
            while len(self._last) > LAST or self._last_size > LAST_SIZE:
                self._last_size -= len(self._last.popleft().text)

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The lines that are kept, metrics not among them; at the end what has not become a line yet."""
        return self.since(0)

    def since(self, count: int) -> tuple[LogLine, ...]:
        """Return what is kept of the lines that came when there had been ``count``."""
        with self._lock:
            kept = [*self._first[count:]]
            kept += [*self._last][max(0, count - (self._count - len(self._last))) :]
            kept += [LogLine(stream=stream, text=_text(text)) for stream, text in self._begun.items() if text]
            return tuple(kept)

    def whole_since(self, count: int) -> tuple[tuple[LogLine, ...], int]:
        """Return what is kept of the whole lines behind the first ``count``, and how many there have been."""
        with self._lock:
            came = min(self._count - count, len(self._last))
            last = [*islice(reversed(self._last), max(0, came))]
            return (*self._first[count:], *reversed(last)), self._count

    @property
    def count(self) -> int:
        """How many lines there have been, those among them that are not kept."""
        with self._lock:
            return self._count

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that are kept, in the order in which they came."""
        with self._lock:
            return tuple(self._metrics)


def _pieces(line: bytes) -> Sequence[bytes]:
    if len(line) <= LINE_SIZE:
        return (line,)
    return [line[start : start + LINE_SIZE] for start in range(0, len(line), LINE_SIZE)]


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")
