"""A model store: the folder of archives that a server loads from."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marpack.archive.forms import SUFFIXES
from marpack.archive.manifest import MANIFEST_NAME, Manifest
from marpack.archive.plan.plan import ArchivePlan
from marpack.archive.read.open import ArchiveSource, file_name_of, opened, read_manifest
from marpack.archive.write.write import write_archive
from marpack.config.presets import Preset
from marpack.config.server_config import ServerConfig
from marpack.config.snapshot import EntrySettings, ModelSnapshot
from marpack.config.store_listing import archives_in, suffix_of
from marpack.disk.atomic import replacing_file, replacing_folder, require_creatable_folder
from marpack.errors import ArchiveError, ConfigError, TargetError
from marpack.findings import Finding
from marpack.serving.deploy.paths import require_local_folder

if TYPE_CHECKING:
    from typing import Unpack


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredArchive:
    """An archive of a store: its file, and the model and version that its manifest names."""

    path: str
    file_name: str
    model_name: str | None
    model_version: str
    manifest: Manifest


class ModelStore:
    """The archives in a local folder, which need not exist yet, and the settings that name them to a server."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = require_local_folder(folder)

    def list(self) -> tuple[StoredArchive, ...]:
        """Return the archives, sorted by file name; ``ArchiveError`` for a file that only looks like one."""
        return tuple(map(_stored, self._paths()))

    def add(
        self, archive: ArchivePlan | ArchiveSource, *, file_name: str | None = None, force: bool = False
    ) -> StoredArchive:
        """Write a planned archive into the store, or copy one there; it appears only when it is complete.

        One to copy is open, or a path, a URL or an open binary file, as ``open_archive`` takes them.
        ``file_name`` is its name in the store, by default its own: two versions of one model need two. ``force``
        replaces a file of that name. Raises ``ArchiveExistsError``, ``TargetError`` for a name under which a
        server would not find it, and ``ConfigError`` when the store has the same version of the same model under
        another name, at which a server would end.
        """
        if isinstance(archive, ArchivePlan):
            manifest, own_name = archive.manifest, archive.file_name
            suffix = suffix_of(own_name)
        else:
            manifest, own_name = read_manifest(archive), file_name_of(archive)
            with opened(archive) as source:
                form, folder = source.form, source.path
            suffix = {"zip": SUFFIXES["default"], "tgz": SUFFIXES["tgz"], "folder": ""}[form]
        path = self._path(own_name if file_name is None else file_name, suffix, manifest)
        require_creatable_folder(self.folder)
        os.makedirs(self.folder, exist_ok=True)
        if isinstance(archive, ArchivePlan):
            write_archive(archive, path, force=force)
        elif form == "folder":
            _copy_folder(folder, path, force=force)
        else:
            with opened(archive) as source, replacing_file(path, force=force) as target:
                for chunk in source.raw():
                    target.write(chunk)
        return _stored(path)

    def _paths(self) -> tuple[str, ...]:
        require_creatable_folder(self.folder)
        return tuple(archives_in(self.folder)) if os.path.isdir(self.folder) else ()

    def _readable(self) -> Iterator[StoredArchive]:
        for path in self._paths():
            with contextlib.suppress(ArchiveError):  # one that is broken is no reason to leave the others alone
                yield _stored(path)

    def _path(self, file_name: str, suffix: str, manifest: Manifest) -> str:
        """Return where an archive may go whose form has this suffix and that brings what its manifest names."""
        path = os.path.join(self.folder, file_name)
        if not file_name or os.path.basename(path) != file_name or file_name.startswith(".") or "\0" in file_name:
            raise TargetError(path, "is no name for an archive in a store: name a file, without a folder")
        if suffix_of(file_name) != suffix:
            right = f"the suffix {suffix}" if suffix else "no suffix"
            raise TargetError(path, f"would be read as another form than it is: give it a name with {right}")
        if os.path.islink(path):
            raise TargetError(path, "is a link, maybe out of the store: remove it first")
        for other in self._readable():
            same = (other.model_name, other.model_version) == _name_and_version(manifest)
            if same and other.file_name != file_name:
                message = f"is the same version of the same model as {other.file_name!r}"
                fix = "remove that one, or pack another version"
                raise ConfigError([Finding(code="snapshot-same-version", key=file_name, message=message, fix=fix)])
        return path

    def remove(self, model_name: str, model_version: str | None = None) -> tuple[StoredArchive, ...]:
        """Delete the archives of a model, or of one version, and return them; ``KeyError`` when there is none."""
        found = tuple(
            archive
            for archive in self._readable()
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
        return ModelSnapshot.from_archives(self._paths(), default_versions=default_versions, **settings)

    def config(self, preset: Preset = "torchserve", **settings: Any) -> ServerConfig:
        """Return settings that serve all archives.

        ``preset`` names one of ``ServerConfig``, ``settings`` are fields of it. ``model_snapshot`` is that of this
        store unless another is given. The plain server gets this folder as its ``model_store``.
        """
        if "model_snapshot" not in settings:
            settings["model_snapshot"] = self.snapshot()
        if preset == "torchserve":
            settings.setdefault("model_store", os.path.abspath(self.folder))
        return ServerConfig.preset(preset, **settings)


def _copy_folder(source: str | os.PathLike[str], path: str, *, force: bool) -> None:
    store = os.path.realpath(os.path.dirname(path))
    if os.path.commonpath([store, os.path.realpath(source)]) == os.path.realpath(source):
        raise TargetError(path, f"lies inside of {os.fsdecode(source)!r}, which would be copied into itself")
    try:
        with replacing_folder(path, force=force, marker=MANIFEST_NAME) as folder:
            shutil.copytree(source, folder, dirs_exist_ok=True)
    except shutil.Error as problem:
        [(name, _, reason), *_] = problem.args[0]
        raise TargetError(path, f"cannot be written: {os.fsdecode(name)!r} was not copied ({reason})") from None


def _stored(path: str) -> StoredArchive:
    manifest = read_manifest(path)
    name, version = _name_and_version(manifest)
    return StoredArchive(
        path=path, file_name=os.path.basename(path), model_name=name, model_version=version, manifest=manifest
    )


def _name_and_version(manifest: Manifest) -> tuple[str | None, str]:
    return manifest.model.model_name, manifest.model.served_version
