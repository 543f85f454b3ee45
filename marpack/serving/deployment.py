"""A folder that a server starts from: archives in ``model-store``, settings in ``config``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marpack.archive.write import check_path, write_archive
from marpack.config.lint import lint_config
from marpack.config.server_config import ServerConfig
from marpack.disk.atomic import check_file, replacing_file
from marpack.errors import ConfigError, TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marpack.archive.manifest import Manifest
    from marpack.archive.plan import ArchivePlan
    from marpack.archive.result import WriteResult
    from marpack.config.snapshot import ModelSnapshot

__all__ = ["CONFIG_FILE", "MODEL_STORE", "ServingArtifact", "custom_config", "deploy"]

# What KServe's wrapper looks for below the folder that it mounts.
MODEL_STORE = "model-store"
CONFIG_FILE = "config/config.properties"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingArtifact:
    """A folder that a server can start from, ready to be uploaded as it is.

    ``snapshot`` is None when a config.properties of the user's own has none. ``warnings`` are for the user.
    """

    directory: str
    archives: tuple[WriteResult, ...]
    config_path: str
    snapshot: ModelSnapshot | None
    warnings: tuple[str, ...] = ()

    @property
    def archive(self) -> WriteResult:
        """The archive of a single model."""
        [archive] = self.archives
        return archive


def custom_config(
    path: str, archives: Mapping[str, Manifest], *, torchserve_version: str | None
) -> tuple[bytes, ModelSnapshot | None, tuple[str, ...]]:
    """Return a user's own config.properties as it is, its snapshot, and what to warn of.

    Raises ``ConfigError`` for what would not serve these archives.
    """
    with open(path, "rb") as file:
        data = file.read()
    findings = lint_config(data, file=path, torchserve_version=torchserve_version, archives=archives)
    if errors := [finding for finding in findings if finding.severity == "error"]:
        raise ConfigError(errors)
    warnings = tuple(str(finding) for finding in findings if finding.severity == "warning")
    return data, ServerConfig.loads(data).model_snapshot, warnings


def deploy(
    plans: Mapping[str, ArchivePlan],
    config: bytes,
    directory: str,
    *,
    snapshot: ModelSnapshot | None,
    warnings: tuple[str, ...],
    force: bool,
) -> ServingArtifact:
    """Write archives by their file names, and config.properties; all targets are looked at first."""
    store = os.path.join(directory, MODEL_STORE)
    config_path = os.path.join(directory, CONFIG_FILE)
    for folder in (store, os.path.dirname(config_path)):
        try:
            os.makedirs(folder, exist_ok=True)
        except FileExistsError:
            raise TargetError(folder, "is a file where a folder is needed: move it away") from None
    for name, plan in plans.items():
        check_path(plan, os.path.join(store, name), force=force)
    check_file(config_path, force=True)

    archives = [write_archive(plan, os.path.join(store, name), force=force) for name, plan in plans.items()]
    with replacing_file(config_path, force=True) as file:
        file.write(config)
    return ServingArtifact(
        directory=directory,
        archives=tuple(archives),
        config_path=config_path,
        snapshot=snapshot,
        warnings=(*warnings, *(warning for archive in archives for warning in archive.warnings)),
    )
