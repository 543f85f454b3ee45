"""What a worker writes: lines of its log, and metrics among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from marpack.frozen import frozen

Stream: TypeAlias = Literal["stdout", "stderr"]


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
