"""A copy of what a caller gives, of plain values only, as YAML and JSON have them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeAlias, TypeGuard

from marpack.display import brief_repr, type_name

SURROGATE = re.compile("[\ud800-\udfff]")

# The integers that Java's own type holds, which is what the front end takes; SnakeYAML reads others as a Long.
INT_RANGE = range(-(1 << 31), 1 << 31)

# SnakeYAML's LoaderOptions, which the server leaves as they are.
DEPTH_LIMIT = 50
# Nobody reads more; with aliases a small file can have millions.
_MOST_FAULTS = 1000
SIZE_LIMIT = 3 * 1024 * 1024


# What keeps a value from being copied: YAML has no such key, value, text or number; or there are too many, or they
# lie too deep, and nothing behind is looked at.
Fault: TypeAlias = Literal["key", "value", "text", "number", "size", "depth"]


class NotCopied(NamedTuple):
    """What cannot be copied, by its path, and why."""

    fault: Fault
    path: str
    message: str


def plain(document: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a copy of a document that is good, in plain dicts and lists."""
    return PlainCopy().mapping(document, "", 1)


class PlainCopy:
    """Copies what YAML can say into plain dicts, lists and scalars, and finds what it cannot."""

    def __init__(self) -> None:
        self.left_out: list[NotCopied] = []
        # No file below the size limit holds more values. A few aliases can stand for very many, or for no end.
        self._left = SIZE_LIMIT // 2

    def mapping(self, value: Mapping[Any, Any], path: str, depth: int) -> dict[Any, Any]:
        """Return a copy of a mapping."""
        copied = {}
        for key, item in value.items():
            if self._left < 0:
                break
            below = path_of(path, key)
            if isinstance(key, str):
                self._check_text(key, below)
            elif is_int(key):
                self._check_number(key, below)
            elif depth == 1:  # where the whole server minds
                continue
            elif not (key is None or isinstance(key, (bool, float, bytes)) or is_time(key)):
                what = f"the key {brief_repr(key, 40)} is {type_name(key)}"
                message = f"{what}: only strings, numbers, truth values, None and dates can be keys"
                self._leave_out("key", below, message)
                continue
            copied[key] = self._value(item, below, depth + 1)
        return copied

    def _value(self, value: object, path: str, depth: int) -> Any:
        self._left -= 1
        if self._left == 0:
            message = f"more values than fit a file of {SIZE_LIMIT} bytes, the most that the server reads"
            self._stop("size", "", message)
        elif isinstance(value, str):
            self._check_text(value, path)
            return value
        elif value is None or isinstance(value, (bool, float, bytes)) or is_time(value):
            return value
        elif isinstance(value, int):
            self._check_number(value, path)
            return value
        elif not isinstance(value, (Mapping, list, tuple, Set)):
            self._leave_out("value", path, f"YAML has no plain form of {type_name(value)}")
        elif depth > DEPTH_LIMIT and value:
            self._stop("depth", path, f"nested deeper than {DEPTH_LIMIT}")
        elif isinstance(value, Mapping):
            return self.mapping(value, path, depth)
        elif isinstance(value, Set):
            return frozenset(self.mapping(dict.fromkeys(value), path, depth))
        else:
            return self._list(value, path, depth)
        return None

    def _list(self, value: Sequence[object], path: str, depth: int) -> list[Any]:
        copied = []
        for index, item in enumerate(value):
            copied.append(self._value(item, path_of(path, index), depth + 1))
            if self._left < 0:
                break
        return copied

    def _check_text(self, text: str, path: str) -> None:
        if lone := SURROGATE.search(text):
            self._leave_out("text", path, f"the text is not valid Unicode at index {lone.start()}")

    def _check_number(self, number: int, path: str) -> None:
        try:
            int.__repr__(number)
        except ValueError as error:  # Python's limit on the digits of an integer
            self._leave_out("number", path, str(error))

    def _stop(self, fault: Fault, path: str, message: str) -> None:
        self._leave_out(fault, path, message)
        self._left = -1

    def _leave_out(self, fault: Fault, path: str, message: str) -> None:
        self.left_out.append(NotCopied(fault, path, message))
        if len(self.left_out) == _MOST_FAULTS:
            self._left = -1


def is_time(value: object) -> bool:
    """Tell whether a value is a date or a time that YAML can say: of years with four digits, zones in minutes."""
    if not isinstance(value, datetime):
        return isinstance(value, date)
    return (value.utcoffset() or timedelta()) % timedelta(minutes=1) == timedelta()


def is_int(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def path_of(path: str, key: object) -> str:
    """Return the path of a key below a path."""
    text = key if isinstance(key, str) and key.isprintable() else brief_repr(key, 40)
    return f"{path}.{text}" if path else text
