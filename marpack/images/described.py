"""What a layout that is there says of its image: as writing one tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marpack.errors import ImageError
from marpack.images.result import ImageResult, WrittenLayer
from marpack.oci import media_types
from marpack.oci.descriptor import Descriptor, Platform
from marpack.oci.documents import CREATED_BY, FILE_PATH, REF_NAME
from marpack.oci.layout import Documents, chosen_image, image_tree
from marpack.oci.layout_files import open_files


def described_image(path: str, *, tag: str | None = None) -> ImageResult:
    """Return what a layout, a folder or a tar, says of its image; ``tag`` chooses one of several.

    A layer is the base's where its history does not say that ``marpack image`` wrote it. Warnings there are none.
    Raises ``ImageError`` and ``OSError``.
    """
    files = open_files(path)
    top = chosen_image(files, tag)
    tree = image_tree(files, top)
    configs = Documents(files)
    platforms: list[Platform] = []
    layers: dict[str, WrittenLayer] = {}
    for manifest in tree.manifests:
        config = _config(configs, manifest.config)
        if manifest.config.media_type != media_types.MODEL_CONFIG and (platform := Platform.of(config)):
            platforms.append(platform)
        titles = _titles(config, len(manifest.layers))
        for layer, title in zip(manifest.layers, titles, strict=True):
            named = layer.annotations.get(FILE_PATH, title)
            told = WrittenLayer(
                title=named or "base",
                digest=layer.digest,
                size=layer.size,
                media_type=layer.media_type,
                is_base=not named,
            )
            layers.setdefault(layer.digest, told)
    return ImageResult(
        path=path,
        digest=top.digest,
        media_type=top.media_type,
        tag=top.annotations.get(REF_NAME, ""),
        size=sum(each.size for each in (*tree.blobs, *tree.documents)),
        layers=tuple(layers.values()),
        platforms=tuple(platforms),
    )


def _config(documents: Documents, descriptor: Descriptor) -> Mapping[str, Any]:
    """Return a configuration; an artifact's may be anything, and says nothing then."""
    try:
        return documents.read(descriptor)
    except ImageError:
        return {}


def _titles(config: Mapping[str, Any], count: int) -> list[str]:
    """Return what marpack called each layer, by the history of a configuration; empty for one of others."""
    history = config.get("history")
    entries = [each for each in history if isinstance(each, Mapping)] if isinstance(history, list) else []
    of_layers = [each for each in entries if not each.get("empty_layer")]
    if len(of_layers) != count:
        return [""] * count
    return [str(each.get("comment") or "") if each.get("created_by") == CREATED_BY else "" for each in of_layers]
