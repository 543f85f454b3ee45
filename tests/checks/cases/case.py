from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["HANDLER", "Archive", "Case"]

# A handler that always works, and answers what it is asked.
HANDLER = "def handle(data, context):\n    return None if data is None else [str(row) for row in data]\n"

Form = Literal["zip", "tgz", "folder"]


@dataclass(frozen=True, kw_only=True)
class Archive:
    """An archive as its files, its manifest and its form; nothing here is marpack's.

    ``model`` is the manifest's ``model`` object, to which ``modelName`` (which the test that registers it chooses)
    and ``modelVersion`` are added unless it has them; ``manifest`` is the whole manifest's text or values instead,
    and ``""`` means that there is none. ``raw`` makes the file from the zip of all this. ``suffix`` is that of the
    file's name, and ``file`` the whole of it.
    """

    files: Mapping[str, str | bytes] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=lambda: {"handler": "handler.py"})
    manifest: str | bytes | Mapping[str, Any] | None = None
    form: Form = "zip"
    suffix: str | None = None
    file: str | None = None
    raw: Callable[[bytes], bytes] | None = None

    def members(self, name: str) -> dict[str, bytes]:
        """Return all files, the manifest last; ``name`` is the model's."""
        manifest = self.manifest
        if manifest is None:
            model = {"modelName": name, "modelVersion": "1.0", **self.model}
            manifest = {
                "createdOn": "25/11/2026 10:00:00",
                "runtime": "python",
                "model": {key: value for key, value in model.items() if value is not ...},
                "archiverVersion": "0.12.0",
            }
        if isinstance(manifest, Mapping):
            manifest = json.dumps(manifest, indent=2)
        members = dict(self.files) | ({"MAR-INF/MANIFEST.json": manifest} if manifest != "" else {})
        return {key: data.encode() if isinstance(data, str) else data for key, data in members.items()}

    def file_name(self, name: str) -> str:
        """Return the name in the model store."""
        if self.file is not None:
            return self.file
        suffix = {"zip": ".mar", "tgz": ".tar.gz", "folder": ""}[self.form] if self.suffix is None else self.suffix
        return name + suffix

    def data(self, name: str) -> bytes:
        """Return the bytes of the file, which is not a folder."""
        buffer = io.BytesIO()
        if self.form == "zip":
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                for member, data in self.members(name).items():
                    archive.writestr(member, data)
        else:
            with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
                for member, data in self.members(name).items():
                    info = tarfile.TarInfo(f"{name}/{member}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        return self.raw(buffer.getvalue()) if self.raw else buffer.getvalue()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to fail: ``broken`` is found by the rule ``code``, and ``repaired`` by no rule as an error.

    ``says`` is a pattern that the server's answer or log holds when it is given ``broken``, where ``{name}``
    stands for the model's name. ``fails`` is how: ``register`` when it is refused before any worker starts,
    ``worker`` when it registers and no worker comes up, ``predict`` when only a request fails (``request`` is sent
    to both), ``ends`` when a server that loads it as it starts ends, ``serves`` where it works and only ``says``
    shows the trouble, and ``unjudged`` with the ``reason`` why no server here can be asked. ``config`` are
    settings that the server needs. ``options`` are those of ``marpack.check`` that matter.
    """

    code: str
    title: str
    broken: Archive
    repaired: Archive
    fails: Literal["register", "worker", "predict", "ends", "serves", "unjudged"]
    says: str = ""
    request: object = None
    reason: str = ""
    config: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
