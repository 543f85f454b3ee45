"""From a layout to a registry: what it has is not sent again, and nothing is tagged before all is there."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.result import Progress
from marpack.archive.sources import Source
from marpack.display import hidden_endpoint
from marpack.errors import MissingExtraError, RegistryError
from marpack.frozen import frozen
from marpack.images.docker_credentials import DockerConfiguration, Kept, Login, NoConfigurationError
from marpack.images.reference import NoReferenceError, Reference
from marpack.oci.descriptor import Descriptor
from marpack.oci.documents import REF_NAME
from marpack.oci.layout import ImageTree, blob_source, chosen_image, image_tree, read_blob, require_same
from marpack.oci.layout_files import LayoutFiles, open_files

if TYPE_CHECKING:
    from marpack.images.registry import Registry


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
    tag: str | None = None,
    username: str | None = None,
    password: str | None = None,
    docker_config: str | os.PathLike[str] | None = None,
    plain_http: bool = False,
    tls_verify: bool | str = True,
    progress: Progress | None = None,
) -> PushResult:
    """Send the image of a layout, a folder or a tar, to a registry.

    - ``name``: ``registry/name:tag``; without a tag it is the layout's.
    - ``tag``: which of several images in the layout is meant.
    - ``username``, ``password``: by default, where the registry asks for them, those that docker knows, by
      ``docker_config`` (a file, or the folder of ``config.json``) or ``~/.docker`` and the programs that it names.
      They are sent to that registry, to the service that it names for tokens, and to nobody else; they are
      written nowhere.
    - ``plain_http``: without encryption; ``tls_verify``: a file of certificates, or False to take any.
    - ``progress``: is called, on this thread, with the number of bytes just sent.

    Blobs that the registry has are not sent; the others are held against their descriptors on the way. The tag is
    the last thing that is sent. Raises ``RegistryError``, ``ImageError`` for a layout that is not what it says,
    ``MissingExtraError`` (``oci``), and ``OSError``; what was sent before stays there, without a tag, unless the
    answer to that last request was lost, or alone has another digest. Each request has its answer within 15
    minutes; the whole has no limit. The environment's proxies count, and its ``REQUESTS_CA_BUNDLE`` where
    ``tls_verify`` is True. A configuration of docker's that cannot be read is an error before anybody is asked.
    """
    configuration = None if docker_config is None else os.fspath(docker_config)
    reference = require_pushable(name, docker_config=configuration, tls_verify=tls_verify)
    find_login = _login_finder(name, reference, configuration, username, password)
    files = open_files(os.fspath(layout))
    top = chosen_image(files, tag)
    if not reference.tag:
        try:
            reference = reference.tagged(top.annotations.get(REF_NAME, "latest"))
        except NoReferenceError as error:
            raise RegistryError(hidden_endpoint(name), str(error)) from None
    tree = image_tree(files, top)
    from marpack.images.registry import Registry

    registry = Registry(reference, find_login, plain_http=plain_http, tls_verify=tls_verify)
    try:
        return _pushed(registry, reference, files, tree, progress)
    except _UnreadableError as error:
        raise error.said from None
    finally:
        registry.close()


def require_pushable(name: str, *, docker_config: str | None = None, tls_verify: bool | str = True) -> Reference:
    """Return what an image will be called; raise what ``push_image`` would raise before it asks anybody."""
    try:
        reference = Reference.parse(name)
    except NoReferenceError as error:
        raise RegistryError(hidden_endpoint(name), str(error)) from None
    _require_requests()
    if docker_config is not None:
        _configuration(name, docker_config)
    if isinstance(tls_verify, str) and not os.path.isdir(tls_verify):
        with open(tls_verify, "rb"):  # which says it with its name
            pass
        try:
            ssl.create_default_context(cafile=tls_verify)
        except ssl.SSLError:
            raise RegistryError(name, f"is not asked: {tls_verify!r} has no certificate in it") from None
    return reference


def _require_requests() -> None:
    try:
        import requests  # noqa: F401
    except ImportError:
        what_to_do = "write a layout, which skopeo copy --preserve-digests pushes"
        raise MissingExtraError("pushing an image", "oci", what_to_do) from None


def _login_finder(
    name: str, reference: Reference, docker_config: str | None, username: str | None, password: str | None
) -> Callable[[], Kept]:
    if username is not None:
        try:
            given = Kept(login=Login.of(username, password or ""))
        except ValueError:
            reason = "is not asked: username has a colon or a control character, or password half a character"
            raise RegistryError(name, reason) from None
        return lambda: given
    return partial(_configuration(name, docker_config).of_host, reference.host)


def _configuration(name: str, path: str | None) -> DockerConfiguration:
    try:
        return DockerConfiguration.read(path)
    except NoConfigurationError as error:
        raise RegistryError(name, f"is not asked: {error}") from None


def _pushed(
    registry: Registry, reference: Reference, files: LayoutFiles, tree: ImageTree, progress: Progress | None
) -> PushResult:
    top = tree.documents[-1]
    sent: list[Descriptor] = []
    # A tag that means this already says that all of it is there.
    if registry.manifest_digest(reference.tag) != top.digest:
        for blob in tree.blobs:
            if not registry.has_blob(blob.digest):
                registry.put_blob(blob, _Sending(files, blob, progress))
                sent.append(blob)
        for document in tree.documents:
            # By its digest first, also what the tag will mean: what comes back tells whether it is kept as it is.
            registry.put_manifest(document.digest, document, read_blob(files, document))
        registry.put_manifest(reference.tag, top, read_blob(files, top))
    digests = {each.digest for each in sent}
    return PushResult(
        name=str(reference),
        digest=top.digest,
        sent=tuple(each.digest for each in sent),
        kept=tuple(each.digest for each in tree.blobs if each.digest not in digests),
        size=sum(each.size for each in sent),
    )


class _UnreadableError(Exception):
    """What the disk ``said`` of a blob: no ``OSError``, which would be taken for one of the connection."""

    def __init__(self, said: OSError) -> None:
        self.said = said
        super().__init__(str(said))


class _Sending:
    """A blob that is sent, more than once where a password is asked for; its progress is that of the furthest."""

    def __init__(self, files: LayoutFiles, blob: Descriptor, progress: Progress | None) -> None:
        self._files = files
        self._blob = blob
        self._progress = progress
        self._furthest = 0

    def __call__(self) -> AbstractContextManager[Any]:
        """Return the bytes from the first on; nothing at all is no body to requests."""
        if not self._blob.size:
            return nullcontext(b"")
        return closing(_Body(self._files.path, self._blob, blob_source(self._files, self._blob), self._note))

    def _note(self, done: int) -> None:
        if self._progress and done > self._furthest:
            self._progress(done - self._furthest)
        self._furthest = max(self._furthest, done)


class _Body:
    """A blob's bytes on their way out, held against the descriptor before the last of them leaves (I22)."""

    def __init__(self, path: str, blob: Descriptor, source: Source, note: Callable[[int], None]) -> None:
        self._path = path
        self._blob = blob
        self._reader = source.open()
        self._note = note
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
        try:
            data = self._reader.read(min(size if size > 0 else 1 << 20, left))
        except OSError as error:
            raise _UnreadableError(error) from error
        self._done += len(data)
        self._hash.update(data)
        if not data or self._done == self._blob.size:
            require_same(self._path, self._blob, f"sha256:{self._hash.hexdigest()}", self._done)
        self._note(self._done)
        return data

    def close(self) -> None:
        """End reading."""
        self._reader.close()
