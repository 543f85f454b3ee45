"""Rules about the models that the server is told to load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from marpack.archive.manifest import Manifest
from marpack.config.rules.document import Document
from marpack.config.rules.snapshot_text import RUNTIME_TYPES, SnapshotText, as_int, entries_of, no_objects
from marpack.config.settings.environment import variables
from marpack.config.settings.redaction import brief
from marpack.config.text.plain_copy import INT_RANGE
from marpack.display import HIDDEN, type_name
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# P18: what the server unpacks by its name; everything else it takes for a tgz.
_ARCHIVE_SUFFIXES = (".mar", ".tar.gz", ".tgz", ".model")

# P19
_MODEL_PARAMETERS = ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay", "responseTimeout", "startupTimeout")

_LEFT_OUT = "it leaves the model out"


@rule("archive-unreadable", "error")
def find_unreadable(place: Document | SnapshotText) -> Iterator[Finding]:
    """Hold nothing in the model store that looks like an archive and is none.

    The server leaves it out, and in a snapshot all models after it.
    """
    yield from place.store.unreadable if place.store else ()


@rule("load-models-ignored", "warning")
def find_load_models(document: Document) -> Iterator[Finding]:
    """Name all models in ``model_snapshot`` or in ``load_models``, not in both.

    The server restores a snapshot and nothing else (S1).
    """
    if document.properties.get("load_models") and "model_snapshot" in document.properties:
        message, fix = "stands beside model_snapshot", "name all models in one of the two"
        yield find_load_models.finding(message, "load_models", effect="it ignores it", fix=fix)


def _listed(document: Document) -> list[tuple[str, str, str]]:
    """Return each item of load_models (P18), with the name that it gives, and the file."""
    text = document.properties.get("load_models", "")
    items = [] if text.lower() == "all" else filter(None, text.split(","))
    split = [(item, *item.partition("=")) for item in items]
    return [(item, name, file) if equals else (item, "", item) for item, name, equals, file in split]


def _clean(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield the name and the file of each item without blanks, and how the file is shown."""
    for item, name, file in _listed(document):
        if item == item.strip() and file == file.strip():
            # The server splits the query of a URL too.
            yield name, file, HIDDEN if "://" in name else brief("load_models", file)


@rule("load-models-blank", "error")
def find_blanks(document: Document) -> Iterator[Finding]:
    """Separate the items of ``load_models`` by commas alone.

    A blank counts: the server looks for a file of that name (P18).
    """
    for item, _, file in _listed(document):
        if item != item.strip() or file != file.strip():
            message = f"{brief('load_models', item)!r} has a blank at its edge"
            fix = "remove the blanks after the commas"
            yield find_blanks.finding(message, "load_models", effect="it looks for a file of that name", fix=fix)


@rule("load-models-twice", "error")
def find_twice(document: Document) -> Iterator[Finding]:
    """Name each archive once. The server ends where two have one name and version (P18)."""
    seen = set()
    for name, file, shown in _clean(document):
        if (name, file) in seen:
            message, effect = f"{shown!r} is named twice", "it ends where name and version are the same"
            yield find_twice.finding(message, "load_models", effect=effect, fix="name it once")
        seen.add((name, file))


def _in_store(document: Document) -> Iterator[tuple[str, str, bool]]:
    """Yield the files that have to be in the store, how they are shown, and whether the name can be one there."""
    for _, file, shown in _clean(document):
        if "://" not in file and not file.startswith("/"):
            yield file, shown, ".." not in file and "/" not in file and file[:1] not in ("'", '"')


@rule("load-models-item", "error")
def find_items(document: Document) -> Iterator[Finding]:
    """Name in ``load_models`` what is in the model store, an absolute path, or a URL.

    What is not found is left out, with a warning in the log (P18).
    """
    for file, shown, is_name in _in_store(document):
        if not is_name:
            message, fix = f"{shown!r} is not found in the store", "write the file's name, nothing else"
            yield find_items.finding(message, "load_models", effect=_LEFT_OUT, fix=fix)
        elif document.store is not None and file not in document.store.names:
            message, fix = f"{shown!r} is not in the model store", "put the archive there or correct the name"
            yield find_items.finding(message, "load_models", effect=_LEFT_OUT, fix=fix)


@rule("load-models-suffix", "warning")
def find_suffixes(document: Document) -> Iterator[Finding]:
    """Let the names of archives end in ``.mar``.

    Whatever has a suffix that the server does not know is read as a gzip-compressed tar (P18).
    """
    for file, shown, is_name in _in_store(document) if document.store is None else ():
        if is_name and "." in file and not file.endswith(_ARCHIVE_SUFFIXES):
            message, effect = f"{shown!r} has no archive's suffix", "it reads it as a tgz, whatever it is"
            yield find_suffixes.finding(message, "load_models", effect=effect, fix="use the suffix .mar")


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

    Anything else ends the server (P19).
    """
    models, line = document.models, document.line_of("models")
    if models.error is not None:
        yield find_no_json.finding(f"is not JSON ({models.error})", "models", effect="it ends", fix="correct it")
    elif models.are_set:
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

    for name in _MODEL_PARAMETERS:
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


@rule("models-ignored-key", "note")
def find_ignored_keys(document: Document) -> Iterator[Finding]:
    """Write nothing else into ``models``. The server ignores it (P19)."""
    line = document.line_of("models")
    for place, values in entries_of(document.models.value):
        for name in values:
            if name not in (*_MODEL_PARAMETERS, "runtimeType"):
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
    restored, listed = document.archives_to_restore, _listed(document)
    if restored is None and not listed:
        return archives
    names = {file for _, _, file in listed} if restored is None else set(restored)
    return {name: manifest for name, manifest in archives.items() if name in names}


RULES = rules_in(globals())
