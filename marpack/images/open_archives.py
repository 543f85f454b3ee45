"""The archives whose members an image takes: open for as long as its plan is."""

from __future__ import annotations

import weakref
from typing import Any

from marpack.archive.read.archive import Archive, ModelArchive, container_of
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import open_archive
from marpack.errors import MarpackError


class OpenArchives:
    """Opens archives of models, and closes them together; what nobody closes is closed when nobody knows it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits
        self._closers: list[weakref.finalize[Any, Any]] = []

    def open(self, source: str) -> ModelArchive:
        """Open one, which no system refuses to unpack. Raises what ``open_archive`` does, and ``MarpackError``."""
        archive: Archive = open_archive(source, limits=self._limits)
        # Of the container, since a call that knew the archive would keep it.
        self._closers.append(weakref.finalize(archive, container_of(archive).close))
        if not isinstance(archive, ModelArchive):
            raise MarpackError(
                f"{archive.path!r} is a workflow's archive: name those of its models, or their store"
            )
        archive.refuse(case_sensitive=True)
        return archive

    def close(self) -> None:
        """Close all that is open."""
        for close in self._closers:
            close()
