"""Paths as a user writes them into settings: relative to a folder, one or a list of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from glob import escape
from typing import Any
from marpack.archive.handler import BUILTIN_HANDLERS
from marpack.remote.urls import is_url

__all__ = ["BaseDir"]


@dataclass(frozen=True, slots=True)
class BaseDir:
    """The folder that relative paths begin at. Empty text is the same as nothing, and so is what is no path.

    Whether it should have been one is for ``tables.table_issues`` to say.
    """

    folder: str

    def path(self, value: Any) -> str | None:
        """Return a path; a URL is none."""
        text = _text(value)
        return os.path.join(self.folder, text) if text and not is_url(text) else None

    def handler(self, value: Any) -> str | None:
        """Return a handler: a built-in one's name, or a path."""
        text = _text(value)
        return text if text in BUILTIN_HANDLERS["python"] else self.path(text)

    def files(self, value: Any) -> list[str]:
        """Return the paths, folders and wildcards of a comma list or a list; blanks around commas do not count."""
        if isinstance(value, str):
            value = value.split(",")
        items = value if isinstance(value, (list, tuple)) else [value]
        found = [text.strip() for item in items if (text := _text(item)) and text.strip()]
        return [self._item(item) for item in found if not is_url(item)]

    def requirements(self, value: Any) -> str | list[str] | None:
        """Return the path of a requirements file, or requirements themselves as they are."""
        return list(value) or None if isinstance(value, (list, tuple)) else self.path(value)

    def _item(self, item: str) -> str:
        path = os.path.join(self.folder, item)
        # The folder's own name is no wildcard, whatever is in it.
        is_exact = os.path.lexists(path) or os.path.isabs(item)
        return path if is_exact else os.path.join(escape(self.folder), item)


def _text(value: Any) -> str | None:
    return os.fsdecode(value) if isinstance(value, (str, os.PathLike)) else None
