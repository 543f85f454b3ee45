"""Archives of any size, of which the disk holds little: their weights are a hole, which ``zipfile`` skips."""

from __future__ import annotations

import json
import struct
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HANDLER = b"def handle(data, context):\n    return data\n"
VOCABULARY = b"a word\n" * 300
MANIFEST = {
    "runtime": "python",
    "model": {"modelName": "big", "modelVersion": "1.0", "handler": "h.py", "serializedFile": "model.safetensors"},
}


def sparse_archive(path: Path, size: int, *, known: bool = True) -> Path:
    """Write an archive whose weights have about ``size`` bytes: tensors of zeros, or else nothing but zeros."""
    count = 400
    each = size // count // 2 * 2
    tensors = {
        f"model.layers.{number}.mlp.weight": {
            "dtype": "F16",
            "shape": [each // 2],
            "data_offsets": [number * each, (number + 1) * each],
        }
        for number in range(count)
    }
    text = json.dumps(tensors).encode()
    head = struct.pack("<Q", len(text)) + text if known else b""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("h.py", HANDLER)
        _add_with_hole(archive, "model.safetensors", head, len(head) + count * each)
        archive.writestr("vocab.txt", VOCABULARY)
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps(MANIFEST))
    return path


def _add_with_hole(archive: zipfile.ZipFile, name: str, head: bytes, size: int) -> None:
    """Add a stored member, whose CRC is not its own, without the bytes behind its head."""
    file = archive.fp
    assert file is not None
    info = zipfile.ZipInfo(name)
    info.header_offset = file.tell()
    info.CRC = 0
    info.file_size = info.compress_size = size
    file.write(info.FileHeader(zip64=True) + head)
    file.seek(size - len(head), 1)
    archive.filelist.append(info)
    archive.NameToInfo[name] = info
    archive.start_dir = file.tell()
