"""Models declared in one file, TOML or JSON, and built into one folder."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from marpack.archive.planning import plan_archive
from marpack.config.keys import KEYS
from marpack.config.model_config import ModelConfig
from marpack.config.server_config import PRESETS, ServerConfig
from marpack.config.snapshot import EntrySettings, ModelSnapshot, SnapshotEntry
from marpack.errors import ConfigError, Issue, PlanError
from marpack.serving.base_dir import BaseDir
from marpack.serving.deployment import MODEL_STORE, ServingArtifact, custom_config, deploy
from marpack.serving.names import sanitize_string
from marpack.serving.serving_config import unknown_keys

if TYPE_CHECKING:
    from datetime import datetime

    from marpack.archive.plan import ArchivePlan

__all__ = ["load_declaration", "serve_build"]

_ENTRY_KEYS = tuple(EntrySettings.__annotations__)
# KServe's properties.json has "requirements", Kaptain's serving_config "requirements_file".
_MODEL_KEYS = (
    "model_name",
    "id",
    "version",
    "default_version",
    "model_file",
    "handler",
    "serialized_file",
    "extra_files",
    "requirements",
    "requirements_file",
    "config_file",
    "runtime",
    "archive_format",
    *_ENTRY_KEYS,
)
_TOP_KEYS = ("models", "preset", "torchserve_version", "settings", "config_properties", "reproducible")


def load_declaration(path: str | os.PathLike[str]) -> Any:
    """Read a declaration: TOML by its suffix, else JSON. Raises ``ConfigError`` for what is neither."""
    from marpack.errors import Finding

    with open(path, "rb") as file:
        data = file.read()
    try:
        if os.fsdecode(path).endswith(".toml"):
            return _toml_loads(data.decode())
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        finding = Finding(
            code="declaration",
            severity="error",
            key="",
            message=f"cannot be read: {error}",
            fix="write TOML into a file that ends in .toml, JSON into any other",
            file=os.fsdecode(path),
        )
        raise ConfigError([finding]) from None


def _toml_loads(text: str) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        raise ValueError("TOML needs Python 3.11") from None
    return tomllib.loads(text)


def serve_build(
    declaration: Any,
    directory: str | os.PathLike[str],
    *,
    base_dir: str | os.PathLike[str] = ".",
    force: bool = False,
    timestamp: datetime | float | None = None,
) -> ServingArtifact:
    """Build all models of a declaration into ``<directory>/model-store`` and ``<directory>/config``.

    The declaration is a list of models, as KServe's ``properties.json``; a mapping with ``models``; or a mapping
    that is one model. Keys may be written with ``-`` or ``_``:

    - of a model: ``model_name`` or ``id``, ``version``, ``handler``, ``model_file``, ``serialized_file``,
      ``extra_files``, ``requirements_file`` or ``requirements``, ``config_file`` (a path or a table), ``runtime``,
      ``archive_format``, ``default_version``, ``min_workers``, ``max_workers``, ``batch_size``,
      ``max_batch_delay``, ``response_timeout``, ``startup_timeout``;
    - of the whole: ``preset`` (``kserve`` by default), ``torchserve_version``, ``settings`` (keys of
      config.properties) or ``config_properties`` (a file of one's own), ``reproducible``.

    Raises ``PlanError`` for everything that is wrong with the models, ``ConfigError`` for settings, and what
    ``write_archive`` raises. Nothing is written before all models are known to be good.
    """
    directory = os.fsdecode(directory)
    base = BaseDir(os.fsdecode(base_dir))
    top, models = _parts(declaration)
    issues = list(unknown_keys(top, _TOP_KEYS, "a declaration"))
    if (preset := top.get("preset", "kserve")) not in PRESETS:
        issues.append(_issue("bad-value", "preset", f"{preset!r} is not known: choose from {', '.join(PRESETS)}"))
    if not models:
        issues.append(_issue("missing-key", "models", "is empty: declare a model"))
    planned: list[_Planned] = []
    for number, model in enumerate(models):
        try:
            planned.append(_plan(model, base, timestamp, reproducible=bool(top.get("reproducible"))))
        except PlanError as error:
            where = model.get("model_name") or model.get("id") or f"models[{number}]"
            issues += [replace(issue, argument=f"{where}: {issue.argument}") for issue in error.issues]
    if issues:
        raise PlanError(issues)
    names = Counter(item.plan.model_name for item in planned)
    files = {item.file_name(alone=names[item.plan.model_name] == 1): item for item in planned}
    snapshot = _snapshot(files)
    plans = {name: item.plan for name, item in files.items()}
    manifests = {name: plan.manifest for name, plan in plans.items()}
    version = top.get("torchserve_version")
    if top.get("config_properties"):
        config, own, warnings = custom_config(
            base.path(top["config_properties"]) or "", manifests, torchserve_version=version
        )
        return deploy(plans, config, directory, snapshot=own, warnings=warnings, force=force)
    settings = _settings(top.get("settings", {}))
    if preset == "torchserve":
        settings.setdefault("model_store", os.path.abspath(os.path.join(directory, MODEL_STORE)))
    server = ServerConfig.preset(preset, **{"model_snapshot": snapshot, **settings})
    if version is not None:
        server = server.for_torchserve(version)
    findings = server.validate(torchserve_version=version, archives=manifests)
    if errors := [finding for finding in findings if finding.severity == "error"]:
        raise ConfigError(errors)
    warnings = tuple(str(finding) for finding in findings if finding.severity == "warning")
    return deploy(
        plans, server.dumps().encode("ascii"), directory, snapshot=snapshot, warnings=warnings, force=force
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Planned:
    """A model that can be packed."""

    plan: ArchivePlan
    version: str
    is_default: bool
    settings: EntrySettings

    def file_name(self, *, alone: bool) -> str:
        """Return the name in the store: versions of one model need several, without dots (KServe's wrapper)."""
        own, stem = self.plan.file_name, self.plan.model_name
        return own if alone else f"{stem}-{self.version.replace('.', '-')}{own.removeprefix(stem)}"


def _parts(declaration: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what a declaration says of the whole, and of each model."""
    models: Any
    if isinstance(declaration, list):
        top, models = {}, declaration
    elif isinstance(declaration, Mapping):
        top = _plain(declaration)
        if "models" in top:
            models = top.pop("models")
        else:
            models = [{key: top.pop(key) for key in list(top) if key not in _TOP_KEYS}]
    else:
        raise PlanError([_issue("bad-type", "declaration", f"must be a table, not {type(declaration).__name__}")])
    if not isinstance(models, list) or not all(isinstance(model, Mapping) for model in models):
        raise PlanError([_issue("bad-type", "models", "must be a list of tables: write [[models]]")])
    return top, [_plain(model) for model in models]


def _plain(table: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key).replace("-", "_"): value for key, value in table.items()}


def _plan(
    model: dict[str, Any], base: BaseDir, timestamp: datetime | float | None, *, reproducible: bool
) -> _Planned:
    issues = list(unknown_keys(model, _MODEL_KEYS, "a model"))
    if not model.get("handler"):
        issues.append(_issue("missing-key", "handler", "is missing: name a handler"))
    model_name = model.get("model_name")
    if not model_name and model.get("id"):
        try:
            model_name = sanitize_string(str(model["id"]))
        except ValueError as error:
            issues.append(_issue("bad-model-name", "id", str(error)))
    elif not model_name:
        issues.append(_issue("missing-key", "model_name", "is missing: name the model"))
    if model.get("requirements") and model.get("requirements_file"):
        issues.append(_issue("bad-value", "requirements", "is given twice, also as requirements_file: remove one"))
    settings = cast("EntrySettings", {key: model[key] for key in _ENTRY_KEYS if key in model})
    if "min_workers" in settings:
        settings.setdefault("max_workers", settings["min_workers"])
    config_file = model.get("config_file")
    try:
        SnapshotEntry(mar_name="model.mar", **settings)
        config = ModelConfig.from_dict(config_file) if isinstance(config_file, Mapping) else base.file(config_file)
    except ConfigError as error:
        issues += [_issue(each.code, each.key, f"{each.message}: {each.fix}") for each in error.findings]
        config = None
    version = model.get("version", "1.0")
    try:
        plan = plan_archive(
            model_name=model_name or "model",
            handler=base.handler(model.get("handler")) or "base_handler",
            version=version,
            model_file=base.path(model.get("model_file")),
            serialized_file=base.file(model.get("serialized_file")),
            extra_files=base.files(model.get("extra_files")),
            requirements_file=base.requirements(model.get("requirements_file") or model.get("requirements")),
            config_file=config,
            runtime=model.get("runtime", "python"),
            archive_format=model.get("archive_format", "default"),
            timestamp=timestamp,
            reproducible=reproducible,
        )
    except PlanError as error:
        raise PlanError([*issues, *error.issues]) from None
    if issues:
        raise PlanError(issues)
    return _Planned(plan=plan, version=version, is_default=model.get("default_version") is True, settings=settings)


def _snapshot(files: Mapping[str, _Planned]) -> ModelSnapshot:
    snapshot = ModelSnapshot.from_manifests(
        {name: item.plan.manifest for name, item in files.items()},
        default_versions={item.plan.model_name: item.version for item in files.values() if item.is_default},
    )
    for item in files.values():
        version = item.plan.manifest.model.model_version or "1.0"
        snapshot = snapshot.updated(item.plan.model_name, version, **item.settings)
    return snapshot


def _settings(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``ServerConfig`` that keys of config.properties stand for."""
    attributes = {key.name: key.attribute for key in KEYS.values()}
    known = {attributes[key]: value for key, value in table.items() if key in attributes}
    extra = {key: str(value) for key, value in table.items() if key not in attributes}
    return {**known, **({"extra": extra} if extra else {})}


def _issue(code: str, argument: str, message: str) -> Issue:
    return Issue(code=code, argument=argument, message=message)
