"""How fast a model answers that is asked the same again and again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from marpack.cli.terminal import count_of
from marpack.frozen import frozen

_PERCENTILES = (50, 90, 99)


@frozen
class Figures:
    """Seconds that calls of the handler took, in their order, each of ``sizes`` requests; and what came of them.

    ``failed`` is how many answers have a status of 400 or more, ``peak_memory`` in bytes, or None where the system
    does not say.
    """

    seconds: tuple[float, ...]
    sizes: tuple[int, ...]
    failed: int
    peak_memory: int | None

    @property
    def requests_a_second(self) -> float | None:
        """Without the first call, with which much is loaded; None where there is no other."""
        time = sum(self.seconds[1:])
        return sum(self.sizes[1:]) / time if time else None

    def latency(self, percent: int) -> float | None:
        """Return the milliseconds that so many of a hundred calls took at most, the first apart."""
        ordered = sorted(self.seconds[1:])
        return 1000 * ordered[math.ceil(percent / 100 * len(ordered)) - 1] if ordered else None

    def asdict(self) -> dict[str, Any]:
        """Return them as in the JSON."""
        return {
            "requests": sum(self.sizes),
            "calls": len(self.seconds),
            "failed": self.failed,
            "first_ms": 1000 * self.seconds[0],
            **{f"p{percent}_ms": self.latency(percent) for percent in _PERCENTILES},
            "requests_per_second": self.requests_a_second,
            "peak_memory": self.peak_memory,
        }

    def lines(self) -> Sequence[str]:
        """Return them for people."""
        calls = [f"first {1000 * self.seconds[0]:,.1f} ms"]
        for percent in _PERCENTILES:
            latency = self.latency(percent)
            calls += [] if latency is None else [f"p{percent} {latency:,.1f} ms"]
        said = [f"latency: {', '.join(calls)}"]
        rate = self.requests_a_second
        together = max(self.sizes)
        asked = count_of(sum(self.sizes), "request") + (f", up to {together} at once" if together > 1 else "")
        said.append(asked if rate is None else f"{asked}: {rate:,.1f} a second")
        if self.failed:
            said[-1] += f", {self.failed:,} failed"
        if self.peak_memory is not None:
            said.append(f"memory of the worker: at most {self.peak_memory / (1 << 20):,.0f} MiB")
        return said
