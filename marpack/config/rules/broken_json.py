"""JSON that goes over several lines of a config.properties without a backslash at the end of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from marpack.config.settings.keys import KEYS
from marpack.config.text.properties import Entry
from marpack.frozen import frozen_in_order

# What counts for where JSON ends: brackets, but not those in strings, which do not go over a line's end.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]')


@frozen_in_order
class BrokenOff:
    """A value that ends before its JSON does: ``line`` is where it breaks off, ``rest`` are its other lines."""

    line: int
    rest: Sequence[Entry]
    has_blank: bool = False

    @property
    def message(self) -> str:
        """What is wrong, for a finding."""
        what = "a blank behind its backslash" if self.has_blank else "no backslash at its end"
        return f"its JSON goes over several lines, and line {self.line} has {what}"


FIX = "write it on one line, or end each line but the last with a backslash"


def broken_off(entries: Sequence[Entry]) -> Mapping[str, BrokenOff]:
    """Return the settings of the kind ``json`` whose last entry breaks off, by their names."""
    last = {entry.key: number for number, entry in enumerate(entries)}
    found = {}
    for name, key in KEYS.items():
        if key.kind == "json" and name in last and (broken := _broken(entries[last[name] :])):
            found[name] = broken
    return found


def _broken(entries: Sequence[Entry]) -> BrokenOff | None:
    first, rest = entries[0], entries[1:]
    depth = _depth(first.value)
    if depth <= 0 and not (not first.value.strip() and rest and rest[0].raw.lstrip()[:1] in ("{", "[")):
        return None
    lines: list[Entry] = []
    for entry in rest:
        if entry.key in KEYS:
            break  # the JSON ends nowhere
        lines.append(entry)
        depth += _depth(entry.raw)
        if depth <= 0:
            break
    if not lines:
        return None
    raw = first.raw.rstrip("\r\n")
    line = first.lineno + len(re.findall(r"\r\n|\r|\n", raw))
    return BrokenOff(line, lines, has_blank=raw.rstrip().endswith("\\") and raw[-1:].isspace())


def _depth(text: str) -> int:
    tokens = _TOKEN.findall(text)
    return sum((token in "[{") - (token in "]}") for token in tokens)
