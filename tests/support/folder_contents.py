"""What lies in a folder, and that it stays as it is."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def listing(folder: Path) -> dict[str, bytes | None]:
    """Return everything in a folder: files with their contents."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


@contextlib.contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    before = listing(folder)
    yield
    assert listing(folder) == before
