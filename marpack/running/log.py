"""What a worker writes: lines of its log, and metrics among them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from marpack.frozen import frozen

Stream: TypeAlias = Literal["stdout", "stderr"]

# What the server takes out of the log, and how it reads that; what it cannot read is no metric (J44).
_METRIC_LINE = re.compile(r"(?:INFO > )?\[METRICS](.*)", re.ASCII)
_METRIC = re.compile(
    r"""\s*(?P<name>[\w\s]+)\.(?P<unit>[\w\s]+):(?P<value>[0-9\-,.e]+)
        \|\#(?P<dimensions>[^|]*)
        (\|\#type:(?P<type>[^|,]+))?
        \|\#hostname:(?P<hostname>[^,]+),(?P<timestamp>[^,]+)(,(?P<request_id>.*))?""",
    re.ASCII | re.VERBOSE,
)


@frozen
class LogLine:
    """A line that the worker, or the handler in it, wrote: the server logs ``stderr`` as a warning."""

    stream: Stream
    text: str


@frozen
class Metric:
    """A metric that the worker told of, as the server reads it.

    ``type`` is empty before TorchServe 0.10.0. ``timestamp`` is in seconds since the epoch, ``request_id`` empty
    where there is none.
    """

    name: str
    unit: str
    value: float
    dimensions: Mapping[str, str]
    type: str
    hostname: str
    timestamp: int
    request_id: str


def metric_of(line: str) -> Metric | None:
    """Return the metric that a line tells of, None where the server would find none in it."""
    marked = _METRIC_LINE.fullmatch(line)
    found = marked and _METRIC.fullmatch(marked[1])
    if not found:
        return None
    pairs = (each.partition(":") for each in found["dimensions"].split(",") if each)
    try:
        return Metric(
            name=found["name"],
            unit=found["unit"],
            value=float(found["value"]),
            dimensions={name: value for name, _, value in pairs},
            type=found["type"] or "",
            hostname=found["hostname"],
            timestamp=int(found["timestamp"]),
            request_id=found["request_id"] or "",
        )
    except ValueError:  # "1-2", "1,000": matched, and no number
        return None
