"""The digest of the image in an OCI layout, when all that it names is there and is what it says (G9)."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.sources import CHUNK_SIZE, open_at_once
from marpack.errors import MarpackError
from marpack.strict_json import StrictJSONError, decoded, loads

if TYPE_CHECKING:
    from marpack.archive.result import Progress

_MARKER, _INDEX = "oci-layout", "index.json"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
# Of what is read whole: an index, a manifest.
_LONGEST_DOCUMENT = 4 << 20
_MOST_BLOBS = 10_000
_INDEXES = {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
_MANIFESTS = {"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"}


def is_layout(folder: str) -> bool:
    """Tell an OCI image layout from other folders."""
    return all(os.path.isfile(os.path.join(folder, name)) for name in (_MARKER, _INDEX))


def image_digest(folder: str, progress: Progress | None = None) -> str:
    """Return the SHA-256 by which a registry knows the one image of a layout.

    Every blob that it needs is read and held against its digest. Raises ``MarpackError`` for a layout of several
    images, a blob that is missing or another, and a document that is none; and what the disk says.
    """
    index = _document(folder, _INDEX, _read(folder, _INDEX, _LONGEST_DOCUMENT))
    listed = _descriptors(folder, _INDEX, index.get("manifests"))
    if len(listed) != 1:
        raise MarpackError(f"{folder!r}: its {_INDEX} names {len(listed)} images: name the digest of one")
    digest, _, _ = listed[0]
    waiting = [(*each, True) for each in listed]
    seen: set[tuple[str, bool]] = set()
    while waiting:
        each, size, kind, is_document = waiting.pop()
        if (each, is_document) in seen:
            continue
        seen.add((each, is_document))
        if len(seen) > _MOST_BLOBS:
            raise MarpackError(f"{folder!r}: the image has more than {_MOST_BLOBS:,} blobs")
        data = _blob(folder, each, size, keep=is_document, progress=progress)
        if is_document:
            waiting += _named(folder, each, kind, _document(folder, each, data))
    return digest


def _named(folder: str, digest: str, kind: str, document: dict[str, Any]) -> list[tuple[str, int, str, bool]]:
    """Return what a document names, and whether each is a document again.

    What it is its digest decides, by what it says itself: whoever names it may say something else.
    """
    own = document.get("mediaType", kind)
    names = {"manifests": kind in _INDEXES, "layers": kind in _MANIFESTS, "config": kind in _MANIFESTS}
    if own != kind or not any(names.values()) or any((name in document) != has for name, has in names.items()):
        raise MarpackError(f"{folder!r}: {digest!r} is no {kind!r}, as which it is named")
    if kind in _INDEXES:
        return [(*each, True) for each in _descriptors(folder, digest, document["manifests"])]
    layers = _descriptors(folder, digest, document["layers"])
    return [(*each, False) for each in (*_descriptors(folder, digest, [document["config"]]), *layers)]


def _descriptors(folder: str, where: str, values: Any) -> list[tuple[str, int, str]]:
    if not isinstance(values, list):
        raise MarpackError(f"{folder!r}: {where!r} has no list of what it names")
    found = []
    for value in values:
        digest = value.get("digest") if isinstance(value, dict) else None
        size, kind = (value.get("size"), value.get("mediaType")) if isinstance(value, dict) else (None, None)
        match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
        if match is None or type(size) is not int or size < 0 or not isinstance(kind, str):
            raise MarpackError(f"{folder!r}: {where!r} names a blob without a SHA-256, a size and a media type")
        found.append((match[1], size, kind))
    return found


def _document(folder: str, name: str, data: bytes) -> dict[str, Any]:
    try:
        value = loads(decoded(data))
    except StrictJSONError as error:
        raise MarpackError(f"{folder!r}: {name!r} is not JSON: {error.msg}") from None
    if not isinstance(value, dict):
        raise MarpackError(f"{folder!r}: {name!r} is not a JSON object")
    return value


def _read(folder: str, name: str, longest: int) -> bytes:
    with open(os.path.join(folder, name), "rb", opener=open_at_once) as file:
        data = file.read(longest + 1)
    if len(data) > longest:
        raise MarpackError(f"{folder!r}: {name!r} has more than {longest:,} bytes, which no such document has")
    return data


def _blob(folder: str, digest: str, size: int, *, keep: bool, progress: Progress | None) -> bytes:
    """Read a blob; return it where it is a document, which is kept."""
    name = f"blobs/sha256/{digest}"
    if keep and size > _LONGEST_DOCUMENT:
        raise MarpackError(f"{folder!r}: {name!r} has {size:,} bytes, which no such document has")
    sha256, left, pieces = new_sha256(), size, []
    with open(os.path.join(folder, name), "rb", buffering=0, opener=open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise MarpackError(f"{folder!r}: {name!r} is not a regular file")
        while left >= 0 and (data := file.read(CHUNK_SIZE)):
            sha256.update(data)
            left -= len(data)
            if keep:
                pieces.append(data)
            if progress:
                progress(len(data))
    if left or sha256.hexdigest() != digest:
        raise MarpackError(f"{folder!r}: {name!r} is not the {size:,} bytes that its digest is of")
    return b"".join(pieces)
