"""What archives of every kind are told: when they are packed, metadata, choices."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from marpack.archive.manifest import created_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marpack.archive.plan.inputs import Inputs

__all__ = ["check_choice", "check_metadata", "resolve_timestamp", "warn_of_dots"]

# The first moment a zip can hold: what a reproducible archive is dated when no time is given.
REPRODUCIBLE_TIMESTAMP = 315532800  # 1980-01-01T00:00:00Z


def check_choice(inputs: Inputs, argument: str, value: object, known: Sequence[str]) -> None:
    """Note a value that is not one of those known."""
    if value not in known:
        inputs.issue("bad-value", argument, f"{value!r} is not known: choose from {', '.join(known)}")


def warn_of_dots(inputs: Inputs, name: object) -> None:
    """Warn of a name whose archive is well-formed and not loaded (A1, W2)."""
    if isinstance(name, str) and ".." in name:
        inputs.warnings.append(f"TorchServe finds no archive with '..' in its name, as {name!r} has")


def resolve_timestamp(inputs: Inputs, timestamp: object, *, reproducible: bool) -> int:
    """Return the time of packing in whole seconds since the epoch, 0 with an issue (A11)."""
    if timestamp is None:
        return REPRODUCIBLE_TIMESTAMP if reproducible else int(time.time())
    if isinstance(timestamp, datetime):
        if timestamp.utcoffset() is None:
            inputs.issue("bad-timestamp", "timestamp", f"{timestamp} has no time zone: give an aware datetime")
            return 0
        timestamp = timestamp.timestamp()
    if not isinstance(timestamp, (int, float)) or isinstance(timestamp, bool):
        inputs.issue("bad-type", "timestamp", f"must be seconds or a datetime, not {type(timestamp).__name__}")
        return 0
    try:
        created_on(math.floor(timestamp))
    except (ValueError, OverflowError, OSError):
        inputs.issue("bad-timestamp", "timestamp", "is not a time between the years 1 and 9999")
        return 0
    return math.floor(timestamp)


def check_metadata(inputs: Inputs, metadata: object) -> None:
    """Note whatever is not a JSON object (M9)."""
    if metadata is None:
        return
    if not isinstance(metadata, Mapping):
        inputs.issue("bad-metadata", "metadata", f"must be a mapping, not {type(metadata).__name__}")
        return
    try:
        _check_keys(metadata)
        json.dumps(dict(metadata), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        inputs.issue("bad-metadata", "metadata", f"is not JSON: {error}")


def _check_keys(value: object) -> None:
    """Refuse keys that ``json`` would turn into strings, and so perhaps into equal ones (M9)."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not a str")
            _check_keys(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_keys(item)
