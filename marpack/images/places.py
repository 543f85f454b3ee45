"""Where a layout is built: a folder, or one tar of its files."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing
from typing import BinaryIO

from marpack.archive.result import Progress
from marpack.images import tar_records
from marpack.images.blob_writer import BlobWriter
from marpack.oci.descriptor import blob_name


class Place(ABC):
    """Where a layout is built."""

    @abstractmethod
    def add(self, write: Callable[[BlobWriter], None]) -> tuple[str, int]:
        """Add a blob, which ``write`` writes; return its digest and size."""

    @abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Add a small file."""

    @abstractmethod
    def end(self) -> None:
        """Complete what is built."""


class LayoutFolder(Place):
    """A folder with the files of a layout; a blob gets its name when its digest is known."""

    def __init__(self, root: str, progress: Progress | None) -> None:
        self._root = root
        self._progress = progress
        os.makedirs(os.path.join(root, *blob_name("sha256:").split("/")))

    def add(self, write: Callable[[BlobWriter], None]) -> tuple[str, int]:
        """Add a blob."""
        new = os.path.join(self._root, "blobs", "new")
        with open(new, "x+b") as file, closing(BlobWriter(file, 0, progress=self._progress)) as writer:
            write(writer)
            writer.finish()
        os.replace(new, self._at(blob_name(writer.digest)))
        return writer.digest, writer.size

    def put(self, name: str, data: bytes) -> None:
        """Add a small file."""
        with open(self._at(name), "wb") as file:
            file.write(data)

    def end(self) -> None:
        """Do nothing: a folder is complete with its last file."""

    def _at(self, name: str) -> str:
        return os.path.join(self._root, *name.split("/"))


class LayoutTar(Place):
    """The same files in one tar: a blob's name is its digest, and is written after its contents (I16)."""

    def __init__(self, file: BinaryIO, progress: Progress | None) -> None:
        self._file = file
        self._progress = progress
        self._position = 0
        self._names: set[str] = set()

    def add(self, write: Callable[[BlobWriter], None]) -> tuple[str, int]:
        """Add a blob."""
        start = self._position + tar_records.BLOCK_SIZE
        with closing(BlobWriter(self._file, start, progress=self._progress)) as writer:
            write(writer)
            writer.finish()
        name = blob_name(writer.digest)
        self._file.seek(self._position)
        if name in self._names:
            self._file.truncate()
        else:
            self._file.write(tar_records.file_header(name, writer.size))
            self._file.seek(start + writer.size)
            self._end_of(name, writer.size)
        return writer.digest, writer.size

    def put(self, name: str, data: bytes) -> None:
        """Add a small file."""
        if name not in self._names:
            self._file.write(tar_records.file_header(name, len(data)))
            self._file.write(data)
            self._end_of(name, len(data))

    def end(self) -> None:
        """Write what ends a tar."""
        self._file.write(tar_records.END)
        self._file.flush()

    def _end_of(self, name: str, size: int) -> None:
        self._file.write(tar_records.padding(size))
        self._position = self._file.tell()
        self._names.add(name)
