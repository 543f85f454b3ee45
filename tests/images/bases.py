"""Base images made by hand, as others write them, and as nobody should."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
SHELL = {"bin/sh": b"#!a shell", "etc/os-release": b"ID=tests\n"}


def tar_of(files: Mapping[str, bytes | str]) -> bytes:
    """Return a tar; what is a text is where a symbolic link leads."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, contents in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(contents, str):
                member.type, member.linkname = tarfile.SYMTYPE, contents
                tar.addfile(member)
            else:
                member.size = len(contents)
                tar.addfile(member, io.BytesIO(contents))
    return data.getvalue()


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def config_of(layer: bytes, architecture: str = "amd64", **more: Any) -> bytes:
    return json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"], "Labels": {"of": "base"}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
            "history": [{"created_by": "hand"}, {"created_by": "hand", "empty_layer": True}],
            **more,
        }
    ).encode()


class Blobs:
    """Blobs by their names in a layout, and descriptors of them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | str] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def add(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        digest = digest_of(data)
        self.files[f"blobs/{digest.replace(':', '/')}"] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def add_json(self, document: Any, media_type: str, **more: Any) -> dict[str, Any]:
        return self.add(json.dumps(document).encode(), media_type, **more)

    def index(self, *manifests: dict[str, Any]) -> dict[str, bytes | str]:
        """Return all files of the layout."""
        document = {"schemaVersion": 2, "manifests": manifests}
        return {**self.files, "index.json": json.dumps(document).encode()}


def image(
    blobs: Blobs,
    *,
    family: str = OCI,
    architecture: str = "amd64",
    zipped: bool = False,
    layer_type: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Add an image with one layer, and return its descriptor."""
    layer = tar_of(SHELL)
    if family == OCI:
        manifest_type, config_type = f"{OCI}.manifest.v1+json", f"{OCI}.config.v1+json"
        own_type = f"{OCI}.layer.v1.tar" + ("+gzip" if zipped else "")
    else:
        manifest_type = f"{DOCKER}.distribution.manifest.v2+json"
        config_type, own_type = f"{DOCKER}.container.image.v1+json", f"{DOCKER}.image.rootfs.diff.tar.gzip"
    data = gzip.compress(layer, mtime=0) if zipped or family == DOCKER else layer
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": blobs.add(config_of(layer, architecture), config_type),
        "layers": [blobs.add(data, layer_type or own_type)],
    }
    return blobs.add_json(manifest, manifest_type, **more)


def write_files(files: Mapping[str, bytes | str], path: Path) -> Path:
    """Write them as a tar, or as a folder, whatever the name says."""
    if path.suffix == ".tar":
        path.write_bytes(tar_of(files))
        return path
    for name, contents in files.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(contents, str):
            place.symlink_to(contents)
        else:
            place.write_bytes(contents)
    return path


def docker_archive(path: Path, *, config: bytes | None = None, links: bool = False, **table: Any) -> Path:
    """Write what ``docker save`` wrote before it wrote layouts, or skopeo with links, does."""
    layer = tar_of(SHELL)
    told = config or config_of(layer)
    name = f"{hashlib.sha256(told).hexdigest()}.json"
    at = "0123/layer.tar"
    contents: dict[str, bytes | str] = {name: told}
    contents |= {"feed.tar": layer, at: "../feed.tar"} if links else {at: layer}
    listed = [{"Config": name, "RepoTags": ["base:1"], "Layers": [at]} | table]
    return write_files({**contents, "manifest.json": json.dumps(listed).encode()}, path)
