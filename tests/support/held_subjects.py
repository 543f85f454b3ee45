"""Subjects whose files are held in memory, and what is not looked into."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import marpack
from marpack.checks import Settings, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping


class Held:
    """Files in memory; counts how often the names of what cannot be read are gone through."""

    problems = ()

    def __init__(self, files: Mapping[str, bytes], present: tuple[str, ...] = ()) -> None:
        self.files = files
        self.sizes = {name: len(data) for name, data in files.items()}
        self.links = present
        self.asked = 0

    @property
    def present(self) -> tuple[str, ...]:
        self.asked += 1
        return self.links

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self.files[name])


def held(files: Mapping[str, bytes], present: tuple[str, ...] = ()) -> Subject:
    settings = Settings(python=sys.version_info[:2], target="torchserve")
    return Subject(Held(files, present), path="m", file_name="m", form="folder", settings=settings)


def unread(what: Any, **options: Any) -> dict[str, tuple[str, str]]:
    """Return what was not looked into, with severity and message."""
    return {
        (finding.member or "").rpartition("/")[2]: (finding.severity, finding.message)
        for finding in marpack.check(what, **options)
        if finding.code == "container-unread"
    }
