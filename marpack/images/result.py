"""What writing an image tells."""

from __future__ import annotations

from typing import Any

from marpack.frozen import frozen
from marpack.oci.descriptor import Platform


@frozen
class WrittenLayer:
    """A layer as written: ``title`` is what a person calls it, ``size`` its bytes, ``is_base`` whose it is."""

    title: str
    digest: str
    size: int
    media_type: str
    is_base: bool = False


@frozen
class ImageResult:
    """An image layout that is complete under its name; a result stands for its ``path``.

    ``digest`` is what the tag means, and pins every byte: that of the manifest, or of the index where there are
    several ``platforms``. ``size`` is that of all blobs, in bytes, each counted once.
    """

    path: str
    digest: str
    media_type: str
    tag: str
    size: int
    layers: tuple[WrittenLayer, ...]
    platforms: tuple[Platform, ...]
    warnings: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        return self.path

    def asdict(self) -> dict[str, Any]:
        """Return the values of JSON (spec/image.schema.json)."""
        return {
            "path": self.path,
            "digest": self.digest,
            "media_type": self.media_type,
            "tag": self.tag,
            "size": self.size,
            "platforms": [str(each) for each in self.platforms],
            "layers": [
                {
                    "title": each.title,
                    "digest": each.digest,
                    "size": each.size,
                    "media_type": each.media_type,
                    "base": each.is_base,
                }
                for each in self.layers
            ],
            "warnings": [*self.warnings],
        }
