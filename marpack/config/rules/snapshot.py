"""What a server makes of a snapshot: what stops it, and what it ignores or takes otherwise than it looks (S10)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Set
from typing import TYPE_CHECKING, Any, NamedTuple

from marpack import strict_json
from marpack.config.settings.environment import variables
from marpack.config.settings.keys import whole_number
from marpack.config.settings.redaction import brief
from marpack.errors import SnapshotError
from marpack.findings import Finding

if TYPE_CHECKING:
    from marpack.archive.manifest import Manifest


__all__ = [
    "INTEGERS",
    "INT_RANGE",
    "OPTIONAL_INTEGERS",
    "REQUIRED",
    "RUNTIME_TYPES",
    "Store",
    "as_int",
    "as_whole",
    "entry_findings",
    "is_default",
    "json_type",
    "lint_snapshot",
    "load_snapshot",
    "shape_findings",
    "value_findings",
]

# S3: not the manifest's, which may also be in capitals.
RUNTIME_TYPES = ("python", "python3", "LSP")

# S3: the keys of a model version, by what they hold.
INTEGERS = ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay")
OPTIONAL_INTEGERS = ("responseTimeout", "startupTimeout", "parallelLevel")
REQUIRED = ("defaultVersion", "marName", *INTEGERS)


INT_RANGE = range(-(1 << 31), 1 << 31)


class Store(NamedTuple):
    """What is known of a model store: the names in it, and the manifests of the archives that can be read."""

    names: Set[str]
    manifests: Mapping[str, Manifest]


def json_type(value: object) -> str:
    """Name a JSON value's type for a message."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a truth value", type(None): "null"}
    is_number = isinstance(value, (int, float))
    return names.get(type(value), "a number" if is_number else f"a {type(value).__name__}")


def as_int(value: object) -> int | None:
    """Return the integer that the server takes a JSON value for (S7), None where it fails."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return whole_number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if math.isfinite(value) else None


def as_whole(value: object) -> int | None:
    """Return the integer where the server takes no fraction and no list, but also a text like ``5.0`` (S7)."""
    if isinstance(value, list) or (isinstance(value, float) and not value.is_integer()):
        return None
    return as_int(re.sub(r"\.0*\Z", "", value) if isinstance(value, str) else value)


def is_default(values: Mapping[str, Any]) -> bool:
    """Tell what the server takes ``defaultVersion`` for: Java's reading of its text."""
    return str(values.get("defaultVersion")).lower() == "true"


