"""A layout, or the documents and blobs in one: all that is read is held against what names it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from marpack.archive.sources import Source
from marpack.display import brief_repr
from marpack.errors import ImageError
from marpack.frozen import frozen
from marpack.oci import media_types
from marpack.oci.descriptor import Descriptor, DescriptorError, blob_name
from marpack.oci.documents import INDEX_FILE, LAYOUT_FILE, REF_NAME, digest_of
from marpack.oci.layout_files import LayoutFiles, open_files
from marpack.strict_json import StrictJSONError, decoded, loads

# What a layout is called that is one file.
_TAR = ".tar"
# How many indexes lie in one another; of one image, how many documents there are, how long they are together, and
# how many blobs they name; of one document, how many values it has (I25).
_DEEPEST = 4
_MOST_DOCUMENTS = 256
_LONGEST_DOCUMENTS = 8 << 20
_MOST_NAMED = 10_000
_MOST_VALUES = 100_000


@frozen
class Index:
    """A document that names others, for platforms or of several images."""

    manifests: tuple[Descriptor, ...]


@frozen
class Manifest:
    """A document that names what one image is of."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


@frozen
class ImageTree:
    """What an image consists of, each once: its ``blobs``, and its ``documents`` from below to above.

    The last document is the one that stands for the whole; a configuration is a blob here. ``manifests`` are what
    those documents say that are no index.
    """

    blobs: tuple[Descriptor, ...]
    documents: tuple[Descriptor, ...]
    manifests: tuple[Manifest, ...]


class Documents:
    """Reads the documents of one layout, as many as an image may have (I25)."""

    def __init__(self, files: LayoutFiles) -> None:
        self.path = files.path
        self._files = files
        self._documents_left = _MOST_DOCUMENTS
        self._bytes_left = _LONGEST_DOCUMENTS
        self._named_left = _MOST_NAMED

    def read(self, descriptor: Descriptor) -> dict[str, Any]:
        """Return what a document says; raise ``ImageError`` for one that is not what its descriptor says (I22)."""
        self._documents_left -= 1
        self._bytes_left -= descriptor.size
        self._require_left(self._documents_left, f"has more than {_MOST_DOCUMENTS} documents")
        self._require_left(self._bytes_left, f"has documents of more than {_LONGEST_DOCUMENTS:,} bytes")
        data = read_blob(self._files, descriptor)
        return parsed_table(self.path, data, blob_name(descriptor.digest))

    def read_named(self, descriptor: Descriptor) -> Index | Manifest:
        """Return a manifest or an index.

        Which of them it is its own bytes decide, which its digest pins: whoever names it may say otherwise (I5).
        """
        document = self.read(descriptor)
        kind = media_types.oci_type(descriptor.media_type)
        is_index, is_manifest = kind == media_types.INDEX, kind == media_types.MANIFEST
        has = {"manifests": is_index, "layers": is_manifest, "config": is_manifest}
        if (
            not (is_index or is_manifest)
            or document.get("mediaType", descriptor.media_type) != descriptor.media_type
            or any((key in document) != should for key, should in has.items())
        ):
            named = brief_repr(descriptor.media_type, 100)
            message = f"has a document {descriptor.digest} that is no {named}, as which it is named"
            raise ImageError(self.path, message, code="bad-document")
        listed = descriptors_in(self.path, document, "manifests" if is_index else "layers")
        self._named_left -= len(listed)
        self._require_left(self._named_left, f"names more than {_MOST_NAMED:,} blobs")
        if is_index:
            return Index(manifests=listed)
        return Manifest(config=descriptor_in(self.path, document["config"]), layers=listed)

    def _require_left(self, left: int, message: str) -> None:
        if left < 0:
            raise ImageError(self.path, f"{message}: name an image of less", code="too-large")

    def require_shallow(self, depth: int) -> None:
        """Raise ``ImageError`` for an index that lies in too many others (I25)."""
        if depth > _DEEPEST:
            raise ImageError(self.path, "has an index in an index without end", code="loop")


def layout_at(path: str) -> LayoutFiles | None:
    """Return what reads a layout, in a folder or in a file called ``.tar``; None for anything else."""
    if not (os.path.isdir(path) or (path.endswith(_TAR) and os.path.isfile(path))):
        return None
    try:
        files = open_files(path)
        is_whole = None not in (files.source(LAYOUT_FILE), files.source(INDEX_FILE))
    except ImageError:
        return None
    return files if is_whole else None


def is_layout(path: str) -> bool:
    """Tell what ``layout_at`` takes for a layout."""
    return layout_at(path) is not None


def layout_index(files: LayoutFiles) -> tuple[Descriptor, ...] | None:
    """Return what the index of a layout names; None of what is no layout."""
    if files.read(LAYOUT_FILE) is None:
        return None
    data = files.read(INDEX_FILE)
    if data is None:
        return None
    return descriptors_in(files.path, parsed_table(files.path, data, INDEX_FILE), "manifests")


def only_image(files: LayoutFiles) -> Descriptor:
    """Return what stands for the one image of a layout; raise ``ImageError`` for none, or for several."""
    listed = _listed(files)
    if len(listed) != 1:
        raise ImageError(files.path, f"holds {len(listed)} images where one is meant", code="several")
    return listed[0]


