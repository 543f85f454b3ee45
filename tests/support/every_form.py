"""One model, packed in any of the forms."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import marpack

if TYPE_CHECKING:
    from pathlib import Path

FORMS: list[marpack.typing.ArchiveFormat] = ["default", "zip-store", "auto", "tgz", "no-archive"]
FILES = {
    "weights.pt": random.Random(1).randbytes(1_500_000),
    "text.txt": b"the same again\n" * 100_000,
    "empty": b"",
    "folder/sub-folder/config.json": b"{}",
    "gr\u00f6\u00dfe": b"x",
}


def packed(folder: Path, form: Any = "default", files: dict[str, bytes] = FILES, **options: Any) -> Path:
    result = marpack.pack(
        model_name="m",
        version="1",
        handler="base_handler",
        extra_files=files,
        export_path=folder,
        archive_format=form,
        **options,
    )
    return folder / os.path.basename(result.path)
