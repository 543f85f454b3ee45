"""The digest of the image in an OCI layout, when all that it names is there and is what it says (G9)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.sources import CHUNK_SIZE
from marpack.oci.documents import INDEX_FILE, LAYOUT_FILE
from marpack.oci.layout import blob_source, image_tree, only_image, require_same
from marpack.oci.layout_files import open_files

if TYPE_CHECKING:
    from marpack.archive.result import Progress
    from marpack.oci.descriptor import Descriptor
    from marpack.oci.layout_files import LayoutFiles


def is_layout(folder: str) -> bool:
    """Tell an OCI image layout from other folders."""
    return all(os.path.isfile(os.path.join(folder, name)) for name in (LAYOUT_FILE, INDEX_FILE))


def image_digest(folder: str, progress: Progress | None = None) -> str:
    """Return the SHA-256, in hexadecimal digits, by which a registry knows the one image of a layout.

    Every blob that it needs is read and held against its digest. Raises ``ImageError`` for a layout of several
    images, a blob that is missing or another, and a document that is none; and what the disk says.
    """
    files = open_files(folder)
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
