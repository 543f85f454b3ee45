"""The keys of a table that a user writes: which there are, and what they hold."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

from marpack.display import hidden_url
from marpack.findings import Issue
from marpack.remote.urls import is_url

# What a key may hold, with the word for it.
TEXT = "text"
PATH = "a path"
URL = "a path or a URL"
LIST = "a path or a list of them"
REQUIREMENTS = "a path or a list of requirements"
TABLE = "a table"
BOOL = "true or false"

Schema: TypeAlias = Mapping[str, tuple[str, ...]]


def table_issues(table: Mapping[Any, Any], keys: Schema, what: str) -> Iterator[Issue]:
    """Yield everything that is wrong with a table: keys that are not known, and what is not of their kind.

    ``keys`` names the kinds of each key; one without any may hold anything. None is the same as no key.
    """
    for key, value in table.items():
        if key not in keys:
            yield unknown_name(str(key), keys, f"a key of {what}")
        elif value is not None and keys[key] and not any(_is(value, kind) for kind in keys[key]):
            message = f"must be {' or '.join(keys[key])}, not {type(value).__name__}"
            yield Issue(code="bad-type", argument=key, message=message)
        elif url := _unwanted_url(value, keys[key]):
            message = f"{hidden_url(url)!r} is a URL, and only serialized_file may be one: give a path"
            yield Issue(code="bad-value", argument=key, message=message)


def unknown_name(name: str, known: Collection[str], what: str) -> Issue:
    """Return what to say of a name that is not ``what``, as ``"an argument of deploy"``.

    All that are stand there, and which it is like.
    """
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    message = f"is not {what}: {hint}there are {', '.join(known)}"
    return Issue(code="unknown-key", argument=name, message=message)


def _is(value: object, kind: str) -> bool:
    if kind in (PATH, URL):
        return isinstance(value, (str, os.PathLike))
    if kind in (LIST, REQUIREMENTS):
        items = value if isinstance(value, (list, tuple)) else [value]
        return all(isinstance(item, (str, os.PathLike)) for item in items)
    expected = {TEXT: str, TABLE: Mapping, BOOL: bool}[kind]
    return isinstance(value, expected)


def _unwanted_url(value: object, kinds: tuple[str, ...]) -> str | None:
    """Return a URL where paths are meant; a requirement may be one."""
    items: Sequence[object] = ()
    if isinstance(value, str) and {PATH, LIST, REQUIREMENTS}.intersection(kinds):
        items = value.split(",")
    elif isinstance(value, (list, tuple)) and LIST in kinds:
        items = value
    return next((item for item in items if isinstance(item, str) and is_url(item.strip())), None)
