"""Paths as a user writes them into settings: relative to a folder, one or a list of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from marpack.archive.handler import HandlerName
from marpack.archive.plan.extra_files import Patterns
from marpack.display import hidden_url
from marpack.errors import TargetError
from marpack.remote.storage import StorageFolder
from marpack.remote.urls import is_url, lost_slash


def storage_folder(folder: str | os.PathLike[str] | StorageFolder) -> StorageFolder:
    """Return the folder that a path or a URL names."""
    return folder if isinstance(folder, StorageFolder) else StorageFolder.of(folder)


def require_local_folder(folder: str | os.PathLike[str]) -> str:
    """Return a path to build at; ``TargetError`` for a URL, of which a folder ``s3:`` would be made otherwise."""
    path = os.fsdecode(folder)
    url = path if is_url(path) else lost_slash(path)
    if url is not None:
        raise TargetError(hidden_url(url), "is a URL: build into a local folder, and upload that")
    return path


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

    def handler(self, value: Any, runtime: str = "python") -> str:
        """Return a handler: a built-in one's name, or a path."""
        text = _text(value) or ""
        return text if HandlerName.parse(text, runtime).is_built_in else self.path(text) or ""

    def files(self, value: Any) -> Patterns:
        """Return the paths, folders and wildcards of a comma list or a list; blanks around them do not count."""
        if isinstance(value, str):
            value = value.split(",")
        items = value if isinstance(value, (list, tuple)) else [value]
        found = [text.strip() for item in items if (text := _text(item)) and text.strip()]
        return Patterns(tuple(item for item in found if not is_url(item)), self.folder)

    def requirements(self, value: Any) -> str | list[str] | None:
        """Return the path of a requirements file, or requirements themselves as they are."""
        return list(value) or None if isinstance(value, (list, tuple)) else self.path(value)


def _text(value: Any) -> str | None:
    return os.fsdecode(value) if isinstance(value, (str, os.PathLike)) else None
