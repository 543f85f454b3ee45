"""Parts of files in any other store that fsspec knows, which says nothing of them beside their bytes."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from marpack.errors import DownloadError
from marpack.remote.parts.parts import Parts
from marpack.remote.urls import ask, describe


class OtherParts(Parts):
    """Asks a store for the size first, and whether the file has changed when all is read."""

    def __init__(self, url: str, filesystem: Any, path: str) -> None:
        super().__init__(url)
        self._filesystem = filesystem
        self._path = path
        self._turn = threading.Lock()
        self._file: Any = None
        self._known = self._describe()

    def _describe(self) -> tuple[int | None, str | None]:
        return describe(self.url, self._filesystem, self._path)

    def tail(self, length: int) -> tuple[bytes, int]:
        """Return the last bytes, and how many there are in all."""
        size = self._known[0]
        if size is None:
            raise self.refused("cannot be read in parts: its store does not say how long it is")
        return (self.part(max(0, size - length), size) if size else b""), size

    def part(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to ``end``."""
        data: bytes = ask(self.url, lambda: self._read(start, end), DownloadError)
        if len(data) != end - start:
            self.finish()
            raise self.refused(f"cannot be read: of {end - start:,} bytes {len(data):,} came")
        return data

    def _read(self, start: int, end: int) -> bytes:
        if self._filesystem.async_impl:
            return bytes(self._filesystem.cat_file(self._path, start=start, end=end))
        with self._turn:  # a connection, and a position in a file
            if self._file is None:
                self._file = self._filesystem.open(self._path, "rb", cache_type="none")
            self._file.seek(start)
            return bytes(self._file.read(end - start))

    def finish(self) -> None:
        """Raise ``SourceChangedError`` if the store describes the file otherwise than at the beginning."""
        if self._describe() != self._known:
            raise self.changed()

    def close(self) -> None:
        """Close the file, which is not left to the garbage collector."""
        with self._turn:
            file, self._file = self._file, None
        if file is not None:
            with suppress(Exception):  # nothing was written: a connection that is lost takes nothing with it
                file.close()
