"""The forms of an archive, how their files are called, and how members are compressed (spec/archive.md). Pure."""

from __future__ import annotations

import os.path
from enum import IntEnum
from typing import Literal, TypeAlias, get_args

ArchiveFormat: TypeAlias = Literal["default", "zip-store", "tgz", "no-archive", "auto"]
"""In which form an archive is written: the official tool's four, or ``auto``, marpack's own (spec/archive.md)."""

ARCHIVE_FORMATS: tuple[ArchiveFormat, ...] = get_args(ArchiveFormat)

ContainerForm: TypeAlias = Literal["zip", "tgz", "folder"]
"""In which form an archive lies there, whatever it is called: ``zip``, ``tgz`` or ``folder``."""

Deflate: TypeAlias = Literal["zlib", "parallel", "fast"]
"""Who deflates, and so what the bytes are: zlib as the official tool, zlib on all cores, or ISA-L (Z1, Z8)."""

DEFLATES: tuple[Deflate, ...] = get_args(Deflate)

# A3: the server reads a lower-case .mar as zip and every other file name as gzip'd tar.
SUFFIXES = {"default": ".mar", "zip-store": ".mar", "tgz": ".tar.gz", "no-archive": "", "auto": ".mar"}
WORKFLOW_SUFFIX = ".war"  # W1: the same

# Weights are noise to deflate; the others are compressed already.
_STORED_SUFFIXES = frozenset(
    """
    .bin .ckpt .engine .gguf .h5 .model .npy .npz .onnx .pb .plan .pt .pt2 .pte .pth .safetensors .so .tflite
    .7z .bz2 .gz .jar .lz4 .mar .tgz .war .whl .xz .zip .zst
    .avif .flac .gif .jpeg .jpg .m4a .mkv .mov .mp3 .mp4 .ogg .pdf .png .webm .webp
    .parquet .orc
    """.split()  # noqa: SIM905 - forty quotes would hide the words
)


def deflates(archive_format: ArchiveFormat) -> bool:
    """Tell whether anything is deflated in this form (A7)."""
    return archive_format not in ("zip-store", "no-archive")


def compression_for(name: str, archive_format: ArchiveFormat, *, weights: bool) -> Compression:
    """Choose a member's method (A7). ``auto`` stores the weights and what is known not to compress."""
    if archive_format == "zip-store":
        return Compression.STORED
    if archive_format == "auto" and (weights or os.path.splitext(name)[1].lower() in _STORED_SUFFIXES):
        return Compression.STORED
    return Compression.DEFLATED


class Compression(IntEnum):
    """How a member of a zip archive is stored; the values are zip's. The server reads these two only."""

    STORED = 0
    DEFLATED = 8
