"""A model store: the folder of archives that a server loads from."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marpack.archive.manifest import MANIFEST_NAME
from marpack.archive.plan import ArchivePlan
from marpack.archive.reader import read_manifest
from marpack.archive.write import write_archive
from marpack.config.archives import archives_in
from marpack.config.server_config import ServerConfig
from marpack.config.snapshot import ModelSnapshot
from marpack.disk.atomic import replacing_file, replacing_folder
from marpack.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from marpack.archive.manifest import Manifest
    from marpack.config.server_config import Preset
    from marpack.config.snapshot import EntrySettings

__all__ = ["ModelStore", "StoredArchive"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredArchive:
    """An archive of a store: its file, and the model and version that its manifest names."""

    path: str
    file_name: str
    model_name: str | None
    model_version: str
    manifest: Manifest


class ModelStore:
    """The archives in a folder, which need not exist yet, and what a server is told about them."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.fsdecode(folder)

    def list(self) -> tuple[StoredArchive, ...]:
        """Return the archives, sorted by file name; ``ArchiveError`` for a file that only looks like one."""
        if not os.path.isdir(self.folder):
            return ()
        return tuple(_stored(path) for path in archives_in(self.folder))

    def add(
        self, archive: ArchivePlan | str | os.PathLike[str], *, file_name: str | None = None, force: bool = False
    ) -> StoredArchive:
        """Write a planned archive into the store, or copy one there; it appears only when it is complete.

        ``file_name`` is its name in the store, by default its own: two versions of one model need two. ``force``
        replaces a file of that name. Raises ``ArchiveExistsError``, and ``ArchiveError`` when the store has the
        same version of the same model under another name, at which a server would end.
        """
        if isinstance(archive, ArchivePlan):
            manifest, own_name = archive.manifest, archive.file_name
        else:
            manifest, own_name = read_manifest(archive), os.path.basename(os.fsdecode(archive))
        path = self._path(own_name if file_name is None else file_name, manifest)
        os.makedirs(self.folder, exist_ok=True)
        if isinstance(archive, ArchivePlan):
            write_archive(archive, path, force=force)
        elif os.path.isdir(archive):
            with replacing_folder(path, force=force, marker=MANIFEST_NAME) as folder:
                shutil.copytree(archive, folder, dirs_exist_ok=True)
        else:
            with open(archive, "rb") as source, replacing_file(path, force=force) as target:
                shutil.copyfileobj(source, target)
        return _stored(path)

    def _path(self, file_name: str, manifest: Manifest) -> str:
        """Return where an archive may go that brings what its manifest names."""
        path = os.path.join(self.folder, file_name)
        if os.path.basename(path) != file_name or file_name.startswith("."):
            raise ArchiveError(path, "is no name for an archive in a store: name a file, without a folder")
        for other in self.list():
            same = (other.model_name, other.model_version) == _name_and_version(manifest)
            if same and other.file_name != file_name:
                problem = f"is the same version of the same model as {other.file_name!r}"
                raise ArchiveError(path, f"{problem}: remove that one, or pack another version")
        return path

    def remove(self, model_name: str, model_version: str | None = None) -> tuple[StoredArchive, ...]:
        """Delete the archives of a model, or of one version, and return what they were.

        Raises ``KeyError`` when there is none.
        """
        found = tuple(
            archive
            for archive in self.list()
            if archive.model_name == model_name and model_version in (None, archive.model_version)
        )
        if not found:
            raise KeyError(model_name if model_version is None else f"{model_name} {model_version}")
        for archive in found:
            if os.path.isdir(archive.path) and not os.path.islink(archive.path):
                shutil.rmtree(archive.path)
            else:
                os.remove(archive.path)
        return found

    def snapshot(
        self, *, default_versions: Mapping[str, str] | None = None, **settings: Unpack[EntrySettings]
    ) -> ModelSnapshot:
        """Return the snapshot that restores all archives; see ``ModelSnapshot.from_archives``."""
        return ModelSnapshot.from_model_store(self.folder, default_versions=default_versions, **settings)

    def config(
        self,
        preset: Preset = "torchserve",
        *,
        snapshot: ModelSnapshot | None = None,
        **settings: Any,
    ) -> ServerConfig:
        """Return settings that serve all archives.

        ``preset`` names one of ``ServerConfig``. ``snapshot`` is that of this store unless another is given;
        ``settings`` are fields of ``ServerConfig``. The plain server gets this folder as its ``model_store``.
        """
        settings.setdefault("model_snapshot", self.snapshot() if snapshot is None else snapshot)
        if preset == "torchserve":
            settings.setdefault("model_store", os.path.abspath(self.folder))
        return ServerConfig.preset(preset, **settings)


def _stored(path: str) -> StoredArchive:
    manifest = read_manifest(path)
    name, version = _name_and_version(manifest)
    return StoredArchive(
        path=path, file_name=os.path.basename(path), model_name=name, model_version=version, manifest=manifest
    )


def _name_and_version(manifest: Manifest) -> tuple[str | None, str]:
    return manifest.model.model_name, manifest.model.model_version or "1.0"
