"""The types of what an image is made of: those of OCI, Docker's that stand for them, and ModelPack's. Pure."""

from __future__ import annotations

from types import MappingProxyType

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = f"{LAYER}+gzip"

# Of the CNCF's ModelPack, from v0.0.7 on.
MODEL_MANIFEST = "application/vnd.cncf.model.manifest.v1+json"
MODEL_CONFIG = "application/vnd.cncf.model.config.v1+json"
MODEL_WEIGHT = "application/vnd.cncf.model.weight.v1.raw"
MODEL_WEIGHT_CONFIG = "application/vnd.cncf.model.weight.config.v1.raw"

# Docker's own, which are equal in shape (I19).
_DOCKER = "application/vnd.docker"
OCI_OF_DOCKER = MappingProxyType(
    {
        f"{_DOCKER}.distribution.manifest.v2+json": MANIFEST,
        f"{_DOCKER}.distribution.manifest.list.v2+json": INDEX,
        f"{_DOCKER}.container.image.v1+json": CONFIG,
        f"{_DOCKER}.image.rootfs.diff.tar": LAYER,
        f"{_DOCKER}.image.rootfs.diff.tar.gzip": LAYER_GZIP,
    }
)
# What every reader of layers takes (I20): KServe's fetch refuses zstd, and passes others over in silence.
LAYERS = frozenset({LAYER, LAYER_GZIP})


def oci_type(media_type: str) -> str:
    """Return the type of OCI's that one of Docker's stands for, any other as it is."""
    return OCI_OF_DOCKER.get(media_type, media_type)
