"""Parts of objects in Google's store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from marpack.remote.parts.parts import Head, RangedParts
from marpack.remote.parts.web import web_head
from marpack.remote.urls import describe


class GoogleParts(RangedParts):
    """Asks for an object's media, whose generation an answer names.

    Where none does, as an emulator's, the store is asked for it at the beginning and at the end.
    """

    def __init__(self, url: str, filesystem: Any, path: str) -> None:
        super().__init__(url)
        self._filesystem = filesystem
        self._path = path
        self._described: tuple[int | None, str | None] | None = None

    def _send(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        filesystem = self._filesystem
        # What is stored compressed would be unpacked on the way, and come as a whole.
        asked = {"Range": spelled, "Accept-Encoding": "identity"}
        headers, data = filesystem.call("GET", filesystem.url(self._path), headers=asked)
        head = web_head(headers)
        generation = headers.get("X-Goog-Generation")
        return bytes(data)[: judge(replace(head, state=generation or head.state))]

    def tail(self, length: int) -> tuple[bytes, int]:
        """Return the last bytes, and how many there are in all."""
        found = super().tail(length)
        if not self.has_mark:
            self._described = describe(self.url, self._filesystem, self._path)
            if self._described[0] != found[1]:
                raise self.changed()
        return found

    def finish(self) -> None:
        """Raise ``SourceChangedError`` if the object is another one by now, and no part could say so."""
        if self._described and self._described != describe(self.url, self._filesystem, self._path):
            raise self.changed()
