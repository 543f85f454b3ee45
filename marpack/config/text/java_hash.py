"""The order in which Java's hash tables list their keys, which is the order in which it writes them.

No reader minds; it is what makes the style ``server`` the server's own bytes (S5, S6, P12).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

_INITIAL_CAPACITY = 16


def utf16_units(text: str) -> tuple[int, ...]:
    """Return the characters of a Java string: UTF-16 code units."""
    data = text.encode("utf-16-be", "surrogatepass")
    return struct.unpack(f">{len(data) // 2}H", data)


def hash_map_order(keys: Iterable[str]) -> list[str]:
    """Return the order of a ``java.util.HashMap`` that the keys were put into one by one.

    Exact while no more than eight keys share a bucket, where Java would begin to keep them in a tree.
    """
    listed = list(keys)
    capacity = _INITIAL_CAPACITY
    while 4 * len(listed) > 3 * capacity:
        capacity *= 2
    return sorted(listed, key=lambda key: _spread_hash(key) % capacity)


def properties_order(keys: Iterable[str]) -> list[str]:
    """Return the order of a ``java.util.Properties`` that the keys were put into one by one (Java 9 to 17).

    Exact while no more than eight keys share a bucket, as ``hash_map_order``.
    """
    # It is a ConcurrentHashMap: unlike a HashMap it grows as soon as it is three quarters full, and growing turns
    # some of the keys of a bucket around.
    buckets: list[list[str]] = [[] for _ in range(_INITIAL_CAPACITY)]
    for count, key in enumerate(keys, 1):
        buckets[_spread_hash(key) % len(buckets)].append(key)
        if 4 * count >= 3 * len(buckets):
            halves = [_split(bucket, len(buckets)) for bucket in buckets]
            buckets = [low for low, _ in halves] + [high for _, high in halves]
    return [key for bucket in buckets for key in bucket]


def _split(bucket: list[str], capacity: int) -> tuple[list[str], list[str]]:
    """Divide a bucket in two: its last run of keys that stay together keeps its order, the others go before it."""
    goes_high = [bool(_spread_hash(key) & capacity) for key in bucket]
    run = len(bucket)
    while run > 0 and goes_high[run - 1] == goes_high[-1]:
        run -= 1
    halves: tuple[list[str], list[str]] = [], []
    if bucket:
        halves[goes_high[-1]].extend(bucket[run:])
    for key, high in zip(bucket[:run], goes_high, strict=False):
        halves[high].insert(0, key)
    return halves


def _spread_hash(text: str) -> int:
    value = 0
    for unit in utf16_units(text):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value ^ (value >> 16)
