"""A folder that a server starts from: archives in ``model-store``, settings in ``config``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marpack.archive.manifest import Manifest
from marpack.archive.plan.plan import ArchivePlan
from marpack.archive.result import WriteResult
from marpack.archive.write.write import require_target, write_archive
from marpack.config.lint import for_writers, lint_config
from marpack.config.server_config import ServerConfig
from marpack.config.snapshot import ModelSnapshot
from marpack.disk.atomic import replacing_file, require_creatable_folder, require_replaceable_file
from marpack.disk.folders import new_folders
from marpack.disk.new_file import what_is_left
from marpack.errors import ConfigError, MarpackError, PlanError, TargetError
from marpack.findings import Finding, Issue
from marpack.remote.storage import StorageFolder

# What KServe's wrapper looks for below the folder that it mounts.
MODEL_STORE = "model-store"
CONFIG_FILE = "config/config.properties"
# Where that is, of an image and of what was downloaded.
MOUNT = "/mnt/models"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingArtifact:
    """A folder that a server can start from, ready to be uploaded as it is, or in a store already.

    Its paths are then URLs without secrets. ``snapshot`` is None when a config.properties of the user's own has
    none. ``warnings`` are for the user.
    """

    folder: str
    archives: tuple[WriteResult, ...]
    config_path: str
    snapshot: ModelSnapshot | None
    warnings: tuple[str, ...] = ()

    @property
    def directory(self) -> str:
        """The folder, under the name that ``marpack serve-build --json`` has for it."""
        return self.folder

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What ``marpack.check`` says of the archives, where it was asked."""
        return tuple(finding for archive in self.archives for finding in archive.findings)

    @property
    def archive(self) -> WriteResult:
        """The archive of a single model."""
        [archive] = self.archives
        return archive


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """The text of a config.properties that serves some archives, and what to tell the user about it."""

    config: bytes
    snapshot: ModelSnapshot | None
    warnings: tuple[str, ...]

    def require_place(self, plans: Mapping[str, ArchivePlan], folder: StorageFolder, *, force: bool) -> None:
        """Raise what ``write`` or ``put`` would raise because of the place; write nothing."""
        if folder.path is None:
            folder.require_new(self._items(plans))
        else:
            self.require_writable(plans, folder.path, force=force)

    def require_writable(self, plans: Mapping[str, ArchivePlan], folder: str, *, force: bool) -> None:
        """Raise what ``write`` would raise because of the folder; write nothing."""
        store, config_path = _places(folder)
        for needed in (store, os.path.dirname(config_path)):
            require_creatable_folder(needed)
        if os.path.isdir(store):
            for name, plan in plans.items():
                require_target(plan, os.path.join(store, name), force=force)
        if os.path.isdir(os.path.dirname(config_path)):
            require_replaceable_file(config_path, force=force)

    def write(self, plans: Mapping[str, ArchivePlan], folder: str, *, force: bool) -> ServingArtifact:
        """Write the archives by their file names, then config.properties.

        Each file appears only when it is complete; after an error, new folders that are empty are removed.
        """
        store, config_path = _places(folder)
        with new_folders(store, os.path.dirname(config_path)):
            archives = [_write(plan, os.path.join(store, name), force=force) for name, plan in plans.items()]
            with replacing_file(config_path, force=force) as file:
                file.write(self.config)
        return self._artifact(folder, archives, config_path)

    def put(self, plans: Mapping[str, ArchivePlan], folder: StorageFolder) -> ServingArtifact:
        """Make a new folder of the archives and config.properties, on the disk or in a store: whole or not at all.

        Where its files can only appear one by one, config.properties is the last. A process that is killed just
        then leaves archives without it: TorchServe, told of that file as KServe's runtime tells it, does not start
        [server], and no more does KServe's wrapper, which opens it first.
        """
        written = folder.put(self._items(plans))
        shown = str(folder) if folder.path is None else folder.path
        return self._artifact(shown, [each for each in written if each is not None], f"{shown}/{CONFIG_FILE}")

    def _items(self, plans: Mapping[str, ArchivePlan]) -> list[tuple[str, ArchivePlan | bytes]]:
        archives = [(f"{MODEL_STORE}/{name}", plan) for name, plan in plans.items()]
        return [*archives, (CONFIG_FILE, self.config)]

    def _artifact(self, folder: str, archives: Sequence[WriteResult], config_path: str) -> ServingArtifact:
        return ServingArtifact(
            folder=folder,
            archives=tuple(archives),
            config_path=config_path,
            snapshot=self.snapshot,
            warnings=(*self.warnings, *(warning for archive in archives for warning in archive.warnings)),
        )


def _write(plan: ArchivePlan, path: str, *, force: bool) -> WriteResult:
    try:
        return write_archive(plan, path, force=force)
    except MarpackError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise TargetError(path, f"cannot be written: {reason}; {what_is_left(error)}") from error


def custom_config(path: str, archives: Mapping[str, Manifest], *, torchserve_version: str | None) -> Deployment:
    """Take a user's own config.properties as it is.

    Raises ``ConfigError`` for what would not serve these archives, ``PlanError`` when it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"{path!r} cannot be read ({reason}): correct the path"
        raise PlanError([Issue(code="unreadable", argument="config_properties", message=message)]) from None
    findings = lint_config(data, file=path, torchserve_version=torchserve_version, archives=archives)
    warnings = settle(findings)
    # Parsed anew, in which settings have no lines: the rules look at the text, and of that give findings alone.
    return Deployment(config=data, snapshot=ServerConfig.loads(data).model_snapshot, warnings=warnings)


def settle(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return what the user must see as text; ``ConfigError`` when there are errors."""
    if errors := [finding for finding in findings if finding.severity == "error"]:
        raise ConfigError(errors)
    return tuple(each.sentence for each in for_writers(findings))


def _places(folder: str) -> tuple[str, str]:
    return os.path.join(folder, MODEL_STORE), os.path.join(folder, CONFIG_FILE)
