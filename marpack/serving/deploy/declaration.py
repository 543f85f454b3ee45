"""Models declared in one file, TOML or JSON, and built into one folder."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from marpack.config.presets import PRESETS, Preset
from marpack.config.rules.document import ConfigTarget, is_kserve
from marpack.config.server_config import ServerConfig
from marpack.config.settings.keys import KEYS
from marpack.config.settings.redaction import redacted
from marpack.config.snapshot import ModelSnapshot
from marpack.errors import ConfigError, PlanError
from marpack.findings import Finding, Issue
from marpack.packing import CheckMode, require_check_mode
from marpack.remote.storage import StorageFolder
from marpack.serving.deploy.declared_model import DeclaredModel, declared_model
from marpack.serving.deploy.deployment import (
    MODEL_STORE,
    MOUNT,
    Deployment,
    ServingArtifact,
    custom_config,
    settle,
)
from marpack.serving.deploy.paths import BaseDir, storage_folder
from marpack.serving.deploy.planned import PlannedDeployment
from marpack.serving.deploy.tables import BOOL, PATH, TABLE, TEXT, Schema, table_issues

_PRESET: Preset = "kserve"
_TOP_KEYS: Schema = {
    "models": (),
    "preset": (TEXT,),
    "torchserve_version": (TEXT,),
    "settings": (TABLE,),
    "config_properties": (PATH,),
    "reproducible": (BOOL,),
}


def load_declaration(path: str | os.PathLike[str]) -> Any:
    """Read a declaration: TOML by its suffix, else JSON. Raises ``ConfigError`` for what is neither."""
    file = os.fsdecode(path)
    with open(path, "rb") as source:
        data = source.read()
    try:
        return _toml_loads(data.decode()) if file.endswith(".toml") else json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        problem = str(error) if isinstance(error, ValueError) else "nested too deeply"
    fix = "write JSON, or TOML into a file that ends in .toml"
    raise ConfigError([Finding(code="declaration", message=f"cannot be read: {problem}", fix=fix, file=file)])


def _toml_loads(text: str) -> dict[str, Any]:
    import tomllib  # for declarations in TOML alone

    return tomllib.loads(text)


def serve_build(
    declaration: Any,
    folder: str | os.PathLike[str] | StorageFolder,
    *,
    base_dir: str | os.PathLike[str] = ".",
    force: bool = False,
    timestamp: datetime | float | None = None,
    check: CheckMode = "off",
    torch: str | None = None,
) -> ServingArtifact:
    """Build all models of a declaration into ``<folder>/model-store`` and ``<folder>/config``.

    The declaration is a list of models, as KServe's ``properties.json``; a mapping with ``models``; or a mapping
    that is one model. Keys may be written with ``-`` or ``_``:

    - of a model: ``model_name`` or ``id``, ``version``, ``handler``, ``model_file``, ``serialized_file``,
      ``extra_files``, ``requirements_file`` or ``requirements``, ``config_file`` (a path or a table), ``runtime``,
      ``archive_format``, ``default_version``, ``min_workers``, ``max_workers``, ``batch_size``,
      ``max_batch_delay``, ``response_timeout``, ``startup_timeout``;
    - of the whole: ``preset`` (``kserve`` by default), ``torchserve_version``, ``settings`` (keys of
      config.properties) or ``config_properties`` (a file of one's own), ``reproducible``.

    Relative paths begin at ``base_dir``. A model whose files do not all lie there has them in the folder that is
    called like the model, as KServe's own generator of archives wants it: ``<base_dir>/<model name>/handler.py``.

    ``check`` is whether to ask ``marpack.check`` first, as for ``marpack.pack``, and for who runs the server:
    ``"warn"`` puts what it says into the ``findings`` of the result and of each archive, and ``"error"`` raises
    ``CheckError`` when there is an error among them. Weights at a URL are read for it, and again to be packed.
    ``torch`` is the version of the server's, by default that of the image of ``torchserve_version``.

    ``folder`` is a path, or a URL of a store (the ``remote`` extra), or a ``StorageFolder``, by which the store is
    given credentials and an endpoint. A folder of the disk may hold other archives already, and each file appears
    there when it is complete. In a store a new folder is made, whole or not at all (``StorageFolder.put``), and
    ``force`` changes nothing; the settings of the preset ``torchserve`` then need their ``model_store``.

    Raises ``PlanError`` for everything that is wrong with the models, ``ConfigError`` for settings, what
    ``write_archive`` raises, and ``UploadError``. Nothing is written before all models are known to be good.
    """
    require_check_mode(check)
    place = storage_folder(folder)
    planned = plan_serving(declaration, place, base_dir=base_dir, force=force, timestamp=timestamp)
    return planned.write(place, force=force, findings=planned.checked(check, torch=torch))


def plan_serving(
    declaration: Any,
    folder: StorageFolder | None,
    *,
    base_dir: str | os.PathLike[str],
    force: bool,
    timestamp: datetime | float | None,
) -> PlannedDeployment:
    """Do all of ``serve_build`` but the check and the writing, and raise what it raises.

    Without a ``folder`` it is for an image, which KServe mounts.
    """
    base = BaseDir(os.fsdecode(base_dir))
    top, models = _parts(declaration)
    issues = list(table_issues(top, _TOP_KEYS, "a declaration"))
    server = _server_config(top, folder, issues)
    if top.get("config_properties") and (other := {"preset", "settings"}.intersection(top)):
        message = f"has no effect beside config_properties, which is used as it is: remove {min(other)!r}"
        issues.append(_issue("bad-value", min(other), message))
    if not models:
        issues.append(_issue("missing-key", "models", "is empty: declare a model"))
    planned = []
    for number, model in enumerate(models):
        try:
            planned.append(declared_model(model, base, timestamp, reproducible=top.get("reproducible") is True))
        except PlanError as error:
            where = model.get("model_name") or model.get("id") or f"models[{number}]"
            issues += [replace(issue, argument=f"{where}: {issue.argument}") for issue in error.issues]
    files = _file_names(planned, issues)
    if issues:
        raise PlanError(issues)

    deployment = _deployment(top, server, files, base)
    plans = {name: item.build.plan for name, item in files.items()}
    if folder is not None:
        deployment.require_place(plans, folder, force=force)
    # Nothing is fetched before all else is known to be good.
    plans = {name: item.fetched() for name, item in files.items()}
    preset = None if top.get("config_properties") else top.get("preset") or _PRESET
    version = top.get("torchserve_version")
    return PlannedDeployment(plans=plans, deployment=deployment, preset=preset, torchserve_version=version)


def _server_config(top: Mapping[str, Any], folder: StorageFolder | None, issues: list[Issue]) -> ServerConfig:
    """Return the settings but for the models, which may still be wrong."""
    preset, version, table = (top.get(key) for key in ("preset", "torchserve_version", "settings"))
    if isinstance(preset, str) and preset not in PRESETS:
        message = f"{redacted('', preset)!r} is not known: choose from {', '.join(PRESETS)}"
        issues.append(_issue("bad-value", "preset", message))
    chosen: Preset = preset if preset in PRESETS else _PRESET
    known, extra = _settings(table if isinstance(table, Mapping) else {})
    if chosen == "torchserve" and folder is None:
        known.setdefault("model_store", f"{MOUNT}/{MODEL_STORE}")
    elif chosen == "torchserve" and folder is not None and folder.path is not None:
        known.setdefault("model_store", os.path.abspath(os.path.join(folder.path, MODEL_STORE)))
    elif chosen == "torchserve" and "model_store" not in known:
        message = (
            f"has no model_store: the server of the preset 'torchserve' is told the path of its store, and where "
            f"{str(folder)!r} will lie for it is yours to say: add it to settings, or choose another preset"
        )
        issues.append(_issue("missing-key", "settings", message))
    # The models are still to come: here is what is wrong whichever they are.
    base: dict[str, Any] = {"model_snapshot": ModelSnapshot(models={})}
    checked: list[Finding] = []
    for settings in ({**base, **known}, {**base, "extra": extra}):
        try:
            settle(ServerConfig.preset(chosen, **settings).validate())
        except ConfigError as error:
            checked += error.findings
    server = ServerConfig() if checked else ServerConfig.preset(chosen, **{**base, **known, "extra": extra})
    if isinstance(version, str):
        try:
            adapted = server.for_torchserve(version)
            # What is said outright is not adapted, but judged.
            said = known.get("management_address")
            server = replace(adapted, management_address=said) if said is not None else adapted
        except ConfigError as error:
            checked += error.findings
    issues += [finding.issue for finding in checked]
    return server


def _file_names(planned: list[DeclaredModel], issues: list[Issue]) -> dict[str, DeclaredModel]:
    """Name the files in the store: versions of one model need several, without dots (KServe's wrapper)."""
    names = Counter(item.plan.model_name for item in planned)
    files: dict[str, DeclaredModel] = {}
    for item in planned:
        stem, own = item.plan.model_name, item.plan.file_name
        name = own if names[stem] == 1 else f"{stem}-{item.version.replace('.', '-')}{own.removeprefix(stem)}"
        if name in files:
            message = f"version {item.version!r} is declared twice, or needs the same file, {name!r}: rename one"
            issues.append(_issue("collision", stem, message))
        files[name] = item
    for stem, count in names.items():
        if count > 1 and sum(item.is_default for item in planned if item.plan.model_name == stem) > 1:
            issues.append(_issue("collision", stem, "has several default versions: keep one default_version"))
    return files


def _deployment(
    top: Mapping[str, Any], server: ServerConfig, files: Mapping[str, DeclaredModel], base: BaseDir
) -> Deployment:
    manifests = {name: item.plan.manifest for name, item in files.items()}
    version = top.get("torchserve_version")
    places = tuple(warning for item in files.values() for warning in item.warnings)
    if own_config := base.path(top.get("config_properties")):
        deployment = custom_config(own_config, manifests, torchserve_version=version)
        return replace(deployment, warnings=(*places, *deployment.warnings))
    snapshot = ModelSnapshot.from_manifests(
        manifests,
        default_versions={item.plan.model_name: item.version for item in files.values() if item.is_default},
    )
    for item in files.values():
        snapshot = snapshot.updated(item.plan.model_name, item.version, **item.settings)
    server = replace(server, model_snapshot=snapshot)
    # Who chose KServe's preset by its name, and left its store alone, has the wrapper read the file.
    of_kserve = top.get("preset") == "kserve" and is_kserve(server.properties(), None)
    target: ConfigTarget | None = "kserve" if of_kserve else None
    warnings = settle(server.validate(torchserve_version=version, target=target, archives=manifests))
    return Deployment(config=server.dumps().encode("ascii"), snapshot=snapshot, warnings=(*places, *warnings))


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
        path = os.fsdecode(declaration) if isinstance(declaration, (str, os.PathLike)) else ""
        fix = ": read it with load_declaration" if path.lower().endswith((".toml", ".json")) else ""
        message = f"must be a table, not {type(declaration).__name__}{fix}"
        raise PlanError([_issue("bad-type", "declaration", message)])
    if not isinstance(models, list) or not all(isinstance(model, Mapping) for model in models):
        raise PlanError([_issue("bad-type", "models", "must be a list of tables: write [[models]]")])
    return top, [_plain(model) for model in models]


def _plain(table: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key).replace("-", "_"): value for key, value in table.items()}


def _settings(table: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of ``ServerConfig`` that keys of config.properties stand for, and the other keys."""
    known = {KEYS[key].attribute: value for key, value in table.items() if key in KEYS}
    return known, {key: _extra_text(value) for key, value in table.items() if key not in KEYS}


def _extra_text(value: object) -> object:
    """Return the text of a key that marpack does not know; what has none is refused as what it is."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _issue(code: str, argument: str, message: str) -> Issue:
    return Issue(code=code, argument=argument, message=message)
