"""The records of a layer's tar: GNU's form, with nothing of the machine or the moment (spec/image.md). Pure."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable

BLOCK_SIZE = tarfile.BLOCKSIZE
# Two empty blocks, and no more of them than a reader needs.
END = bytes(2 * BLOCK_SIZE)
FILE_MODE, FOLDER_MODE = 0o644, 0o755


def file_header(name: str, size: int) -> bytes:
    """Return what stands before a file's contents: its name, behind a record of its own where it is long."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, FILE_MODE
    return _bytes_of(header)


def folder_header(name: str) -> bytes:
    """Return a folder's record, which has no contents."""
    header = tarfile.TarInfo(f"{name}/")
    header.type, header.mode = tarfile.DIRTYPE, FOLDER_MODE
    return _bytes_of(header)


def padding(size: int) -> bytes:
    """Return what follows contents of this size up to the next block."""
    return bytes(-size % BLOCK_SIZE)


def folders_of(names: Iterable[str]) -> list[str]:
    """Return the folders above these names, each before those in it."""
    found = {name[:end] for name in names for end, letter in enumerate(name) if letter == "/"}
    return sorted(found)


def _bytes_of(header: tarfile.TarInfo) -> bytes:
    # Times, owners and groups are zero, and their names empty (I12). Sizes that octal digits do not hold are
    # written in base 256, which every reader of images takes; a PAX record for them is not read by all (I13).
    return header.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
