"""The order in which Java lists a HashMap of texts, by which the server orders headers (J5). Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable

_SMALLEST = 16


def in_order(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return pairs as a HashMap lists them: the last of a name wins, in the place that its first one was put.

    A bucket with more than eight of 64 or more is a tree, which may list them otherwise.
    """
    kept = dict(pairs)
    size = _SMALLEST
    while len(kept) > size * 3 // 4:
        size *= 2
    # Inside a bucket they stay in the order in which they came, however often the table has grown.
    return sorted(kept.items(), key=lambda pair: _hash(pair[0]) & (size - 1))


@functools.lru_cache(1024)  # names of headers are few
def _hash(text: str) -> int:
    number = 0
    # Java hashes the 16-bit units of a text.
    data = text.encode("utf-16-be", "surrogatepass")
    for high, low in zip(data[::2], data[1::2], strict=True):
        number = (31 * number + (high << 8 | low)) & 0xFFFFFFFF
    return number ^ number >> 16
