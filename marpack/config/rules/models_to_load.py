"""Rules about what the server is told of the models that it loads: ``models``, and the archives themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from marpack.archive.manifest import Manifest
from marpack.config.rules.broken_json import FIX
from marpack.config.rules.document import Document
from marpack.config.rules.near import nearest_key
from marpack.config.rules.references import loaded, references
from marpack.config.rules.snapshot_text import (
    RUNTIME_TYPES,
    SnapshotText,
    as_int,
    entries_of,
    no_objects,
    objects_in,
)
from marpack.config.settings.environment import variables
from marpack.config.settings.other_keys import IN_MODELS
from marpack.config.text.plain_copy import INT_RANGE
from marpack.display import type_name
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

_UNUSED = "it ignores it, and takes the defaults"


@rule("archive-unreadable", "error")
def find_unreadable(place: Document | SnapshotText) -> Iterator[Finding]:
    """Hold nothing in the model store that looks like an archive and is none.

    The server leaves it out, and in a snapshot all models after it.
    """
    yield from place.store.unreadable if place.store else ()


@rule("variable-unknown", "note")
def find_unknown_variables(document: Document) -> Iterator[Finding]:
    """Give the variables that a ``model_snapshot`` mentions, to have its models looked at.

    The other rules on it find nothing then.
    """
    if names := variables(document.properties.get("model_snapshot", "")):
        message = f"needs {', '.join(names)} in the environment, and cannot be looked at without"
        yield find_unknown_variables.finding(message, "model_snapshot", fix="resolve it (--resolve, environ=)")


@rule("models-ignored", "warning")
def find_models(document: Document) -> Iterator[Finding]:
    """Write the numbers of models into ``model_snapshot``, where there is one.

    The server does not look at ``models`` for them (S1).
    """
    if document.models.are_set and "model_snapshot" in document.properties:
        message, effect = "stands beside model_snapshot", "it ignores it for the models of that"
        yield find_models.finding(message, "models", effect=effect, fix="write the numbers into model_snapshot")


@rule("models-loads-nothing", "warning")
def find_no_loading(document: Document) -> Iterator[Finding]:
    """Name the models of ``models`` in ``load_models``.

    ``models`` loads nothing by itself (P19). It is a note where models can be registered later.
    """
    others = "model_snapshot" in document.properties or document.properties.get("load_models")
    if document.models.are_set and not others:
        message, effect = "is there, and load_models is not set", "it loads nothing"
        severity: Severity = "note" if document.is_on("enable_model_api") else "warning"
        yield find_no_loading.finding(message, "models", effect=effect, fix="set load_models", severity=severity)


@rule("models-json", "error")
def find_no_json(document: Document) -> Iterator[Finding]:
    """Write ``models`` as strict JSON: an object of models, of objects of versions, of objects.

    Anything else ends the server, but for what its lenient parser takes: single quotes or none, comments, and in
    the innermost objects a key given twice (a warning) (P19).
    """
    models, line = document.models, document.line_of("models")
    if models.error is not None and (broken := document.broken_off.get("models")):
        yield find_no_json.finding(broken.message, "models", effect="it ends", fix=FIX)
    elif models.error is not None and not models.is_read:
        yield find_no_json.finding(f"is not JSON ({models.error})", "models", effect="it ends", fix="correct it")
    elif models.error is not None:
        message, effect = f"is not strict JSON ({models.error})", "its lenient parser takes it"
        fix = "write it with double quotes, and each key once"
        yield find_no_json.finding(message, "models", effect=effect, fix=fix, severity="warning")
    if models.are_set and models.is_read:
        for key, _, wanted, fix in no_objects(models.value, 'write {"name": {...}}', "write {...}"):
            yield find_no_json.finding(f"must be {wanted}", key, effect="it ends", fix=fix, line=line)


@rule("models-value", "error")
def find_values(document: Document) -> Iterator[Finding]:
    """Give the numbers of ``models`` as whole numbers of 32 bits, from 1 on, and a runtime that there is.

    Of others the server ends, or takes another number; what is below 1, a list, and an unknown runtime are the
    default, and ``minWorkers`` above ``maxWorkers`` is started all the same (warnings) (P19).
    """
    line = document.line_of("models")
    for place, values in entries_of(document.models.value):
        for wrong in _wrong_values(values):
            yield replace(wrong, key=f"{place}.{wrong.key}", line=line)


def _wrong_values(values: dict[str, Any]) -> Iterator[Finding]:
    default, numbers = "it takes the default", {}

    def found(name: str, message: str, *, effect: str, fix: str, severity: Severity = "warning") -> Finding:
        return find_values.finding(message, name, effect=effect, fix=fix, severity=severity)

    for name in IN_MODELS:
        if name not in values:
            continue
        value, number = values[name], as_int(values[name])
        if isinstance(value, list) and len(value) != 1:
            yield found(name, "is no number", effect=default, fix="write a number")
        elif number is None or number not in INT_RANGE:
            shown = "is null" if value is None else f"is {type_name(value)}, and not a number of 32 bits"
            effect = "it ends or takes another"
            yield found(name, shown, effect=effect, fix="write a number", severity="error")
        elif number <= 0:
            yield found(name, f"is {number}", effect=default, fix="write at least 1")
        else:
            numbers[name] = number
    runtime = values.get("runtimeType", "python")
    if runtime not in RUNTIME_TYPES:
        ends = runtime is None or isinstance(runtime, (dict, list))
        message, fix = f"{runtime!r:.200} is no runtime", f"choose from {', '.join(RUNTIME_TYPES)}"
        if ends:
            yield found("runtimeType", message, effect="it ends", fix=fix, severity="error")
        else:
            yield found("runtimeType", message, effect=default, fix=fix)
    if numbers.keys() >= {"minWorkers", "maxWorkers"} and numbers["minWorkers"] > numbers["maxWorkers"]:
        message = "is more than maxWorkers"
        yield found("minWorkers", message, effect="it ignores maxWorkers", fix="raise maxWorkers")


@rule("models-unused", "warning")
def find_unused(document: Document) -> Iterator[Finding]:
    """Write into ``models`` the names and versions of models that are loaded.

    The server gives the numbers to a model of exactly that name, in the version of its archive's manifest, and
    says nothing of others (P19).
    """
    if not document.properties.get("load_models") or not document.store:
        return
    models = loaded(document)
    if models is None or any(each.name is None for each in models):
        return
    versions: dict[str | None, set[str | None]] = {}
    for each in models:
        versions.setdefault(each.name, set()).add(each.version)
    line = document.line_of("models")
    for name, wanted in objects_in(document.models.value):
        there = versions.get(name)
        if there is None:
            known = ", ".join(sorted(map(str, versions))) or "none"
            near = nearest_key(name, filter(None, versions), likeness=0.8)
            message, fix = (
                f"no model of this name is loaded, but {known:.200}",
                "write the name of one, or load it",
            )
            fix = f"did you mean {near!r}?" if near else fix
            yield find_unused.finding(message, f"models.{name}", effect=_UNUSED, fix=fix, line=line)
        elif None not in there:
            for version in wanted.keys() - there:
                only = ", ".join(sorted(map(str, there)))
                message = f"no archive of this version is loaded, but {only:.200}"
                fix = f"write {min(map(str, there))!r} for the version"
                key = f"models.{name}.{version}"
                yield find_unused.finding(message, key, effect=_UNUSED, fix=fix, line=line)


@rule("models-ignored-key", "note")
def find_ignored_keys(document: Document) -> Iterator[Finding]:
    """Write nothing else into ``models``. The server ignores it (P19)."""
    line = document.line_of("models")
    for place, values in entries_of(document.models.value):
        for name in values:
            if name not in (*IN_MODELS, "runtimeType"):
                key, message = f"{place}.{name}", "is no setting of models"
                yield find_ignored_keys.finding(message, key, effect="it ignores it", fix="remove it", line=line)


@rule("requirements-ignored", "warning")
def find_requirements(document: Document) -> Iterator[Finding]:
    """Set ``install_py_dep_per_model=true`` where an archive has a requirements file.

    By default the server installs nothing, and says nothing.
    """
    for name, manifest in _loaded(document).items():
        if manifest.model.requirements_file and not document.is_on("install_py_dep_per_model"):
            message = f"{name!r} has a requirements file"
            fix = "set install_py_dep_per_model=true, or install the packages beforehand"
            yield find_requirements.finding(message, "install_py_dep_per_model", effect="it ignores it", fix=fix)


def _loaded(document: Document) -> Mapping[str, Manifest]:
    """Return the archives that are loaded when the server starts; all, as long as no setting names some."""
    archives = document.store.manifests if document.store else {}
    restored, listed = document.archives_to_restore, references(document)
    if restored is None and not listed:
        return archives
    names = {each.file for each in listed} if restored is None else set(restored)
    return {name: manifest for name, manifest in archives.items() if name in names}


RULES = rules_in(globals())
