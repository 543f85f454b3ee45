"""Read the manifest of an archive."""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import struct
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

# What zipfile and tarfile raise for bytes that are no archive: more than they say.
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """Return the manifest of a ``.mar``, of a folder, or of anything else, which as for the server is a ``tgz``.

    Raises ``ArchiveError`` for what is not an archive or has no manifest, and what the disk says.
    """
    path = os.fsdecode(path)
    try:
        data = _manifest_bytes(path)
    except ArchiveError:
        raise
    except _BROKEN as error:
        raise ArchiveError(path, f"cannot be read as an archive ({error}): pack it again") from None
    except OSError as error:
        if error.filename is not None:
            raise
        raise ArchiveError(path, f"cannot be read as an archive ({error.strerror or error})") from None
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
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        manifest = os.path.join(path, MANIFEST_NAME)
        if not os.path.isfile(manifest):
            return None
        with open(manifest, "rb") as file:
            return _read(file, os.fstat(file.fileno()).st_size)
    if not stat.S_ISREG(status.st_mode):
        raise ArchiveError(path, "is not a regular file")
    if path.endswith(SUFFIXES["default"]):
        with zipfile.ZipFile(path) as archive:
            if MANIFEST_NAME not in archive.NameToInfo:
                return None
            with archive.open(MANIFEST_NAME) as member:
                return _read(member, archive.getinfo(MANIFEST_NAME).file_size)
    with _BoundedGzip(path) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        for info in tar:
            tar.members = []  # type: ignore[attr-defined]  # else it remembers them all
            # T1: whatever the first folder is called.
            if info.name.partition("/")[2] == MANIFEST_NAME and (found := tar.extractfile(info)):
                return _read(found, info.size)
    return None


class _BoundedGzip(gzip.GzipFile):
    """A file that no header in it can make give more at once than a manifest has."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _LONGEST_MANIFEST + tarfile.RECORDSIZE:
            raise tarfile.TarError("a header claims more than any has")
        return super().read(size)


def _read(file: IO[bytes], size: int) -> bytes:
    return file.read(min(size, _LONGEST_MANIFEST) + 1)
