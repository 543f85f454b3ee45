"""Rules about the form of a snapshot: an error of theirs ends the server, or makes it load nothing (S10)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from marpack.config.rules.snapshot_text import (
    REQUIRED,
    RUNTIME_TYPES,
    SnapshotText,
    as_whole,
    is_default,
    no_objects,
)
from marpack.config.settings.redaction import brief
from marpack.config.text.plain_copy import INT_RANGE, is_int
from marpack.display import type_name
from marpack.findings import Finding
from marpack.rule import rule, rules_in

_ENDS = "it ends"
_ON_ONE_LINE = "write it on one line: KServe's wrapper knows no other"


@rule("snapshot-json", "error")
def find_no_json(snapshot: SnapshotText) -> Iterator[Finding]:
    """Write a snapshot as strict JSON, an object that gives no key twice.

    The server's parser takes more than that, and refuses the rest; KServe's wrapper fails (S7).
    """
    if snapshot.error is not None and snapshot.broken_off is not None:
        yield find_no_json.finding(snapshot.broken_off.message, effect=_ENDS, fix=_ON_ONE_LINE)
    elif (error := snapshot.error) is not None:
        message = f"is not strict JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        effect = f"{_ENDS} unless its lenient parser takes it; KServe's wrapper fails"
        yield find_no_json.finding(message, effect=effect, fix="correct the JSON")


@rule("snapshot-models", "error")
def find_wrong_objects(snapshot: SnapshotText) -> Iterator[Finding]:
    """Let ``models`` hold an object for each model, of objects for its versions.

    Anything else, or no ``models``, ends the server (S1).
    """
    wrong = no_objects(snapshot.document.get("models"), 'add "models": {}', "give its settings")
    for key, value, wanted, fix in [] if snapshot.error else wrong:
        is_missing = key == "models" and key not in snapshot.document
        message = "is missing" if is_missing else f"must be {wanted}, not {type_name(value)}"
        yield find_wrong_objects.finding(message, key, effect=_ENDS, fix=fix)


@rule("snapshot-missing", "error")
def find_missing(snapshot: SnapshotText) -> Iterator[Finding]:
    """Give each version its ``defaultVersion``, ``marName`` and the numbers of workers and requests.

    The server has no defaults for them, and ends; a ``parallelLevel`` that is null ends it too (S3).
    """
    for key, values in snapshot.entries:
        for name in REQUIRED:
            if values.get(name) is None:
                what = "is null" if name in values else "is missing"
                yield find_missing.finding(what, f"{key}.{name}", effect=_ENDS, fix="give it a value")
        if values.get("parallelLevel", 0) is None:
            yield find_missing.finding("is null", f"{key}.parallelLevel", effect=_ENDS, fix="leave it out")


@rule("snapshot-integer", "error")
def find_no_integers(snapshot: SnapshotText) -> Iterator[Finding]:
    """Write whole numbers of 32 bits.

    Of others the server makes other numbers, and of what is no number it makes nothing, and ends (S7).
    """
    for key, value, number in snapshot.integers:
        if number is None:
            message = f"must be a whole number, not {type_name(value)}"
            yield find_no_integers.finding(message, key, effect=_ENDS, fix="write the number")
        elif number not in INT_RANGE:
            message, effect = "does not fit 32 bits", "it takes another number"
            yield find_no_integers.finding(message, key, effect=effect, fix="write a smaller number")


@rule("snapshot-number-form", "warning")
def find_other_forms(snapshot: SnapshotText) -> Iterator[Finding]:
    """Write whole numbers as such, and truth values as ``true`` and ``false``.

    Fractions, texts and lists of one are taken for numbers, and any text or number for a truth value (S7).
    """
    for key, value, number in snapshot.integers:
        if number is not None and number in INT_RANGE and not is_int(value):
            message = f"is {json.dumps(value)}, which the server takes for {number}"
            yield find_other_forms.finding(message, key, fix=f"write {number}")
    for key, values in snapshot.entries:
        default = values.get("defaultVersion")
        if default is not None and not isinstance(default, (bool, dict, list)):
            meant = "true" if is_default(values) else "false"
            message = f"is {type_name(default)}, which the server takes for {meant}"
            yield find_other_forms.finding(message, f"{key}.defaultVersion", fix="write true or false")


@rule("snapshot-default-type", "error")
def find_no_default(snapshot: SnapshotText) -> Iterator[Finding]:
    """Write ``defaultVersion`` as ``true`` or ``false``. An object or a list ends the server (S7)."""
    for key, values in snapshot.entries:
        if isinstance(default := values.get("defaultVersion"), (dict, list)):
            message, fix = f"must be true or false, not {type_name(default)}", "write true or false"
            yield find_no_default.finding(message, f"{key}.defaultVersion", effect=_ENDS, fix=fix)


@rule("snapshot-mar-name", "error")
def find_mar_names(snapshot: SnapshotText) -> Iterator[Finding]:
    """Name in ``marName`` a file or folder of the model store, without a folder before it.

    With ``..``, or without a name, or if it is a workflow, the server leaves the model out, and all after it; with
    ``/`` it looks there, and then loads what has the last part's name (S3, S10).
    """
    for key, values in snapshot.entries:
        name, key = values.get("marName"), f"{key}.marName"
        fix = "name a file in the model store, without a folder"
        if not isinstance(name, str):
            if name is not None:
                message = f"must be a string, not {type_name(name)}"
                yield find_mar_names.finding(message, key, fix="name the archive's file")
        elif not snapshot.has_form:
            continue
        elif not name or ".." in name:
            message = f"{brief('', name)!r} has '..'" if name else "is empty"
            effect = "it leaves the model out, and all after it"
            yield find_mar_names.finding(message, key, effect=effect, fix=fix)
        elif name.lower().endswith(".war"):
            message = f"{brief('', name)!r} is a workflow by its name, and workflows are not loaded at the start"
            effect = "it leaves the model out, and all after it: Input is not in the .gz format"
            fix = "register it when the server runs: POST /workflows?url=..."
            yield find_mar_names.finding(message, key, effect=effect, fix=fix)
        elif "/" in name:
            effect = "it looks for it there and then loads what has the last part's name"
            yield find_mar_names.finding(f"{brief('', name)!r} has a '/'", key, effect=effect, fix=fix)


@rule("snapshot-runtime", "error")
def find_runtimes(snapshot: SnapshotText) -> Iterator[Finding]:
    """Choose ``python``, ``python3`` or ``LSP`` as ``runtimeType``, spelled so, or leave it out.

    Any other ends the server (S3).
    """
    for key, values in snapshot.entries:
        runtime = values.get("runtimeType", "python")
        if runtime not in RUNTIME_TYPES:
            message, fix = f"{runtime!r:.200} is not a runtime", f"choose from {', '.join(RUNTIME_TYPES)}"
            yield find_runtimes.finding(message, f"{key}.runtimeType", effect=_ENDS, fix=fix)


def _counts(snapshot: SnapshotText) -> tuple[object, int | None, int]:
    """Return ``modelCount``, what the server takes it for, and what it should be; None without any models."""
    stated = snapshot.document.get("modelCount") if isinstance(snapshot.document.get("models"), dict) else None
    return stated, as_whole(stated), sum(len(versions) for _, versions in snapshot.models)


@rule("snapshot-count-type", "error")
def find_no_count(snapshot: SnapshotText) -> Iterator[Finding]:
    """Write ``modelCount`` as a whole number. Of anything else the server can make none, and ends (S7)."""
    stated, number, count = _counts(snapshot)
    if stated is not None and (number is None or number not in INT_RANGE):
        yield find_no_count.finding("must be a whole number", "modelCount", effect=_ENDS, fix=f"write {count}")


@rule("snapshot-count", "error")
def find_low_count(snapshot: SnapshotText) -> Iterator[Finding]:
    """State in ``modelCount`` how many versions there are. The server loads no model unless it is above 0 (S2)."""
    stated, number, count = _counts(snapshot)
    if count and (stated is None or (number is not None and INT_RANGE[0] <= number <= 0)):
        message, effect = "is missing" if stated is None else f"is {number}", "it loads no model at all"
        yield find_low_count.finding(message, "modelCount", effect=effect, fix=f"write {count}")


@rule("snapshot-count-differs", "warning")
def find_other_count(snapshot: SnapshotText) -> Iterator[Finding]:
    """State in ``modelCount`` the number of versions, of all models. The server compares it with 0 only (S2)."""
    _, number, count = _counts(snapshot)
    is_taken = number is not None and number in INT_RANGE and (number > 0 or not count)
    if is_taken and number != count:
        message = f"is {number}, but there are {count} model versions"
        yield find_other_count.finding(message, "modelCount", effect="it does not compare", fix=f"write {count}")


@rule("snapshot-created", "error")
def find_created(snapshot: SnapshotText) -> Iterator[Finding]:
    """Leave ``created`` out, or write milliseconds as a whole number.

    Only servers write it; of what is no whole number they make none, and end (S2).
    """
    created = snapshot.document.get("created")
    if created is not None and as_whole(created) is None:
        message = "must be a whole number of milliseconds"
        yield find_created.finding(message, "created", effect=_ENDS, fix="correct it or leave it out")


@rule("snapshot-own-name", "error")
def find_own_name(snapshot: SnapshotText) -> Iterator[Finding]:
    """Write a string as the snapshot's own ``name``. The server logs it, and ends at an object or a list (S2)."""
    if isinstance(name := snapshot.document.get("name"), (dict, list)):
        message = f"must be a string, not {type_name(name)}"
        yield find_own_name.finding(message, "name", effect=_ENDS, fix="write startup.cfg")


FORM_RULES = rules_in(globals())
# Those about a version by itself.
ENTRY_RULES = (find_missing, find_no_integers, find_other_forms, find_no_default, find_mar_names, find_runtimes)


def form_errors(snapshot: SnapshotText) -> tuple[Finding, ...]:
    """Return the errors that keep a snapshot from being restored as it stands."""
    findings = (found for each in FORM_RULES for found in each.findings(snapshot))
    return tuple(found for found in findings if found.severity == "error")


def with_form(snapshot: SnapshotText) -> SnapshotText:
    """Return the snapshot so that its values are looked at too, unless its form does not allow that."""
    errors = form_errors(replace(snapshot, has_form=False))
    return replace(snapshot, has_form=all(found.code == find_low_count.code for found in errors))
