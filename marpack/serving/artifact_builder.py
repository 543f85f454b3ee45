"""The serving build of the Kaptain SDK: from a ``Model`` to the folder that KServe mounts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from marpack.archive.planning import plan_archive
from marpack.config.lint import lint_properties
from marpack.config.server_config import ServerConfig
from marpack.config.snapshot import ModelSnapshot, SnapshotEntry
from marpack.errors import ConfigError, Issue, PlanError
from marpack.serving.base_dir import BaseDir
from marpack.serving.deployment import CONFIG_FILE, ServingArtifact, custom_config, deploy
from marpack.serving.names import sanitize_string
from marpack.serving.serving_config import serving_files

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Unpack

    from marpack.archive.inputs import FileArgument
    from marpack.archive.layout import ArchiveFormat
    from marpack.archive.plan import ArchivePlan
    from marpack.config.snapshot import EntrySettings
    from marpack.serving.model import Model
    from marpack.serving.serving_config import ServingFiles

__all__ = ["ExportedModel", "TorchServingArtifactBuilder", "WrittenConfig"]

# A path, a URL, contents in any form that an archive takes, or a function that gives one of these.
ExportedModel: TypeAlias = "FileArgument | Callable[[], FileArgument]"

# Kaptain's numbers for each model. It left out what only later servers write.
_KAPTAIN_ENTRY: EntrySettings = {
    "min_workers": 1,
    "max_workers": 5,
    "batch_size": 1,
    "max_batch_delay": 5000,
    "response_timeout": 120,
    "startup_timeout": None,
    "runtime_type": None,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenConfig:
    """A config.properties that was written: it stands for its ``path``, and brings ``warnings`` along."""

    path: str
    warnings: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path


class TorchServingArtifactBuilder:
    """Builds what TorchServe needs to serve a model, from its ``serving_config``.

    ``serving_config`` has the keys ``model_file`` and ``handler``, which are mandatory; ``serialized_file``, else
    ``exported_model`` is packed; ``extra_files`` and ``requirements_file``, else those of the model; and
    ``config_properties``, else one is generated.
    """

    def __init__(
        self,
        model: Model,
        *,
        exported_model: ExportedModel | None = None,
        base_dir: str | os.PathLike[str] = ".",
        model_version: str = "1.0",
        torchserve_version: str | None = None,
        archive_format: ArchiveFormat = "default",
        timestamp: datetime | float | None = None,
        reproducible: bool = False,
        **settings: Unpack[EntrySettings],
    ) -> None:
        """Take a model.

        - ``exported_model``: the state_dict that training or tuning exported, for a ``serving_config`` without
          ``serialized_file``: a path, a URL (the ``remote`` extra: ``s3://``, ``gs://``, ``http://``,
          ``file://``), bytes, or a function that returns one of these and is called once, only when it is needed.
        - ``base_dir``: the folder that relative paths begin at, by default the current one.
        - ``model_version``: the version in the manifest and in the snapshot.
        - ``torchserve_version``: adapts the generated config.properties; see ``write_config_properties``.
        - ``archive_format``, ``timestamp``, ``reproducible``: as for ``marpack.pack``.
        - ``settings``: ``min_workers`` and the other ``EntrySettings``.
        """
        self.model = model
        self.exported_model = exported_model
        self.base_dir = os.fsdecode(base_dir)
        self.model_version = model_version
        self.torchserve_version = torchserve_version
        self.archive_format: ArchiveFormat = archive_format
        self.timestamp = timestamp
        self.reproducible = reproducible
        self.settings = settings

    def build(self, directory: str | os.PathLike[str], *, force: bool = False) -> ServingArtifact:
        """Make ``<directory>/model-store/<name>.mar`` and ``<directory>/config/config.properties``.

        The name is ``sanitize_string(model.id)``. ``force`` replaces an archive that exists; config.properties is
        always replaced. Raises ``PlanError`` for everything that is wrong with the model's files, ``ConfigError``
        for a config.properties that does not serve this archive, ``ArchiveExistsError``, ``TargetError``, and
        ``DownloadError`` for the exported model. Nothing is written before all of that is known.
        """
        files = serving_files(self.model, BaseDir(self.base_dir))
        plan = self._plan(files)
        config, snapshot, warnings = self._config(files, plan)
        return deploy(
            {plan.file_name: plan},
            config,
            os.fsdecode(directory),
            snapshot=snapshot,
            warnings=(*files.warnings, *warnings),
            force=force,
        )

    def _plan(self, files: ServingFiles) -> ArchivePlan:
        issues = list(files.issues)
        try:
            model_name = sanitize_string(self.model.id)
        except ValueError as error:
            model_name = "model"
            issues.append(Issue(code="bad-model-name", argument="id", message=str(error)))
        if files.serialized_file is None and self.exported_model is None:
            message = (
                "is missing from serving_config, and there is no exported model: "
                "add 'serialized_file', or give exported_model= a path, a URL or a function"
            )
            issues.append(Issue(code="missing-key", argument="serialized_file", message=message))

        def plan(weights: FileArgument | None) -> ArchivePlan:
            return plan_archive(
                model_name=model_name,
                handler=files.handler or "base_handler",
                version=self.model_version,
                model_file=files.model_file,
                serialized_file=weights,
                extra_files=files.extra_files,
                requirements_file=files.requirements_file,
                archive_format=self.archive_format,
                timestamp=self.timestamp,
                reproducible=self.reproducible,
            )

        try:
            planned = plan(files.serialized_file)
        except PlanError as error:
            raise PlanError([*issues, *error.issues]) from None
        if issues:
            raise PlanError(issues)
        if files.serialized_file is None:
            # Fetched last, when nothing else is wrong.
            given = self.exported_model() if callable(self.exported_model) else self.exported_model
            planned = plan(BaseDir(self.base_dir).file(given))
        return planned

    def _config(
        self, files: ServingFiles, plan: ArchivePlan
    ) -> tuple[bytes, ModelSnapshot | None, tuple[str, ...]]:
        """Return the config.properties, its snapshot, and what to warn of."""
        if files.config_properties is None:
            config, warnings = _generated(
                plan.model_name, plan.file_name, self.model_version, self.torchserve_version, self.settings
            )
            return config.dumps().encode("ascii"), config.model_snapshot, warnings
        return custom_config(
            files.config_properties, {plan.file_name: plan.manifest}, torchserve_version=self.torchserve_version
        )

    @staticmethod
    def write_config_properties(
        model_name: str,
        mar_name: str,
        directory: str | os.PathLike[str],
        *,
        model_version: str = "1.0",
        torchserve_version: str | None = None,
        **settings: Unpack[EntrySettings],
    ) -> WrittenConfig:
        """Write ``config.properties`` for one model into ``directory``, and return its path.

        The text is Kaptain's, value for value; a file that is there is replaced. ``torchserve_version`` adapts
        it to a release of TorchServe: from 0.5.3 on the envelope has another name, from 0.11.1 on a token is
        asked unless that is switched off. ``warnings`` of the result say what Kaptain's own text would break
        there. ``settings`` are ``min_workers`` and the other ``EntrySettings``. Raises ``ConfigError``
        for names that cannot be written for every reader.
        """
        config, warnings = _generated(model_name, mar_name, model_version, torchserve_version, settings)
        path = os.path.join(os.fsdecode(directory), os.path.basename(CONFIG_FILE))
        config.write(path)
        return WrittenConfig(path=path, warnings=warnings)


def _generated(
    model_name: str,
    mar_name: str,
    model_version: str,
    torchserve_version: str | None,
    settings: EntrySettings,
) -> tuple[ServerConfig, tuple[str, ...]]:
    """Return Kaptain's settings, adapted to a release, and what would not have worked there."""
    numbers: EntrySettings = {**_KAPTAIN_ENTRY, **settings}
    entry = SnapshotEntry(mar_name=mar_name, **numbers)
    snapshot = ModelSnapshot(models={model_name: {model_version: entry}})
    problems = [found for found in snapshot.validate() if found.severity == "error" or found.reader == "kserve"]
    if problems:
        raise ConfigError(problems)
    # Kaptain's servers knew neither switch.
    literal = ServerConfig.kaptain(
        model_snapshot=snapshot, disable_token_authorization=None, enable_model_api=None
    )
    if torchserve_version is None:
        return literal, ()
    warnings = tuple(
        f"Kaptain's text was adapted to TorchServe {torchserve_version}: {finding}"
        for finding in lint_properties(literal.properties(), torchserve_version=torchserve_version)
        if finding.severity == "error"
    )
    return literal.for_torchserve(torchserve_version), warnings
