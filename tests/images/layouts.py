"""Stores that become images, and layouts as they are written, read with the standard library alone."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from marpack.images import plan_image, write_image
from marpack.serving import serve_build
from tests.support.archives import T, packed

HANDLER = "def handle(data, context): return data\n"


def store(folder: Path, *names: str, **settings: Any) -> Path:
    """Build what a server starts from, with a small model of each name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "handler.py").write_text(HANDLER, encoding="ascii")
    for name in names:
        (folder / f"{name}.pt").write_bytes(f"weights of {name}".encode() * 1000)
    models = [
        {"model_name": name, "version": "1.0", "handler": "handler.py", "serialized_file": f"{name}.pt"}
        for name in names
    ]
    serve_build({"models": models, **settings}, folder / "deploy", base_dir=folder, timestamp=T)
    return folder / "deploy"


class Layout:
    """A layout as its files are, whoever wrote it; every blob has been held against its name."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
        for name, data in files.items():
            if name.startswith("blobs/"):
                assert name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"
        [self.top] = json.loads(files["index.json"])["manifests"]

    @classmethod
    def of(cls, path: Path) -> Layout:
        """Read a folder or a tar."""
        if path.is_dir():
            found = {
                each.relative_to(path).as_posix(): each.read_bytes() for each in path.rglob("*") if each.is_file()
            }
            return cls(found)
        with tarfile.open(path, "r:") as tar:
            return cls({each.name: _contents(tar, each) for each in tar})

    def blob(self, descriptor: dict[str, Any]) -> bytes:
        """Return a blob, which is as large as is said."""
        data = self.files[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]
        assert len(data) == descriptor["size"]
        return data

    def document(self, descriptor: dict[str, Any]) -> dict[str, Any]:
        """Return a document, whose type is the descriptor's where it says one."""
        document: dict[str, Any] = json.loads(self.blob(descriptor))
        assert document.get("mediaType", descriptor["mediaType"]) == descriptor["mediaType"]
        return document

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest that the tag means."""
        return self.document(self.top)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of that."""
        return self.document(self.manifest["config"])

    def layers(self, manifest: dict[str, Any] | None = None) -> list[dict[str, bytes]]:
        """Return the files of each layer that is a tar, by their names; None stands for a folder."""
        return [files_of(self.blob(each)) for each in (manifest or self.manifest)["layers"]]

    def merged(self) -> dict[str, bytes]:
        """Return the files that are there once all layers have been applied."""
        return {name: data for layer in self.layers() for name, data in layer.items() if not name.endswith("/")}


def files_of(layer: bytes) -> dict[str, bytes]:
    """Return what is in a tar; names of folders end in a slash, and nothing in it tells of a machine."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:") as tar:
        for each in tar:
            assert (each.mtime, each.uid, each.gid, each.uname, each.gname) == (0, 0, 0, "", "")
            assert each.mode == (0o755 if each.isdir() else 0o644)
            assert each.isdir() or each.isreg()
            name = f"{each.name}/" if each.isdir() else each.name
            assert name not in found
            found[name] = b"" if each.isdir() else _contents(tar, each)
    return found


def _contents(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return b"" if file is None else file.read()


def written(source: Path, target: Path, **options: Any) -> Layout:
    """Write the image of a source, and return what lies there."""
    result = write_image(plan_image(source, **options), target)
    layout = Layout.of(target)
    assert result.digest == layout.top["digest"]
    assert result.path == str(target) == os.fspath(result)
    return layout


def on_base(base: Path, folder: Path, **options: Any) -> Layout:
    plan = plan_image(packed(folder, force=True), base=base, **options)
    write_image(plan, folder / "image", force=True)
    return Layout.of(folder / "image")
