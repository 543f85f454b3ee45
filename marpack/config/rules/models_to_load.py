"""Rules about the models that the server is told to load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from marpack import strict_json
from marpack.config.rules.snapshot import INT_RANGE, RUNTIME_TYPES, Store, as_int, json_type, lint_snapshot
from marpack.config.settings.environment import variables
from marpack.config.settings.redaction import brief
from marpack.display import HIDDEN
from marpack.findings import Finding

if TYPE_CHECKING:
    from marpack.archive.manifest import Manifest
    from marpack.config.rules.server import Server

__all__ = ["find_load_models", "find_models", "find_requirements", "find_snapshot"]

# P18: what the server unpacks by its name; everything else it takes for a tgz.
_ARCHIVE_SUFFIXES = (".mar", ".tar.gz", ".tgz", ".model")

_MODEL_PARAMETERS = (
    "minWorkers",
    "maxWorkers",
    "batchSize",
    "maxBatchDelay",
    "responseTimeout",
    "startupTimeout",
)


def find_load_models(server: Server) -> Iterator[Finding]:
    """Find items of load_models that load nothing (P18)."""
    text = server.properties.get("load_models")
    if not text:
        return
    key = "load_models"
    if "model_snapshot" in server.properties:
        message = "is ignored beside model_snapshot"
        yield Finding.warning("load-models-ignored", key, message, "name all models in one of the two")
    if text.lower() == "all":
        return
    seen = set()
    for item, name, file in _load_items(text):
        # The server splits the query of a URL too.
        shown = HIDDEN if "://" in name else brief(key, file)
        if item != item.strip() or file != file.strip():
            message = f"{brief(key, item)!r} has a blank at its edge, and the server looks for a file of that name"
            yield Finding.error("load-models-blank", key, message, "remove the blanks after the commas")
            continue
        if (name, file) in seen:
            message = f"{shown!r} is named twice; the server ends where name and version are the same"
            yield Finding.error("load-models-twice", key, message, "name it once")
        seen.add((name, file))
        if "://" in file or file.startswith("/"):
            continue
        if ".." in file or "/" in file or file[:1] in ("'", '"'):
            message = f"{shown!r} is not found in the store, and the model is left out"
            yield Finding.error("load-models-item", key, message, "write the file's name, nothing else")
        elif server.store is not None and file not in server.store.names:
            message = f"{shown!r} is not in the model store, and the model is left out"
            yield Finding.error("load-models-item", key, message, "put the archive there or correct the name")
        elif server.store is None and "." in file and not file.endswith(_ARCHIVE_SUFFIXES):
            message = f"{shown!r} is read as a tgz, whatever it is"
            yield Finding.warning("load-models-suffix", key, message, "use the suffix .mar")


def _load_items(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each item of load_models (P18), with the name that it gives, and the file."""
    for item in filter(None, text.split(",")):
        name, equals, file = item.partition("=")
        yield (item, name, file) if equals else (item, "", item)


def find_snapshot(server: Server) -> Iterator[Finding]:
    """Find what is wrong with the snapshot."""
    text = server.properties.get("model_snapshot")
    if text is None:
        return
    if names := variables(text):
        message = f"needs {', '.join(names)} in the environment, and cannot be looked at without"
        yield Finding.note("variable-unknown", "model_snapshot", message, "resolve it (--resolve, environ=)")
        return
    store = server.store or Store(frozenset(), {})
    for finding in lint_snapshot(text, store.manifests if server.store else None, names=store.names):
        key = ".".join(filter(None, ("model_snapshot", finding.key)))
        if finding.reader == "kserve" and not server.is_kserve:
            continue
        yield replace(finding, key=key)


