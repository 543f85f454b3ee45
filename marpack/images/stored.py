"""An image that is there, in a layout or a docker-archive: its bytes are held against what is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from marpack.archive.sources import Source
from marpack.display import brief_repr
from marpack.errors import ImageError
from marpack.oci import media_types
from marpack.oci.descriptor import Descriptor, Platform, blob_name, is_digest
from marpack.oci.documents import REF_NAME, described
from marpack.oci.layout import (
    Documents,
    Index,
    Manifest,
    blob_source,
    layout_index,
    parsed,
    parsed_table,
    require_same,
)
from marpack.oci.layout_files import LayoutFiles, open_files

_DOCKER_MANIFEST = "manifest.json"
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")


class StoredImage:
    """One image, for one platform: its ``layers`` are OCI's, ``config`` is its configuration as JSON has it.

    ``digest`` is that of its manifest, empty where it has none of OCI's. Blobs are read when they are asked for.
    """

    def __init__(
        self,
        files: LayoutFiles,
        config: Mapping[str, Any],
        layers: tuple[Descriptor, ...],
        digest: str,
        names: Mapping[str, str],
    ) -> None:
        self.path = files.path
        self.config = config
        self.layers = layers
        self.digest = digest
        self._files = files
        self._names = names

    def source(self, descriptor: Descriptor) -> Source:
        """Return a layer's contents. Raises ``ImageError`` where it is missing, or of another size."""
        name = self._names.get(descriptor.digest, blob_name(descriptor.digest))
        return blob_source(self._files, descriptor, name)

    def require(self, descriptor: Descriptor, digest: str, size: int) -> None:
        """Raise ``ImageError`` unless what has been read of a blob is what its descriptor says."""
        require_same(self.path, descriptor, digest, size)


def open_image(path: str, platform: Platform, *, tag: str | None = None) -> StoredImage:
    """Open the image for a platform in an OCI layout (a folder, a tar), or in what ``docker save`` wrote (I18).

    ``tag`` names one of several. Its manifest and its configuration are read, and each layer is there and as large
    as it should be. Raises ``ImageError`` and ``OSError``.
    """
    files = open_files(path)
    listed = layout_index(files)
    if listed is not None:
        found = _of_layout(files, listed, platform, tag)
        if found is not None:
            return found
    told = files.read(_DOCKER_MANIFEST)
    if told is not None:
        return _of_docker(files, parsed(path, told, _DOCKER_MANIFEST), platform, tag)
    if listed is not None:
        raise ImageError(
            path, f"has no image for {platform}{f' of the tag {tag!r}' if tag else ''}", code="no-platform"
        )
    raise ImageError(
        path, "is neither an OCI layout nor what docker save writes: name one of them", code="not-image"
    )


def _of_layout(
    files: LayoutFiles, listed: Sequence[Descriptor], platform: Platform, tag: str | None
) -> StoredImage | None:
    if tag is not None:
        listed = [each for each in listed if each.annotations.get(REF_NAME) == tag]
    fitting = {descriptor.digest: image for descriptor, image in _Search(files, platform).images(listed, depth=0)}
    if len(fitting) > 1:
        names = sorted(filter(None, (each.annotations.get(REF_NAME) for each in listed)))
        known = f"name one by its tag: {', '.join(names)}" if names else "give a layout of one"
        raise ImageError(files.path, f"holds several images for {platform}: {known}", code="several")
    return next(iter(fitting.values()), None)


