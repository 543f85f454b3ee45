"""JSON as every reader takes it: no key twice, finite numbers, nothing but JSON."""

from __future__ import annotations

import json
import math
from typing import Any

# Levels of what is written again; a snapshot has four.
DEEPEST = 100


class Spelled(float):
    """A number that keeps how it is spelled: Gson takes 2.10 for the text ``2.10``."""

    text: str

    def __new__(cls, text: str) -> Spelled:
        """Read a number."""
        number = super().__new__(cls, text)
        number.text = text
        return number


class StrictJSONError(ValueError):
    """A text is not strict JSON: ``msg`` says why, ``pos`` is where, 0 when it is not known."""

    def __init__(self, msg: str, pos: int = 0) -> None:
        self.msg = msg
        self.pos = pos
        super().__init__(msg)


def loads(text: str, *, deepest: int | None = DEEPEST, finite: bool = True) -> Any:
    """Read a text; ``StrictJSONError`` for what not every reader would take alike, or what is nested deeper.

    Without ``finite`` also ``NaN``, ``Infinity`` and numbers that are too large are taken, as Python and Gson do.
    """
    number = _finite if finite else float
    problem = None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=number, parse_float=number)
    except json.JSONDecodeError as error:
        problem = StrictJSONError(error.msg, error.pos)
    except RecursionError:
        problem = StrictJSONError("nested too deeply")
    except StrictJSONError:
        raise
    except ValueError:  # thousands of digits
        problem = StrictJSONError("a number has more digits than Python's limit")
    if problem is not None:
        # Not inside of the except: what failed holds the text, secrets and all, and would be this error's context.
        raise problem
    if deepest is not None and is_nested_deeper(value, deepest):
        raise StrictJSONError("nested too deeply")
    return value


def decoded(text: str | bytes) -> str:
    """Return a text; ``StrictJSONError`` for bytes that are not UTF-8."""
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        problem = StrictJSONError(f"not UTF-8 at byte {error.start}")
    raise problem  # not inside of the except, as above


def as_texts(text: str) -> Any:
    """Read JSON, numbers and truth values in its objects as texts, as they are spelled: as Gson takes strings.

    The text has been read once; ``StrictJSONError`` for what is nested too deeply to be read from here.
    """
    try:
        return json.loads(
            text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_truth_as_text
        )
    except RecursionError:
        raise StrictJSONError("nested too deeply") from None


def spelled(value: Any, *, sort_keys: bool = False) -> str:
    """Return a value as JSON, a number as it was written."""
    return value.text if isinstance(value, Spelled) else json.dumps(value, sort_keys=sort_keys)


def without_infinite(value: Any) -> Any:
    """Return a copy in which numbers that JSON cannot hold are texts: NaN, Infinity, -Infinity."""
    if isinstance(value, dict):
        return {key: without_infinite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_infinite(item) for item in value]
    return json.dumps(value) if isinstance(value, float) and not math.isfinite(value) else value


def is_nested_deeper(value: Any, levels: int) -> bool:
    """Tell whether objects and arrays lie in more levels; Python reads deeper ones than it writes."""
    level = [value]
    for _ in range(levels):
        below = [
            item.values() if isinstance(item, dict) else item for item in level if isinstance(item, (dict, list))
        ]
        level = [item for items in below for item in items]
    return bool(level)


def _truth_as_text(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: str(value).lower() if isinstance(value, bool) else value for key, value in pairs}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise StrictJSONError(f"the key {key!r} is given twice")
        found[key] = value
    return found


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise StrictJSONError(f"{number} is not a number that JSON can hold")
    return value
