"""What stands under the names of a model store."""

from __future__ import annotations

from pathlib import Path

import marpack

FORMATS: list[marpack.typing.ArchiveFormat] = ["default", "zip-store", "tgz", "no-archive", "auto"]


def contents(path: Path) -> object:
    """Everything under a name: a file's bytes, or a folder's files and theirs."""
    if path.is_dir():
        return {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return path.read_bytes()


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