class _Search:
    """Finds manifests in an index, and in indexes that it names."""

    def __init__(self, files: LayoutFiles, platform: Platform) -> None:
        self._files = files
        self._path = files.path
        self._platform = platform
        self._documents = Documents(files)

    def images(self, listed: Sequence[Descriptor], depth: int) -> Iterator[tuple[Descriptor, StoredImage]]:
        """Yield an image for the platform of each entry that has one: of an index the first that fits (I8)."""
        for descriptor in listed:
            kind = media_types.oci_type(descriptor.media_type)
            if kind not in (media_types.INDEX, media_types.MANIFEST) or not self._may_fit(descriptor):
                continue
            self._documents.require_shallow(depth)
            found = self._documents.read_named(descriptor)
            if isinstance(found, Index):
                yield from islice(self.images(found.manifests, depth + 1), 1)
            elif (image := self._image(descriptor, found)) is not None:
                yield descriptor, image

    def _may_fit(self, descriptor: Descriptor) -> bool:
        return descriptor.platform is None or self._platform.runs(descriptor.platform)

    def _image(self, descriptor: Descriptor, manifest: Manifest) -> StoredImage | None:
        if media_types.oci_type(manifest.config.media_type) != media_types.CONFIG:
            return None
        told = self._documents.read(manifest.config)
        of = Platform.of(told)
        if of is None or not self._platform.runs(of):
            return None
        layers = tuple(map(self._layer, manifest.layers))
        if not layers and self._files.source(_DOCKER_MANIFEST) is not None:
            return None  # Docker 25.0 wrote manifests without layers beside its own form
        for layer, diff_id in zip(layers, _require_diff_ids(self._path, told, len(layers)), strict=True):
            if layer.media_type == media_types.LAYER and layer.digest != diff_id:
                message = f"has a configuration that tells of {diff_id} where the layer {layer.digest} is"
                raise ImageError(self._path, f"{message}: get it again", code="digest-mismatch")
        return StoredImage(self._files, told, layers, descriptor.digest, {})

    def _layer(self, layer: Descriptor) -> Descriptor:
        kind = media_types.oci_type(layer.media_type)
        if kind not in media_types.LAYERS:
            message = (
                f"has a layer of the type {brief_repr(layer.media_type, 100)}, which KServe's fetch does not "
                "read: give a base whose layers are tar or tar+gzip"
            )
            raise ImageError(self._path, message, code="layer-type")
        blob_source(self._files, layer)
        return Descriptor(media_type=kind, digest=layer.digest, size=layer.size, annotations=layer.annotations)


def _names(table: Mapping[Any, Any]) -> list[str]:
    names = table.get("RepoTags")
    return [str(name) for name in names] if isinstance(names, list) else []


def _of_docker(files: LayoutFiles, listed: Any, platform: Platform, tag: str | None) -> StoredImage:
    """Return an image of a docker-archive, whose layers are not compressed: a digest is also a diff_id."""
    path = files.path
    if not isinstance(listed, list):
        raise ImageError(path, f"has a {_DOCKER_MANIFEST!r} that is no list", code="bad-document")
    tables = [each for each in listed if isinstance(each, Mapping)]
    if tag is not None:
        tables = [each for each in tables if any(name.endswith(f":{tag}") for name in _names(each))]
    if len(tables) != 1:
        raise ImageError(
            path, f"holds {len(tables)} images where one is meant: name one by its tag", code="several"
        )
    [table] = tables
    name, layers = table.get("Config"), table.get("Layers")
    data = files.read(name) if isinstance(name, str) else None
    if data is None or not isinstance(layers, list) or not all(isinstance(each, str) for each in layers):
        raise ImageError(path, f"has a {_DOCKER_MANIFEST!r} that names no image", code="bad-document")
    told = parsed_table(path, data, str(name))
    if found := _HEXADECIMAL.search(str(name)):
        expected = described(data, media_types.CONFIG)
        require_same(
            path,
            Descriptor(media_type=media_types.CONFIG, digest=f"sha256:{found[0]}", size=len(data)),
            expected.digest,
            len(data),
        )
    of = Platform.of(told)
    if of is None or not platform.runs(of):
        raise ImageError(path, f"holds an image for {of}, and not for {platform}", code="no-platform")
    diff_ids = _require_diff_ids(path, told, len(layers))
    found_layers, names = [], {}
    for layer, diff_id in zip(layers, diff_ids, strict=True):
        source = files.source(layer)
        if source is None:
            raise ImageError(path, f"lacks the layer {layer!r}: get it again", code="missing-blob")
        found_layers.append(Descriptor(media_type=media_types.LAYER, digest=diff_id, size=source.size))
        names[diff_id] = layer
    return StoredImage(files, told, tuple(found_layers), "", names)


def _require_diff_ids(path: str, config: Mapping[str, Any], count: int) -> list[str]:
    rootfs = config.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, Mapping) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != count or not all(map(is_digest, diff_ids)):
        message = f"has a configuration whose rootfs does not tell of its {count} layers: get it again"
        raise ImageError(path, message, code="bad-document")
    history, inner = config.get("history") or [], config.get("config") or {}
    labels = inner.get("Labels") or {} if isinstance(inner, Mapping) else None
    if (
        not isinstance(history, list)
        or not all(isinstance(each, Mapping) for each in history)
        or not isinstance(labels, Mapping)
    ):
        raise ImageError(path, "has a configuration whose history or labels are none", code="bad-document")
    return diff_ids