def shape_findings(document: dict[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with the form of a document, above all what is missing or of a wrong type."""
    models = document.get("models")
    if not isinstance(models, dict):
        what = f"must be an object, not {json_type(models)}" if "models" in document else "is missing"
        yield Finding.error("snapshot-models", "models", f"{what}, and the server ends", 'add "models": {}')
        return
    count = 0
    for name, versions in models.items():
        if not isinstance(versions, dict):
            message = f"must be an object of versions, not {json_type(versions)}, and the server ends"
            yield Finding.error("snapshot-models", f"models.{name}", message, 'write {"1.0": {...}}')
            continue
        count += len(versions)
        for version, values in versions.items():
            key = f"models.{name}.{version}"
            if isinstance(values, dict):
                yield from entry_findings(values, key)
            else:
                message = f"must be an object, not {json_type(values)}, and the server ends"
                yield Finding.error("snapshot-models", key, message, "give its settings")
    yield from _count_findings(document, count)
    if "created" in document and document["created"] is not None and as_whole(document["created"]) is None:
        message = "must be a whole number of milliseconds, and the server ends"
        yield Finding.error("snapshot-created", "created", message, "correct it or leave it out")
    if isinstance(document.get("name"), (dict, list)):
        message = f"must be a string, not {json_type(document['name'])}, and the server ends"
        yield Finding.error("snapshot-own-name", "name", message, "write startup.cfg")


def _count_findings(document: dict[str, Any], count: int) -> Iterator[Finding]:
    stated = document.get("modelCount")
    number = as_whole(stated)
    fix = f"write {count}"
    if stated is not None and (number is None or number not in INT_RANGE):
        yield Finding.error(
            "snapshot-count-type", "modelCount", "must be a whole number, and the server ends", fix
        )
    elif count and (number is None or number <= 0):
        what = "is missing" if stated is None else f"is {number}"
        yield Finding.error("snapshot-count", "modelCount", f"{what}, and the server loads no model at all", fix)
    elif number is not None and number != count:
        message = f"is {number}, but there are {count} model versions; the server does not compare"
        yield Finding.warning("snapshot-count-differs", "modelCount", message, fix)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _path(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def entry_findings(values: Mapping[str, Any], key: str) -> Iterator[Finding]:
    """Yield what is wrong with the form of one model version."""
    for name in REQUIRED:
        if values.get(name) is None:
            what = "is null" if name in values else "is missing"
            yield Finding.error(
                "snapshot-missing", _path(key, name), f"{what}, and the server ends", "give it a value"
            )
    for name in (*INTEGERS, *OPTIONAL_INTEGERS):
        value = values.get(name)
        if value is None:
            if name == "parallelLevel" and name in values:
                yield Finding.error(
                    "snapshot-missing", _path(key, name), "is null, and the server ends", "leave it out"
                )
            continue
        number = as_int(value)
        if number is None:
            message = f"must be a whole number, not {json_type(value)}, and the server ends"
            yield Finding.error("snapshot-integer", _path(key, name), message, "write the number")
        elif number not in INT_RANGE:
            message = "does not fit 32 bits, and the server takes another number"
            yield Finding.error("snapshot-integer", _path(key, name), message, "write a smaller number")
        elif not _is_int(value):
            message = f"is {json.dumps(value)}, which the server takes for {number}"
            yield Finding.warning("snapshot-number-form", _path(key, name), message, f"write {number}")
    default = values.get("defaultVersion")
    if isinstance(default, (dict, list)):
        message = f"must be true or false, not {json_type(default)}, and the server ends"
        yield Finding.error("snapshot-default-type", _path(key, "defaultVersion"), message, "write true or false")
    elif default is not None and not isinstance(default, bool):
        meant = "true" if is_default(values) else "false"
        message = f"is {json_type(default)}, which the server takes for {meant}"
        yield Finding.warning("snapshot-number-form", _path(key, "defaultVersion"), message, "write true or false")
    mar_name = values.get("marName")
    if mar_name is not None and not isinstance(mar_name, str):
        message = f"must be a string, not {json_type(mar_name)}"
        yield Finding.error("snapshot-mar-name", _path(key, "marName"), message, "name the archive's file")
    runtime = values.get("runtimeType")
    if "runtimeType" in values and runtime not in RUNTIME_TYPES:
        message = f"{runtime!r:.200} is not a runtime, and the server ends"
        yield Finding.error(
            "snapshot-runtime", _path(key, "runtimeType"), message, f"choose from {', '.join(RUNTIME_TYPES)}"
        )


def value_findings(document: Mapping[str, Any], store: Store | None) -> Iterator[Finding]:
    """Yield what is wrong with the values of a well-formed document, and with what they say of the archives."""
    models: Mapping[str, Mapping[str, Mapping[str, Any]]] = document["models"]
    registered: dict[tuple[str, str], str] = {}
    if not models:
        yield Finding.warning("snapshot-empty", "models", "holds no model, so the server loads none", "add models")
    for name, versions in models.items():
        key = f"models.{name}"
        yield from _name_findings(name, key, "model name")
        yield from _default_findings(versions, key)
        for version, values in versions.items():
            place = f"{key}.{version}"
            yield from _name_findings(version, place, "version")
            yield from _number_findings(values, place)
            yield from _mar_name_findings(values["marName"], place)
            mar_name = values["marName"]
            manifest = store.manifests.get(mar_name) if store else None
            # What is registered: the version of the manifest, and where that is not known, one for each archive.
            identity = f"archive {mar_name}"
            if manifest is not None:
                identity = manifest.model.served_version
                yield from _manifest_findings(name, version, identity, manifest, place)
            elif store and mar_name not in store.names:
                message = f"{brief('', mar_name)!r} is not in the model store, and the server ends"
                fix = "put the archive there or correct the name"
                yield Finding.error("snapshot-archive-missing", f"{place}.marName", message, fix)
            if (other := registered.setdefault((name, identity), place)) != place:
                message = f"registers the same version as {other}, and the server ends"
                fix = "name an archive of another version, or remove one of them"
                yield Finding.error("snapshot-same-version", place, message, fix)


def _default_findings(versions: Mapping[str, Mapping[str, Any]], key: str) -> Iterator[Finding]:
    count = sum(is_default(values) for values in versions.values())
    if versions and count != 1:
        what, which = (f"{count} versions are", "last") if count else ("no version is", "first")
        message = f"{what} the default, and the server takes the one that it registers {which}"
        yield Finding.error("snapshot-defaults", key, message, "set defaultVersion to true for exactly one")


def _name_findings(name: str, key: str, what: str) -> Iterator[Finding]:
    yield from _variable_findings(name, key, what)
    if not name:
        yield Finding.error("snapshot-name", key, f"the {what} is empty, and no request can reach it", "name it")
    elif "/" in name:
        yield Finding.error(
            "snapshot-name",
            key,
            f"the {what} {name!r:.200} has a '/': the model loads, but no request can reach or remove it",
            "rename it",
        )
    else:
        yield from _escape_findings(name, key, what)


def _variable_findings(name: str, key: str, what: str) -> Iterator[Finding]:
    if variables(name):
        message = f"the {what} {name!r:.200} has a $$NAME$$, which the server replaces, or ends at"
        yield Finding.error("snapshot-variable", key, message, "rename it")
    try:
        name.encode()
    except UnicodeEncodeError:
        yield Finding.error("snapshot-name", key, f"the {what} {name!r:.200} is not valid Unicode", "rename it")


def _escape_findings(name: str, key: str, what: str) -> Iterator[Finding]:
    if not name.isprintable() or '"' in name or "\\" in name:
        yield Finding(
            code="snapshot-name-unwritable",
            severity="warning",
            key=key,
            message=f"the {what} {name!r:.200} needs an escape, and the readers undo it differently",
            fix="rename it, or write the file with style='java'",
            reader="kserve",
        )


def _number_findings(values: Mapping[str, Any], key: str) -> Iterator[Finding]:
    # S10: what was seen on a running server for each number.
    numbers = {name: as_int(values.get(name)) for name in (*INTEGERS, *OPTIONAL_INTEGERS)}
    low, high = numbers["minWorkers"] or 0, numbers["maxWorkers"] or 0
    if low > high:
        message = f"{low} is more than maxWorkers, {high}, which the server then ignores"
        yield Finding.error(
            "snapshot-workers", f"{key}.minWorkers", message, "raise maxWorkers or lower minWorkers"
        )
    if low <= 0:
        message = f"{low} starts no worker: requests are answered with 503, and KServe never gets ready"
        yield Finding.warning("snapshot-no-workers", f"{key}.minWorkers", message, "write at least 1")
    for name, least in (("batchSize", 1), ("maxBatchDelay", 0)):
        if (number := numbers[name] or 0) < least:
            message = f"{number} has no meaning, though the server takes it"
            yield Finding.warning("snapshot-batch", f"{key}.{name}", message, f"write at least {least}")
    for name, effect in (
        ("responseTimeout", "lets every request end with an error"),
        ("startupTimeout", "lets no worker ever start"),
    ):
        if (seconds := numbers[name]) is not None and seconds <= 0:
            message = f"{seconds} {effect}"
            yield Finding.error("snapshot-timeout", f"{key}.{name}", message, "write the seconds, at least 1")
    level = numbers["parallelLevel"] or 0
    if level < 0:
        yield Finding.error(
            "snapshot-parallel", f"{key}.parallelLevel", f"{level} lets no worker start", "leave it out"
        )
    elif level:
        message = "lets no worker start unless the archive's model-config.yaml has torchrun"
        yield Finding.warning("snapshot-parallel", f"{key}.parallelLevel", message, "leave it out for others")
    if values.get("runtimeType") == "LSP":
        message = "'LSP' needs the C++ worker, which the released packages do not have"
        yield Finding.warning("snapshot-runtime-cpp", f"{key}.runtimeType", message, "use python")


def _mar_name_findings(mar_name: str, place: str) -> Iterator[Finding]:
    key = f"{place}.marName"
    fix = "name a file in the model store, without a folder"
    shown = brief("", mar_name)
    yield from _variable_findings(mar_name, key, "archive's name")
    if not mar_name or ".." in mar_name:
        why = "is empty" if not mar_name else f"{shown!r} has '..'"
        yield Finding.error("snapshot-mar-name", key, f"{why}: the model is left out, and all after it", fix)
    elif "/" in mar_name:
        yield Finding.error(
            "snapshot-mar-name",
            key,
            f"{shown!r} has a '/': the server looks for it there and then loads what has the last part's name",
            fix,
        )
    else:
        yield from _escape_findings(mar_name, key, "archive's name")


def _manifest_findings(
    name: str, version: str, registered: str, manifest: Manifest, place: str
) -> Iterator[Finding]:
    if registered != version:
        yield Finding.error(
            "snapshot-version-differs",
            place,
            f"the archive's version is {registered!r}, and that is what the server registers",
            f"write {registered!r} as the version's key",
        )
    if manifest.model.model_name != name:
        yield Finding.note(
            "snapshot-name-differs",
            place,
            f"the archive's model name is {manifest.model.model_name!r}; the server registers {name!r}",
            "use one name",
        )


def lint_snapshot(
    text: str, archives: Mapping[str, Manifest] | None = None, *, names: Set[str] | None = None
) -> tuple[Finding, ...]:
    """Return everything that is wrong with a snapshot's text; nothing is raised (S10).

    ``archives`` are the manifests of the model store by file name, ``names`` all names in it.
    """
    try:
        document = load_snapshot(text)
    except SnapshotError as problem:
        return (
            Finding.error(
                "snapshot-json",
                "",
                f"is not strict JSON: {problem.msg} (line {problem.lineno}, column {problem.colno}); "
                "KServe's wrapper fails, and the server unless its lenient parser takes it",
                "correct the JSON",
            ),
        )
    shape = tuple(shape_findings(document))
    if any(finding.severity == "error" and finding.code != "snapshot-count" for finding in shape):
        return shape
    store = None if archives is None else Store(archives.keys() | (names or set()), archives)
    return (*shape, *value_findings(document, store))


def load_snapshot(text: str) -> dict[str, Any]:
    """Return the object that a snapshot's text is; ``SnapshotError`` for what is not strict JSON."""
    try:
        document = strict_json.loads(text)
    except strict_json.StrictJSONError as problem:
        raise SnapshotError(problem.msg, text, problem.pos) from None
    if not isinstance(document, dict):
        raise SnapshotError(f"must be an object, not {json_type(document)}", text)
    return document
