"""The serving build of the Kaptain SDK: from a ``Model`` to the folder that KServe mounts."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

from marpack.archive.forms import ArchiveFormat
from marpack.archive.plan.plan import ArchivePlan
from marpack.config.lint import lint_properties
from marpack.config.server_config import ServerConfig
from marpack.config.settings.releases import TOKENS_ASKED, release
from marpack.config.snapshot import EntrySettings, ModelSnapshot, SnapshotEntry
from marpack.errors import ConfigError, PlanError
from marpack.findings import Issue
from marpack.packing import CheckMode, require_check_mode
from marpack.remote.source import RemoteSource
from marpack.remote.storage import StorageFolder
from marpack.remote.urls import is_url
from marpack.serving.deploy.deployment import CONFIG_FILE, Deployment, ServingArtifact, custom_config
from marpack.serving.deploy.model_build import ExportedModel, ModelBuild
from marpack.serving.deploy.names import sanitize_string
from marpack.serving.deploy.paths import BaseDir, require_local_folder, storage_folder
from marpack.serving.deploy.planned import PlannedDeployment
from marpack.serving.kaptain.artifacts.serving_config import ServingFiles, serving_files
from marpack.serving.kaptain.exports.stored_exports import newest_export, packed_file
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.exceptions import ModelPlanError, ModelValidationException

if TYPE_CHECKING:
    from typing import Unpack

# A name that the readers undo differently.
_UNWRITABLE = "snapshot-name-unwritable"

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


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingDraft:
    """A model and its settings, good as far as that is known before its weights are fetched."""

    build: ModelBuild
    deployment: Deployment
    preset: str | None
    torchserve_version: str | None

    @property
    def plans(self) -> dict[str, ArchivePlan]:
        """The archive by its file name, maybe without its weights."""
        return {self.build.plan.file_name: self.build.plan}

    def fetched(self) -> PlannedDeployment:
        """Return the whole, with weights that are asked for now; raises ``DownloadError``."""
        return PlannedDeployment(
            plans={self.build.plan.file_name: self.build.fetched()},
            deployment=self.deployment,
            preset=self.preset,
            torchserve_version=self.torchserve_version,
        )


class TorchServingArtifactBuilder:
    """Builds what TorchServe needs to serve a model, from its ``serving_config``.

    ``serving_config`` has the keys ``model_file`` and ``handler``, which are mandatory; ``serialized_file``, else
    ``exported_model`` is packed, else the newest export in the storage of the model's configuration;
    ``extra_files`` and ``requirements_file``, else those of the model; and ``config_properties``, else one is
    generated.
    """

    def __init__(
        self,
        model: DescribedModel,
        *,
        exported_model: ExportedModel | None = None,
        base_dir: str | os.PathLike[str] | None = None,
        model_version: str = "1.0",
        preset: Literal["kaptain", "kserve"] = "kaptain",
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
        - ``base_dir``: the folder that relative paths begin at, by default that of the model's configuration, and
          so the current one.
        - ``model_version``: the version in the manifest and in the snapshot.
        - ``preset``: which settings are generated, Kaptain's own or those of KServe's images (K333).
        - ``torchserve_version``: adapts the generated config.properties; see ``write_config_properties``.
        - ``archive_format``, ``timestamp``, ``reproducible``: as for ``marpack.pack``.
        - ``settings``: ``min_workers`` and the other ``EntrySettings``.
        """
        self.model = model
        self.exported_model = exported_model
        self.base_dir = os.fsdecode(model.config.base_dir if base_dir is None else base_dir)
        self.model_version = model_version
        self.preset = preset
        self.torchserve_version = torchserve_version
        self.archive_format: ArchiveFormat = archive_format
        self.timestamp = timestamp
        self.reproducible = reproducible
        self.settings = settings

    def build(
        self,
        directory: str | os.PathLike[str] | StorageFolder,
        *,
        force: bool = False,
        check: CheckMode = "off",
        torch: str | None = None,
    ) -> ServingArtifact:
        """Make ``<directory>/model-store/<name>.mar`` and ``<directory>/config/config.properties``.

        The name is ``sanitize_string(model.id)``. ``force`` replaces what exists of the two. ``directory`` may
        also be a URL, reached as the model's configuration says, or a ``StorageFolder``; in a store a new folder
        is made, as ``serve_build`` does.

        Raises ``PlanError`` for everything that is wrong with the model's files, ``ConfigError`` for a
        config.properties that does not serve this archive, ``ArchiveExistsError``, ``TargetError``,
        ``UploadError``, and ``DownloadError`` for the exported model. ``check`` is whether to ask
        ``marpack.check`` first, and ``torch`` the version of the server's, as for
        ``marpack.serving.serve_build``: ``"warn"`` puts what it says into ``findings``, and ``"error"`` raises
        ``CheckError`` for errors. Nothing is written before all of that is known.
        """
        require_check_mode(check)
        if isinstance(directory, str) and is_url(directory):
            directory = self.model.config.folder_at(directory)
        folder = storage_folder(directory)
        planned = self.planned(folder, force=force)
        return planned.write(folder, force=force, findings=planned.checked(check, torch=torch))

    def planned(self, folder: StorageFolder | None = None, *, force: bool = False) -> PlannedDeployment:
        """Do all of ``build`` but the check and the writing, and raise what it raises.

        Without a ``folder``, nothing is known yet of the place.
        """
        draft = self.draft()
        if folder is not None:
            draft.deployment.require_place(draft.plans, folder, force=force)
        # Nothing is fetched before all else is known to be good.
        return draft.fetched()

    def draft(self) -> ServingDraft:
        """Do all of ``build`` that needs no folder and fetches nothing, and raise what it raises of that."""
        files = serving_files(self.model, BaseDir(self.base_dir))
        build = self._build(files)
        return ServingDraft(
            build=build,
            deployment=self._deployment(files, build.plan),
            preset=self.preset if files.config_properties is None else None,
            torchserve_version=self.torchserve_version,
        )

    def _build(self, files: ServingFiles) -> ModelBuild:
        issues = list(files.issues)
        model_name = "model"
        try:
            model_name = sanitize_string(self.model.id)
        except ValueError as error:
            issues.append(Issue(code="bad-model-name", argument="id", message=str(error)))
        weights = files.serialized_file or self.exported_model
        if not weights and not self.model.serving_config.get("serialized_file"):
            weights = self._newest_export(issues)
        if isinstance(weights, str) and is_url(weights) and (options := self.model.config.options_for(weights)):
            weights = partial(RemoteSource.from_url, weights, **options)
        if files.config_properties is not None and not os.path.isfile(files.config_properties):
            message = f"{files.config_properties!r} is not a file: correct the path"
            issues.append(Issue(code="missing-file", argument="config_properties", message=message))
        try:
            return ModelBuild.of(
                weights,
                self.base_dir,
                issues,
                model_name=model_name,
                handler=files.handler,
                version=self.model_version,
                model_file=files.model_file,
                extra_files=files.extra_files,
                requirements_file=files.requirements_file,
                archive_format=self.archive_format,
                timestamp=self.timestamp,
                reproducible=self.reproducible,
            )
        except PlanError as error:
            raise ModelPlanError(error.issues) from None

    def _newest_export(self, issues: list[Issue]) -> ExportedModel | None:
        """Return what a trainer exported last (K12); None, with the reason noted, where there is nothing."""
        try:
            if self.exported_model is None and self.model.config.storage_problem() is None:
                export = newest_export(self.model)
                return partial(packed_file, export.folder, export.weights.name)
            message = (
                "is missing from serving_config, and there is neither an exported model nor a storage to look in: "
                "add 'serialized_file', give exported_model= a path, a URL or a function, or give the model a "
                "Config(base_model_storage_uri=)"
            )
        except PlanError as error:
            issues += error.issues
            return None
        except ModelValidationException as error:
            message = str(error)
        issues.append(Issue(code="missing-key", argument="serialized_file", message=message))
        return None

    def _deployment(self, files: ServingFiles, plan: ArchivePlan) -> Deployment:
        if files.config_properties is not None:
            manifests = {plan.file_name: plan.manifest}
            deployment = custom_config(
                files.config_properties, manifests, torchserve_version=self.torchserve_version
            )
        else:
            config, warnings = _generated(
                plan.model_name,
                plan.file_name,
                self.model_version,
                self.torchserve_version,
                self.settings,
                preset=self.preset,
            )
            data = config.dumps().encode("ascii")
            deployment = Deployment(config=data, snapshot=config.model_snapshot, warnings=warnings)
        return replace(deployment, warnings=(*files.warnings, *deployment.warnings))

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
        it to a release of TorchServe: from 0.5.3 on the envelope has another name, from 0.8.1 on KServe's wrapper
        takes the port of the management address, which goes to that of inference, and from 0.11.1 on a token is
        asked unless that is switched off. ``warnings`` of the result say what Kaptain's own text would break
        there. ``settings`` are ``min_workers`` and the other ``EntrySettings``. Raises ``ConfigError``
        for names that cannot be written for every reader.
        """
        config, warnings = _generated(model_name, mar_name, model_version, torchserve_version, settings)
        path = os.path.join(require_local_folder(directory), os.path.basename(CONFIG_FILE))
        config.write(path)
        return WrittenConfig(path=path, warnings=warnings)


def _generated(
    model_name: str,
    mar_name: str,
    model_version: str,
    torchserve_version: str | None,
    settings: EntrySettings,
    *,
    preset: Literal["kaptain", "kserve"] = "kaptain",
) -> tuple[ServerConfig, tuple[str, ...]]:
    """Return settings with Kaptain's numbers, adapted to a release, and what would not have worked there."""
    numbers: EntrySettings = {**_KAPTAIN_ENTRY, **settings}
    entry = SnapshotEntry(mar_name=mar_name, **numbers)
    snapshot = ModelSnapshot(models={model_name: {model_version: entry}})
    # Kaptain's servers knew neither switch.
    own = ServerConfig.kaptain(model_snapshot=snapshot, disable_token_authorization=None, enable_model_api=None)
    written, warnings = own, list[str]()
    if preset == "kserve":
        written = ServerConfig.kserve(model_snapshot=snapshot)
    elif torchserve_version is not None:
        written = own.for_torchserve(torchserve_version)
        if release(torchserve_version) >= TOKENS_ASKED:
            written = replace(written, disable_token_authorization=True, enable_model_api=False)
        warnings = _broken(own, written, torchserve_version)
    models = snapshot.validate()
    others = lint_properties(written.properties(), torchserve_version=torchserve_version, ignore="snapshot")
    findings = [*models, *others]
    if errors := [found for found in findings if found.severity == "error" or found.code == _UNWRITABLE]:
        raise ConfigError(errors)
    warnings += [found.sentence for found in models if found.severity == "warning"]
    return written, tuple(warnings)


def _broken(own: ServerConfig, written: ServerConfig, torchserve_version: str) -> list[str]:
    """Say what Kaptain's own text would break on a release."""
    left = {found.code for found in lint_properties(written.properties(), torchserve_version=torchserve_version)}
    return [
        f"Kaptain's text was adapted to TorchServe {torchserve_version}: {found.sentence}"
        for found in lint_properties(own.properties(), torchserve_version=torchserve_version)
        if found.severity == "error" and found.code not in left
    ]
