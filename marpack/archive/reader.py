"""Read the manifest of an archive."""

from __future__ import annotations

import lzma
import os
import tarfile
import zipfile
import zlib
from typing import IO

from marpack.archive.layout import SUFFIXES
from marpack.archive.manifest import MANIFEST_NAME, Manifest
from marpack.errors import ArchiveError, ManifestError

__all__ = ["read_manifest"]

# No manifest is longer: whoever states more wants to fill the memory.
_LONGEST_MANIFEST = 16 << 20

_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """Return the manifest of a ``.mar``, of a folder, or of anything else, which as for the server is a ``tgz``.

    Raises ``ArchiveError`` for what is not an archive or has no manifest, and what the disk says.
    """
    path = os.fsdecode(path)
    try:
        data = _manifest_bytes(path)
    except _BROKEN as error:
        raise ArchiveError(path, f"cannot be read as an archive ({error}): pack it again") from None
    if data is None:
        raise ArchiveError(path, f"holds no {MANIFEST_NAME}: pack it again")
    if len(data) > _LONGEST_MANIFEST:
        raise ArchiveError(path, f"has a manifest of more than {_LONGEST_MANIFEST:,} bytes")
    try:
        return Manifest.from_json(data.decode())
    except UnicodeDecodeError:
        raise ArchiveError(path, f"has a {MANIFEST_NAME} that is not UTF-8: pack it again") from None
    except ManifestError as error:
        raise ArchiveError(path, f"has a bad manifest: {error}") from error


def _manifest_bytes(path: str) -> bytes | None:
    if os.path.isdir(path):
        try:
            with open(os.path.join(path, MANIFEST_NAME), "rb") as file:
                return _read(file)
        except FileNotFoundError:
            return None
    if path.endswith(SUFFIXES["default"]):
        with zipfile.ZipFile(path) as archive:
            if MANIFEST_NAME not in archive.NameToInfo:
                return None
            with archive.open(MANIFEST_NAME) as member:
                return _read(member)
    with tarfile.open(path, "r|gz") as archive:
        for member_info in archive:
            # T1: whatever the first folder is called.
            if member_info.name.partition("/")[2] == MANIFEST_NAME and (found := archive.extractfile(member_info)):
                return _read(found)
    return None


def _read(file: IO[bytes]) -> bytes:
    return file.read(_LONGEST_MANIFEST + 1)
