"""One model of a declaration: what of it is wrong, and what will pack it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from marpack.archive.plan.plan import ArchivePlan
from marpack.config.model_config import ModelConfig
from marpack.config.snapshot import EntrySettings, SnapshotEntry
from marpack.errors import ConfigError, DownloadError, PlanError
from marpack.findings import Issue
from marpack.frozen import frozen
from marpack.serving.deploy.layout import Layout
from marpack.serving.deploy.model_build import ModelBuild
from marpack.serving.deploy.names import sanitize_string
from marpack.serving.deploy.paths import BaseDir
from marpack.serving.deploy.tables import BOOL, LIST, PATH, REQUIREMENTS, TABLE, TEXT, Schema, table_issues

_ENTRY_KEYS = tuple(EntrySettings.__annotations__)

# KServe's properties.json has "requirements", Kaptain's serving_config "requirements_file".
_MODEL_KEYS: Schema = {
    "model_name": (TEXT,),
    "id": (TEXT,),
    "version": (TEXT,),
    "default_version": (BOOL,),
    "handler": (PATH,),
    "model_file": (PATH,),
    "serialized_file": (),
    "extra_files": (LIST,),
    "requirements": (REQUIREMENTS,),
    "requirements_file": (REQUIREMENTS,),
    "config_file": (PATH, TABLE),
    "runtime": (TEXT,),
    "archive_format": (TEXT,),
    **dict.fromkeys(_ENTRY_KEYS, ()),
}


@frozen
class DeclaredModel:
    """A model that can be packed, as soon as its weights are there."""

    build: ModelBuild
    is_default: bool
    settings: EntrySettings
    warnings: tuple[str, ...]

    @property
    def plan(self) -> ArchivePlan:
        """What is packed; of weights in a store it knows as much as is known before they are fetched."""
        return self.build.plan

    @property
    def version(self) -> str:
        """The version under which the server will know it."""
        return self.plan.manifest.model.served_version

    def fetched(self) -> ArchivePlan:
        """Return the plan when its weights are there; ``PlanError`` where they cannot be read."""
        try:
            return self.build.fetched()
        except DownloadError as error:
            where = f"{self.plan.model_name}: serialized_file"
            raise PlanError([_issue("unreadable", where, str(error))]) from error


def declared_model(
    model: dict[str, Any], base: BaseDir, timestamp: datetime | float | None, *, reproducible: bool
) -> DeclaredModel:
    """Plan what one table of a declaration says; ``PlanError`` for everything that is wrong with it."""
    issues = list(table_issues(model, _MODEL_KEYS, "a model"))
    if not model.get("handler"):
        issues.append(_issue("missing-key", "handler", "is missing: name a handler"))
    model_name = model.get("model_name")
    if not model_name and isinstance(model.get("id"), str):
        try:
            model_name = sanitize_string(model["id"])
        except ValueError as error:
            issues.append(_issue("bad-model-name", "id", str(error)))
    elif not model_name:
        issues.append(_issue("missing-key", "model_name", "is missing: name the model"))
    if model.get("requirements") and model.get("requirements_file"):
        issues.append(_issue("bad-value", "requirements", "is given twice, also as requirements_file: remove one"))
    settings = cast("EntrySettings", {key: model[key] for key in _ENTRY_KEYS if model.get(key) is not None})
    runtime: Any = model.get("runtime") or "python"
    known_runtime = runtime if isinstance(runtime, str) else "python"
    layout = Layout.of(model, model_name, base.folder, known_runtime)
    model = layout.settled(model)
    config_file = model.get("config_file")
    config: str | ModelConfig | None = None if isinstance(config_file, Mapping) else base.path(config_file)
    try:
        SnapshotEntry(mar_name="model.mar", **settings)
        if isinstance(config_file, Mapping):
            config = ModelConfig.from_dict(config_file)
    except ConfigError as error:
        issues += [finding.issue for finding in error.findings]
    try:
        build = ModelBuild.of(
            model.get("serialized_file"),
            base.folder,
            issues,
            model_name=model_name if isinstance(model_name, str) and model_name else "model",
            handler=base.handler(model.get("handler"), known_runtime),
            version=version if isinstance(version := model.get("version"), str) else "1.0",
            model_file=base.path(model.get("model_file")),
            extra_files=base.files(model.get("extra_files")),
            requirements_file=base.requirements(model.get("requirements_file") or model.get("requirements")),
            config_file=config,
            runtime=runtime,
            archive_format=model.get("archive_format") or "default",
            timestamp=timestamp,
            reproducible=reproducible,
        )
    except PlanError as error:
        raise PlanError(list(map(layout.explained, error.issues))) from None
    is_default = model.get("default_version") is True
    return DeclaredModel(build=build, is_default=is_default, settings=settings, warnings=tuple(layout.warnings))


def _issue(code: str, argument: str, message: str) -> Issue:
    return Issue(code=code, argument=argument, message=message)
