"""From a layout to a registry: what it has is not sent again, and nothing is tagged before all is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.result import Progress
from marpack.archive.sources import Source
from marpack.display import hidden_endpoint
from marpack.errors import RegistryError
from marpack.frozen import frozen
from marpack.images.reference import NoReferenceError, Reference
from marpack.images.registry import Registry, require_oras
from marpack.oci.descriptor import Descriptor
from marpack.oci.documents import REF_NAME
from marpack.oci.layout import ImageTree, blob_source, image_tree, only_image, read_blob, require_same
from marpack.oci.layout_files import LayoutFiles, open_files


@frozen
class PushResult:
    """An image that a registry has under ``name``; ``digest`` is what its tag means there.

    ``sent`` and ``kept`` are the digests of the blobs that were sent, and of those that it had; ``size`` is that
    of the sent ones in bytes.
    """

    name: str
    digest: str
    sent: tuple[str, ...]
    kept: tuple[str, ...]
    size: int

    def asdict(self) -> dict[str, Any]:
        """Return the values of JSON (spec/image.schema.json)."""
        return {
            "name": self.name,
            "digest": self.digest,
            "sent": [*self.sent],
            "kept": [*self.kept],
            "size": self.size,
        }


def push_image(
    layout: str | os.PathLike[str],
    name: str,
    *,
    username: str | None = None,
    password: str | None = None,
    docker_config: str | os.PathLike[str] | None = None,
    plain_http: bool = False,
    tls_verify: bool | str = True,
    progress: Progress | None = None,
) -> PushResult:
    """Send the image of a layout, a folder or a tar, to a registry.

    - ``name``: ``registry/name:tag``; without a tag it is the layout's.
    - ``username``, ``password``: by default those that docker knows, by ``docker_config`` or
      ``~/.docker/config.json`` and the programs that it names. They are sent to that registry, to the service that
      it names for tokens, and to nobody else; they are written nowhere.
    - ``plain_http``: without encryption; ``tls_verify``: a file of certificates, or False to take any.
    - ``progress``: is called, on this thread, with the number of bytes just sent.

    Blobs that the registry has are not sent; the others are held against their descriptors on the way. The tag is
    the last thing that is sent. Raises ``RegistryError``, ``ImageError`` for a layout that is not what it says,
    ``MissingExtraError`` (``oci``), and ``OSError``; what was sent before stays there, without a tag.
    """
    files = open_files(os.fspath(layout))
    top = only_image(files)
    reference = require_pushable(name)
    if not reference.tag:
        try:
            reference = reference.tagged(top.annotations.get(REF_NAME, "latest"))
        except NoReferenceError as error:
            raise RegistryError(hidden_endpoint(name), str(error)) from None
    tree = image_tree(files, top)
    registry = Registry(
        reference,
        plain_http=plain_http,
        tls_verify=tls_verify,
        username=username,
        password=password,
        docker_config=None if docker_config is None else os.fspath(docker_config),
    )
    try:
        return _pushed(registry, reference, files, tree, progress)
    finally:
        registry.close()


def require_pushable(name: str) -> Reference:
    """Return what an image will be called; raise what ``push_image`` would raise before it asks anybody."""
    try:
        reference = Reference.parse(name)
    except NoReferenceError as error:
        raise RegistryError(hidden_endpoint(name), str(error)) from None
    require_oras()
    return reference


def _pushed(
    registry: Registry, reference: Reference, files: LayoutFiles, tree: ImageTree, progress: Progress | None
) -> PushResult:
    top = tree.documents[-1]
    sent: list[Descriptor] = []
    # A tag that means this already says that all of it is there.
    if registry.manifest_digest(reference.tag) != top.digest:
        for blob in tree.blobs:
            if not registry.has_blob(blob.digest):
                registry.put_blob(blob, partial(_body, files, blob, progress))
                sent.append(blob)
        for document in tree.documents:
            data = read_blob(files, document)
            registry.put_manifest(reference.tag if document is top else document.digest, document, data)
    digests = {each.digest for each in sent}
    return PushResult(
        name=str(reference),
        digest=top.digest,
        sent=tuple(each.digest for each in sent),
        kept=tuple(each.digest for each in tree.blobs if each.digest not in digests),
        size=sum(each.size for each in sent),
    )


def _body(files: LayoutFiles, blob: Descriptor, progress: Progress | None) -> Any:
    """Return what ``requests`` sends; nothing at all is no body to it."""
    return _Body(files.path, blob, blob_source(files, blob), progress) if blob.size else b""


class _Body:
    """A blob's bytes on their way out, held against the descriptor before the last of them leaves (I22)."""

    def __init__(self, path: str, blob: Descriptor, source: Source, progress: Progress | None) -> None:
        self._path = path
        self._blob = blob
        self._reader = source.open()
        self._progress = progress
        self._done = 0
        self._hash = new_sha256()

    def __len__(self) -> int:
        return self._blob.size

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(1 << 20):
            yield data

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; raise ``ImageError`` in place of the last ones of a blob that is another."""
        left = self._blob.size - self._done
        if not left:
            return b""
        data = self._reader.read(min(size if size > 0 else 1 << 20, left))
        self._done += len(data)
        self._hash.update(data)
        if not data or self._done == self._blob.size:
            self._reader.close()
            require_same(self._path, self._blob, f"sha256:{self._hash.hexdigest()}", self._done)
        if self._progress:
            self._progress(len(data))
        return data