def chosen_image(files: LayoutFiles, tag: str | None = None) -> Descriptor:
    """Return what stands for the image of a layout, of several for that of a tag.

    Raises ``ImageError`` for none, or for several, and names their tags.
    """
    listed = _listed(files)
    tags = ", ".join(sorted({each.annotations[REF_NAME] for each in listed if REF_NAME in each.annotations}))
    chosen = [each for each in listed if tag is None or each.annotations.get(REF_NAME) == tag]
    if tag is not None and not chosen:
        message = f"has no image of the tag {tag!r}: {f'its tags are {tags}' if tags else 'it has no tags'}"
        raise ImageError(files.path, message, code="no-platform")
    if len(chosen) != 1:
        advice = f"name one by its tag (--tag, tag): {tags}" if tags else "give a layout of one"
        message = f"holds {len(chosen)} images where one is meant: {advice}"
        raise ImageError(files.path, message, code="several")
    return chosen[0]


def _listed(files: LayoutFiles) -> tuple[Descriptor, ...]:
    listed = layout_index(files)
    if listed is None:
        raise ImageError(files.path, "is no OCI layout: write one first (marpack image)", code="not-image")
    return listed


def image_tree(files: LayoutFiles, top: Descriptor) -> ImageTree:
    """Return what an image consists of, each blob of which is there and as large as it should be.

    Raises ``ImageError`` for a document that is missing, or not what it is named as, and for more than I25 has.
    """
    documents = Documents(files)
    blobs: dict[str, Descriptor] = {}
    read: dict[str, Descriptor] = {}
    manifests: list[Manifest] = []

    def walk(descriptor: Descriptor, depth: int) -> None:
        documents.require_shallow(depth)
        found = documents.read_named(descriptor)
        if isinstance(found, Index):
            for child in found.manifests:
                if child.digest not in read:
                    walk(child, depth + 1)
        else:
            manifests.append(found)
            for blob in (*found.layers, found.config):
                if (known := blobs.setdefault(blob.digest, blob)) is blob:
                    blob_source(files, blob)
                require_same(files.path, blob, blob.digest, known.size)
        read[descriptor.digest] = descriptor

    walk(top, 0)
    return ImageTree(blobs=tuple(blobs.values()), documents=tuple(read.values()), manifests=tuple(manifests))


def require_same(path: str, descriptor: Descriptor, digest: str, size: int) -> None:
    """Raise ``ImageError`` for bytes of another size or digest than a descriptor says (I22)."""
    if size != descriptor.size:
        message = f"has a blob {descriptor.digest} of {size:,} bytes, and says {descriptor.size:,}: get it again"
        raise ImageError(path, message, code="size-mismatch")
    if digest != descriptor.digest:
        message = f"has a blob {descriptor.digest} whose bytes have the digest {digest}: get it again"
        raise ImageError(path, message, code="digest-mismatch")


def blob_source(files: LayoutFiles, descriptor: Descriptor, name: str | None = None) -> Source:
    """Return the contents of a blob. Raises ``ImageError`` where it is missing, or not of its size."""
    source = files.source(name or blob_name(descriptor.digest))
    if source is None:
        raise ImageError(files.path, f"lacks the blob {descriptor.digest}: get it again", code="missing-blob")
    require_same(files.path, descriptor, descriptor.digest, source.size)
    return source


def read_blob(files: LayoutFiles, descriptor: Descriptor) -> bytes:
    """Return the bytes of a document once they are what its descriptor says (I22)."""
    blob_source(files, descriptor)
    data = files.read(blob_name(descriptor.digest)) or b""
    require_same(files.path, descriptor, digest_of(data), len(data))
    return data


def parsed_table(path: str, data: bytes, name: str) -> dict[str, Any]:
    """Return a table of JSON; raise ``ImageError`` for anything else."""
    document = parsed(path, data, name)
    if not isinstance(document, dict):
        raise ImageError(path, f"has a {name!r} that is no table of JSON", code="bad-document")
    return document


def parsed(path: str, data: bytes, name: str) -> Any:
    """Return what JSON says, as every reader takes it; raise ``ImageError`` for what is none."""
    try:
        if sum(data.count(each) for each in b",[{") > _MOST_VALUES:
            raise ImageError(path, f"has a {name!r} of more than {_MOST_VALUES:,} values", code="too-large")
        document = loads(decoded(data))
        # Half of a character could not be written again.
        json.dumps(document, ensure_ascii=False).encode()
    except (StrictJSONError, UnicodeEncodeError) as error:
        why = error.msg if isinstance(error, StrictJSONError) else "half of a character"
        raise ImageError(path, f"has a {name!r} that is no JSON: {why}", code="bad-document") from None
    return document


def descriptors_in(path: str, document: Mapping[str, Any], key: str) -> tuple[Descriptor, ...]:
    """Return what a list of a document names; raise ``ImageError`` for what names no blob (I23)."""
    listed = document.get(key)
    if not isinstance(listed, list):
        raise ImageError(path, f"has a document without {key}", code="bad-document")
    return tuple(descriptor_in(path, each) for each in listed)


def descriptor_in(path: str, value: object) -> Descriptor:
    """Return a descriptor; raise ``ImageError`` for what names no blob (I23)."""
    try:
        return Descriptor.of(value)
    except DescriptorError as error:
        raise ImageError(path, f"names a blob as nothing does: {error}", code="bad-descriptor") from None
