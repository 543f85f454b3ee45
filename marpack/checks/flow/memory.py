"""Changes that are taken back, so that two ways can be followed from one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Memory:
    """Changes of dictionaries that can be taken back, so that two ways can be followed and merged."""

    def __init__(self) -> None:
        self._log: list[tuple[dict[Any, Any], Any, bool, Any]] = []

    def set(self, held: dict[Any, Any], key: Any, value: Any) -> None:
        """Set an entry."""
        self._log.append((held, key, key in held, held.get(key)))
        held[key] = value

    def follow(self, ways: list[Callable[[], bool]], merge: Callable[[Any, Any], Any], absent: Any) -> list[bool]:
        """Follow each way from the same state, and leave what those that end have in common.

        A way returns whether its end is reached. ``merge`` makes one value of two, and ``absent`` stands for an
        entry that is not there. Returns what the ways returned.
        """
        ended, changes = [], []
        for way in ways:
            mark = len(self._log)
            ends = way()
            ended.append(ends)
            after = {(id(held), key): (held, key, held.get(key, absent)) for held, key, _, _ in self._log[mark:]}
            for held, key, was_there, old in reversed(self._log[mark:]):
                if was_there:
                    held[key] = old
                else:
                    del held[key]
            del self._log[mark:]
            if ends:
                changes.append(after)
        touched: dict[Any, tuple[Any, Any, list[Any]]] = {}
        for after in changes:
            for place, (held, key, value) in after.items():
                touched.setdefault(place, (held, key, []))[2].append(value)
        for held, key, values in touched.values():
            if len(values) < len(changes):
                values.append(held.get(key, absent))  # of all ways that did not touch it
            value = values[0]
            for other in values[1:]:
                value = merge(value, other)
            self.set(held, key, value)
        return ended