def find_models(server: Server) -> Iterator[Finding]:
    """Find what is wrong with the settings of models (P19)."""
    text = server.properties.get("models")
    if text is None or variables(text):
        return
    if "model_snapshot" in server.properties:
        message = "is ignored for the models of model_snapshot"
        yield Finding.warning("models-ignored", "models", message, "write the numbers into model_snapshot")
    elif not server.properties.get("load_models"):
        message = "loads nothing by itself, and load_models is not set"
        kind = Finding.note if server.is_on("enable_model_api") else Finding.warning
        yield kind("models-loads-nothing", "models", message, "set load_models")
    try:
        models = strict_json.loads(text)
    except strict_json.StrictJSONError as error:
        yield Finding.error("models-json", "models", f"is not JSON ({error}), and the server ends", "correct it")
        return
    if not isinstance(models, dict):
        yield Finding.error(
            "models-json", "models", "must be an object, and the server ends", 'write {"name": {...}}'
        )
        return
    for name, versions in models.items():
        if not isinstance(versions, dict):
            message = "must be an object of versions, and the server ends"
            yield Finding.error("models-json", f"models.{name}", message, 'write {"1.0": {...}}')
            continue
        for version, values in versions.items():
            place = f"models.{name}.{version}"
            if isinstance(values, dict):
                yield from _parameter_findings(place, values)
            else:
                yield Finding.error("models-json", place, "must be an object, and the server ends", "write {...}")


def _parameter_findings(place: str, values: dict[str, Any]) -> Iterator[Finding]:
    # P19
    numbers = {}
    for name in _MODEL_PARAMETERS:
        if name not in values:
            continue
        key, value = f"{place}.{name}", values[name]
        number = as_int(value)
        if isinstance(value, list) and len(value) != 1:
            yield Finding.warning("models-value", key, "is no number, and the default is taken", "write a number")
        elif number is None or number not in INT_RANGE:
            shown = "is null" if value is None else f"is {json_type(value)} and no number of 32 bits"
            yield Finding.error(
                "models-value", key, f"{shown}, and the server ends or takes another", "write a number"
            )
        elif number <= 0:
            yield Finding.warning(
                "models-value", key, f"is {number}, and the default is taken", "write at least 1"
            )
        else:
            numbers[name] = number
    runtime = values.get("runtimeType", "python")
    if runtime not in RUNTIME_TYPES:
        ends = runtime is None or isinstance(runtime, (dict, list))
        kind, effect = (Finding.error, "the server ends") if ends else (Finding.warning, "the default is taken")
        message = f"{runtime!r:.200} is no runtime, and {effect}"
        yield kind("models-value", f"{place}.runtimeType", message, f"choose from {', '.join(RUNTIME_TYPES)}")
    if numbers.keys() >= {"minWorkers", "maxWorkers"} and numbers["minWorkers"] > numbers["maxWorkers"]:
        message = "is more than maxWorkers, which the server then ignores"
        yield Finding.warning("models-value", f"{place}.minWorkers", message, "raise maxWorkers")
    for name in values:
        if name not in (*_MODEL_PARAMETERS, "runtimeType"):
            yield Finding.note("models-ignored-key", f"{place}.{name}", "is ignored here", "remove it")


def find_requirements(server: Server) -> Iterator[Finding]:
    """Find requirements that nobody installs."""
    if server.is_on("install_py_dep_per_model"):
        return
    for name, manifest in _loaded(server).items():
        if manifest.model.requirements_file:
            yield Finding.warning(
                "requirements-ignored",
                "install_py_dep_per_model",
                f"{name!r} has a requirements file, which the server ignores",
                "set install_py_dep_per_model=true, or install the packages beforehand",
            )


def _loaded(server: Server) -> Mapping[str, Manifest]:
    """Return the archives that are loaded when the server starts; all, as long as no setting names some."""
    archives = server.store.manifests if server.store else {}
    restored, listed = server.archives_to_restore, server.properties.get("load_models", "")
    if restored is not None:
        names = set(restored)
    elif listed and listed.lower() != "all":
        names = {file for _, _, file in _load_items(listed)}
    else:
        return archives
    return {name: manifest for name, manifest in archives.items() if name in names}
