"""The digest of the image in an OCI layout, when all that it names is there and is what it says (G9)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.sources import CHUNK_SIZE
from marpack.errors import ImageError
from marpack.oci.documents import INDEX_FILE, LAYOUT_FILE
from marpack.oci.layout import blob_source, image_tree, only_image, require_same
from marpack.oci.layout_files import open_files

if TYPE_CHECKING:
    from marpack.archive.result import Progress
    from marpack.oci.descriptor import Descriptor
    from marpack.oci.layout_files import LayoutFiles

# What a layout's file is called, if it lies in one.
_TAR = ".tar"


def is_layout(folder: str) -> bool:
    """Tell an OCI image layout from other folders."""
    return all(os.path.isfile(os.path.join(folder, name)) for name in (LAYOUT_FILE, INDEX_FILE))


def layout_at(path: str) -> LayoutFiles | None:
    """Return what reads an OCI image layout, in a folder or in a file ``.tar``; None for anything else."""
    if os.path.isdir(path):
        return open_files(path) if is_layout(path) else None
    if not path.endswith(_TAR) or not os.path.isfile(path):
        return None
    try:
        files = open_files(path)
        is_whole = None not in (files.source(LAYOUT_FILE), files.source(INDEX_FILE))
    except ImageError:
        return None
    return files if is_whole else None


def listed_digest(files: LayoutFiles) -> str | None:
    """Return the SHA-256 by which the index names its one image, of which nothing is read; None without one."""
    try:
        return only_image(files).digest.partition(":")[2]
    except ImageError:
        return None


def image_digest(files: LayoutFiles, progress: Progress | None = None) -> str:
    """Return the SHA-256, in hexadecimal digits, by which a registry knows the one image of a layout.

    Every blob that it needs is read and held against its digest. Raises ``ImageError`` for a layout of several
    images, a blob that is missing or another, and a document that is none; and what the disk says.
    """
    top = only_image(files)
    for blob in image_tree(files, top).blobs:
        _require_blob(files, blob, progress)
    return top.digest.partition(":")[2]


def _require_blob(files: LayoutFiles, blob: Descriptor, progress: Progress | None) -> None:
    sha256, size = new_sha256(), 0
    reader = blob_source(files, blob).open()
    try:
        while size <= blob.size and (data := reader.read(CHUNK_SIZE)):
            sha256.update(data)
            size += len(data)
            if progress:
                progress(len(data))
    finally:
        reader.close()
    require_same(files.path, blob, f"sha256:{sha256.hexdigest()}", size)
