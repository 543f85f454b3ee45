"""The documents of an image (configuration, manifest, index) as the bytes that digests pin. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from marpack.oci import media_types
from marpack.oci.descriptor import Descriptor, Platform

LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'

# The one place where a layout has a tag (I3).
REF_NAME = "org.opencontainers.image.ref.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"
BASE_NAME = "org.opencontainers.image.base.name"
FILE_PATH = "org.cncf.model.filepath"

CREATED_BY = "marpack image"
_SCHEMA_VERSION = 2


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """Return JSON with sorted keys and without blanks, by which equal documents have one digest (I4)."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest_of(data: bytes) -> str:
    """Return the digest of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def described(data: bytes, media_type: str, **more: Any) -> Descriptor:
    """Return the descriptor of a document."""
    return Descriptor(media_type=media_type, digest=digest_of(data), size=len(data), **more)


def config_of(
    platform: Platform,
    layers: Sequence[tuple[str, str]],
    labels: Mapping[str, str],
    *,
    created: str | None,
    base: Mapping[str, Any] | None = None,
    runs: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the configuration of an image whose own ``layers`` have these digests and titles (I6, I19).

    ``base`` is that of the image below, of which all is kept but what is no longer so, and ``created`` a time as
    RFC 3339 has it. ``runs`` takes the place of what the base says of running it; None takes it away.
    """
    document: dict[str, Any] = dict(base or {})
    # Of the base: another image was made then, and by others. A variant is the platform's to say.
    for key in ("id", "parent", "container", "container_config", "docker_version", "author", "created", "variant"):
        document.pop(key, None)
    document |= platform.asdict()
    below = (document.get("rootfs") or {}).get("diff_ids", [])
    document["rootfs"] = {"type": "layers", "diff_ids": [*below, *(digest for digest, _ in layers)]}
    dated = {"created": created} if created else {}
    document |= dated
    history = document.pop("history", None) or []
    # Readers pair its entries with layers: where the base's does not tell of each, there is none (I19).
    if sum(not each.get("empty_layer") for each in history) == len(below):
        own = (dated | {"created_by": CREATED_BY, "comment": title} for _, title in layers)
        document["history"] = [*history, *own]
    inner = dict(document.get("config") or {})
    if labels:
        inner["Labels"] = {**(inner.get("Labels") or {}), **labels}
    changes = runs or {}
    inner = {key: value for key, value in inner.items() if key not in changes}
    document["config"] = inner | {key: value for key, value in changes.items() if value is not None}
    return to_bytes(document)


def manifest_of(
    config: Descriptor, layers: Iterable[Descriptor], annotations: Mapping[str, str], *, artifact_type: str = ""
) -> bytes:
    """Return a manifest; its type stands in it, without which some readers take it for another thing (I5)."""
    document: dict[str, Any] = {
        "schemaVersion": _SCHEMA_VERSION,
        "mediaType": media_types.MANIFEST,
        "config": config.asdict(),
        "layers": [layer.asdict() for layer in layers],
    }
    if artifact_type:
        document["artifactType"] = artifact_type
    if annotations:
        document["annotations"] = dict(annotations)
    return to_bytes(document)


def index_of(manifests: Iterable[Descriptor], annotations: Mapping[str, str] | None = None) -> bytes:
    """Return an index; its type stands in it, as in a manifest (I5)."""
    document: dict[str, Any] = {
        "schemaVersion": _SCHEMA_VERSION,
        "mediaType": media_types.INDEX,
        "manifests": [each.asdict() for each in manifests],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return to_bytes(document)


def model_config_of(name: str, version: str, layers: Iterable[str]) -> bytes:
    """Return ModelPack's configuration of a model; its keys are in camelCase, unlike an image's (I17)."""
    descriptor = {key: text for key, text in (("name", name), ("version", version)) if text}
    return to_bytes(
        {
            "descriptor": descriptor,
            "config": {"format": "mar"},
            "modelfs": {"type": "layers", "diffIds": [*layers]},
        }
    )
