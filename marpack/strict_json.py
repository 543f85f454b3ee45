"""JSON as every reader takes it: no key twice, finite numbers, nothing but JSON."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

__all__ = ["StrictJSONError", "loads"]

# Levels; a snapshot has four.
_DEEPEST = 100


class StrictJSONError(ValueError):
    """A text is not strict JSON: ``msg`` says why, ``pos`` is where, 0 when it is not known."""

    def __init__(self, msg: str, pos: int = 0) -> None:
        self.msg = msg
        self.pos = pos
        super().__init__(msg)


def loads(text: str) -> Any:
    """Read a text; ``StrictJSONError`` for what not every reader would take alike."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise StrictJSONError(error.msg, error.pos) from None
    except RecursionError:
        raise StrictJSONError("it is nested too deeply") from None
    except StrictJSONError:
        raise
    except ValueError:  # thousands of digits
        raise StrictJSONError("a number has too many digits") from None
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Refuse what can be read and not written: Python's limits for the two differ."""
    level = [value]
    for _ in range(_DEEPEST):
        below = [
            item.values() if isinstance(item, dict) else item for item in level if isinstance(item, (dict, list))
        ]
        level = [item for items in below for item in items]
    if level:
        raise StrictJSONError("it is nested too deeply")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise StrictJSONError(f"the key {key!r} is given twice")
        found[key] = value
    return found


def _no_number(word: str) -> NoReturn:
    raise StrictJSONError(f"{word} is not JSON")


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise StrictJSONError("a number is too large")
    return value
