"""Parts of objects in Google's store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marpack.remote.parts.parts import Head, RangedParts
from marpack.remote.parts.web import web_head


class GoogleParts(RangedParts):
    """Asks for the object's media."""

    def __init__(self, url: str, filesystem: Any, path: str) -> None:
        super().__init__(url)
        self._filesystem = filesystem
        self._path = path

    def _send(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        filesystem = self._filesystem
        # What is stored compressed would be unpacked on the way, and come as a whole.
        asked = {"Range": spelled, "Accept-Encoding": "identity"}
        headers, data = filesystem.call("GET", filesystem.url(self._path), headers=asked)
        return bytes(data)[: judge(web_head(headers))]
