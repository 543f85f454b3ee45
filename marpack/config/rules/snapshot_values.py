"""Rules about what a snapshot says, and what that means for the archives of the model store (S10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from marpack.archive.manifest import Manifest
from marpack.config.rules.snapshot_text import SnapshotText, as_taken, is_default
from marpack.config.settings.environment import variables
from marpack.config.settings.redaction import brief
from marpack.config.text.plain_copy import SURROGATE
from marpack.findings import Finding
from marpack.rule import rule, rules_in


def _names(snapshot: SnapshotText) -> Iterator[tuple[str, str, str]]:
    """Yield the names of models and versions: key, what it is a name of, and the name."""
    for name, versions in snapshot.sound_models:
        yield f"models.{name}", "the model name", name
        for version in versions:
            yield f"models.{name}.{version}", "the version", version


def _names_and_files(snapshot: SnapshotText) -> Iterator[tuple[str, str, str]]:
    """Yield the same and the names of the archives."""
    yield from _names(snapshot)
    for key, values in snapshot.sound_entries:
        yield f"{key}.marName", "the archive's name", values["marName"]


def _taken(snapshot: SnapshotText) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what the server takes the settings of each version for."""
    for key, values in snapshot.sound_entries:
        yield key, as_taken(values)


@rule("snapshot-empty", "warning")
def find_no_models(snapshot: SnapshotText) -> Iterator[Finding]:
    """Name a model. A server with an empty snapshot loads none, whatever ``load_models`` says (S1)."""
    if snapshot.has_form and not any(snapshot.sound_models):
        yield find_no_models.finding("holds no model", "models", effect="it loads none", fix="add models")


@rule("snapshot-name", "error")
def find_names(snapshot: SnapshotText) -> Iterator[Finding]:
    """Give models and versions names that a URL can hold: some, without ``/``, of valid Unicode.

    The server loads the others, and no request can reach or remove them.
    """
    for key, what, name in _names(snapshot):
        if not name:
            effect = "it loads it, and no request can reach it"
            yield find_names.finding(f"{what} is empty", key, effect=effect, fix="name it")
        elif "/" in name:
            message = f"{what} {name!r:.200} has a '/'"
            effect = "it loads it, and no request can reach or remove it"
            yield find_names.finding(message, key, effect=effect, fix="rename it")
    for key, what, name in _names_and_files(snapshot):
        if SURROGATE.search(name):
            message = f"{what} {name!r:.200} is not valid Unicode"
            yield find_names.finding(message, key, fix="rename it")


@rule("snapshot-variable", "error")
def find_variables(snapshot: SnapshotText) -> Iterator[Finding]:
    """Use no ``$$NAME$$`` in names.

    The server replaces it by the variable of the environment, or ends where there is none (P20).
    """
    for key, what, name in _names_and_files(snapshot):
        if variables(name):
            message = f"{what} {name!r:.200} has a $$NAME$$"
            yield find_variables.finding(message, key, effect="it replaces it, or ends", fix="rename it")


@rule("snapshot-name-unwritable", "warning")
def find_unwritable_names(snapshot: SnapshotText) -> Iterator[Finding]:
    r"""Use no quotes, backslashes and control characters in names.

    They need an escape in the file, which the server and KServe's wrapper undo differently (S4).
    """
    for key, what, name in _names_and_files(snapshot):
        if name and "/" not in name and (not name.isprintable() or '"' in name or "\\" in name):
            if what == "the archive's name" and ".." in name:
                continue
            message = f"{what} {name!r:.200} needs an escape, and the readers undo it differently"
            fix = "rename it, or write the file with style='java'"
            yield find_unwritable_names.finding(message, key, fix=fix, reader="kserve")


@rule("snapshot-defaults", "error")
def find_defaults(snapshot: SnapshotText) -> Iterator[Finding]:
    """Set ``defaultVersion`` to true for exactly one version of a model.

    Of several the server takes the one that it registers last, of none the first.
    """
    for name, versions in snapshot.sound_models:
        count = sum(is_default(values) for values in versions.values())
        if versions and count != 1:
            what, which = (f"{count} versions are", "last") if count else ("no version is", "first")
            effect = f"it takes the one that it registers {which}"
            fix = "set defaultVersion to true for exactly one"
            yield find_defaults.finding(f"{what} the default", f"models.{name}", effect=effect, fix=fix)


@rule("snapshot-workers", "error")
def find_more_workers(snapshot: SnapshotText) -> Iterator[Finding]:
    """Let ``maxWorkers`` be as large as ``minWorkers`` at least. The server starts ``minWorkers`` all the same."""
    for key, numbers in _taken(snapshot):
        low, high = numbers["minWorkers"] or 0, numbers["maxWorkers"] or 0
        if low > high:
            message, fix = f"{low} is more than maxWorkers, {high}", "raise maxWorkers or lower minWorkers"
            yield find_more_workers.finding(message, f"{key}.minWorkers", effect="it ignores maxWorkers", fix=fix)


@rule("snapshot-no-workers", "warning")
def find_no_workers(snapshot: SnapshotText) -> Iterator[Finding]:
    """Start at least one worker. Without any, requests get a 503 until a management request asks for some."""
    for key, numbers in _taken(snapshot):
        if (low := numbers["minWorkers"] or 0) <= 0:
            effect, fix = "it answers requests with 503, and KServe never gets ready", "write at least 1"
            yield find_no_workers.finding(f"{low} starts no worker", f"{key}.minWorkers", effect=effect, fix=fix)


