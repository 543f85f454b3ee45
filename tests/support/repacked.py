"""An archive that is to be repacked, in each form, and what is in one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import marpack
from marpack import open_archive
from tests.support.official import TIMESTAMP

if TYPE_CHECKING:
    from pathlib import Path

    from marpack.archive.forms import ArchiveFormat

FORMS: tuple[ArchiveFormat, ...] = ("default", "zip-store", "auto", "tgz", "no-archive")
SUFFIXES = {"tgz": ".tar.gz", "no-archive": ""}
HANDLER = b"def handle(data, context): return data\n"
NOISE = os.urandom(1 << 16)
LARGE_NOISE = NOISE * 33 + b"odd"

# Large enough to be written as a large member is, and to compress well.
TEXT = b"the same again, and again\n" * 100_000


def packed(folder: Path, form: ArchiveFormat, weights: bytes = NOISE, **arguments: Any) -> Path:
    result = marpack.pack(
        model_name="m",
        version="1.0",
        handler={"handler.py": HANDLER},
        serialized_file={"weights.pt": weights},
        extra_files={"words/all.txt": TEXT, "words/few.txt": b"few\n"},
        archive_format=form,
        timestamp=TIMESTAMP,
        export_path=folder,
        **arguments,
    )
    return folder / os.path.basename(result.path)


def contents(path: Path) -> dict[str, bytes]:
    with open_archive(path) as archive:
        assert archive.verify() == ()
        return {entry.name: archive.read(entry.name) for entry in archive.members}
