"""The text of a setting as it may be shown."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from marpack.config.settings.keys import KEYS
from marpack.display import HIDDEN, hidden, is_secret_name

# What follows a secret name in an option, a header or a mapping.
_NAMED = re.compile(r"(?<![\w.-])([\w.-]+)[\"']?\s*[=:\s]\s*")

_LONGEST = 200


def redacted(key: str, value: str) -> str:
    """Return a value without what is secret; rather too little of it than too much."""
    known = KEYS.get(key)
    if value and (known.secret if known else is_secret_name(key)):
        return HIDDEN
    if value[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            document = json.loads(value)
            shown = _without_secrets(document)
            return value if shown == document else json.dumps(shown)
    return "\n".join(map(_line, value.split("\n")))


def brief(key: str, value: str) -> str:
    """Return the beginning of a redacted value, for a message."""
    shown = redacted(key, value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def _line(line: str) -> str:
    line = hidden(line)
    for named in _NAMED.finditer(line):
        if is_secret_name(named[1]):
            return line[: named.end()] + HIDDEN
    return line


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: HIDDEN if is_secret_name(key) else _without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return hidden(value) if isinstance(value, str) else value