@rule("snapshot-batch", "warning")
def find_batches(snapshot: SnapshotText) -> Iterator[Finding]:
    """Let a batch hold one request at least, and wait for no less than 0 ms. The server takes any number."""
    for key, numbers in _taken(snapshot):
        for name, least in (("batchSize", 1), ("maxBatchDelay", 0)):
            if (number := numbers[name] or 0) < least:
                message, effect = f"{number} has no meaning", "it takes it"
                yield find_batches.finding(message, f"{key}.{name}", effect=effect, fix=f"write at least {least}")


@rule("snapshot-timeout", "error")
def find_timeouts(snapshot: SnapshotText) -> Iterator[Finding]:
    """Give a timeout at least 1 second. Less lets every request fail, or every start of a worker."""
    effects = {"responseTimeout": "every request ends with an error", "startupTimeout": "no worker ever starts"}
    for key, numbers in _taken(snapshot):
        for name, effect in effects.items():
            if (seconds := numbers[name]) is not None and seconds <= 0:
                fix = "write the seconds, at least 1"
                yield find_timeouts.finding(f"{seconds} leaves no time", f"{key}.{name}", effect=effect, fix=fix)


@rule("snapshot-parallel", "error")
def find_parallel(snapshot: SnapshotText) -> Iterator[Finding]:
    """Leave ``parallelLevel`` to models that torchrun starts.

    Below 0 no worker starts; above it none does unless the archive's model-config.yaml has ``torchrun`` (a
    warning).
    """
    for key, numbers in _taken(snapshot):
        key, level = f"{key}.parallelLevel", numbers["parallelLevel"] or 0
        if level < 0:
            message, fix = f"{level} is no number of devices", "leave it out"
            yield find_parallel.finding(message, key, effect="no worker starts", fix=fix)
        elif level > 0:
            message, fix = "is for archives whose model-config.yaml has torchrun", "leave it out for others"
            effect = "no worker starts without torchrun"
            yield find_parallel.finding(message, key, effect=effect, fix=fix, severity="warning")


@rule("snapshot-runtime-cpp", "warning")
def find_cpp(snapshot: SnapshotText) -> Iterator[Finding]:
    """Do not count on the C++ back end. The released packages do not have it, and no worker starts."""
    for key, values in snapshot.sound_entries:
        if values.get("runtimeType") == "LSP":
            message = "'LSP' needs the C++ worker, which the released packages do not have"
            yield find_cpp.finding(message, f"{key}.runtimeType", effect="no worker starts", fix="use python")


@rule("snapshot-archive-missing", "error")
def find_missing_archives(snapshot: SnapshotText) -> Iterator[Finding]:
    """Put the archives into the model store. The server ends at one that is not there."""
    for key, values in snapshot.sound_entries:
        name = values["marName"]
        if snapshot.store and name not in snapshot.store.manifests and name not in snapshot.store.names:
            message = f"{brief('', name)!r} is not in the model store"
            fix = "put the archive there or correct the name"
            yield find_missing_archives.finding(message, f"{key}.marName", effect="it ends", fix=fix)


def _manifests(snapshot: SnapshotText) -> Iterator[tuple[str, str, str, str, Manifest | None]]:
    """Yield each version: key, name of the model, version, name of the archive, and its manifest if known."""
    for name, versions in snapshot.sound_models:
        for version, values in versions.items():
            mar_name = values["marName"]
            manifest = snapshot.store.manifests.get(mar_name) if snapshot.store else None
            yield f"models.{name}.{version}", name, version, mar_name, manifest


@rule("snapshot-version-differs", "error")
def find_other_versions(snapshot: SnapshotText) -> Iterator[Finding]:
    """Write the version that the archive's manifest has.

    The server registers the manifest's, whatever the snapshot says (S1).
    """
    for key, _, version, _, manifest in _manifests(snapshot):
        if manifest is not None and (registered := manifest.model.served_version) != version:
            message, fix = f"the archive's version is {registered!r}", f"write {registered!r} as the version's key"
            yield find_other_versions.finding(message, key, effect="that is what it registers", fix=fix)


@rule("snapshot-name-differs", "note")
def find_other_names(snapshot: SnapshotText) -> Iterator[Finding]:
    """Call a model as its archive does. The server registers the snapshot's name (S1)."""
    for key, name, _, _, manifest in _manifests(snapshot):
        if manifest is not None and manifest.model.model_name != name:
            message = f"the archive's model name is {manifest.model.model_name!r}"
            yield find_other_names.finding(message, key, effect=f"it registers {name!r}", fix="use one name")


@rule("snapshot-same-version", "error")
def find_same_versions(snapshot: SnapshotText) -> Iterator[Finding]:
    """Name each version of a model once.

    What is registered is the version of the archive's manifest; the server ends where that is there already (S1).
    """
    registered: dict[tuple[str, str], str] = {}
    for key, name, _, mar_name, manifest in _manifests(snapshot):
        # Where the version is not known, it is one for each archive.
        identity = f"archive {mar_name}" if manifest is None else manifest.model.served_version
        if (other := registered.setdefault((name, identity), key)) != key:
            message = f"registers the same version as {other}"
            fix = "name an archive of another version, or remove one of them"
            yield find_same_versions.finding(message, key, effect="it ends", fix=fix)


VALUE_RULES = rules_in(globals())
