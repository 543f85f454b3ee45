"""Rules about what a snapshot says, and what that means for the archives of the model store (S10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marpack.config.rules.snapshot_text import INTEGERS, OPTIONAL_INTEGERS, SnapshotText, as_int, is_default
from marpack.config.settings.environment import variables
from marpack.config.settings.redaction import brief
from marpack.findings import Finding
from marpack.rule import rule

if TYPE_CHECKING:
    from marpack.archive.manifest import Manifest

__all__ = ["VALUE_RULES"]


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


def _numbers(snapshot: SnapshotText) -> Iterator[tuple[str, dict[str, int | None]]]:
    """Yield what the server takes the numbers of each version for."""
    for key, values in snapshot.sound_entries:
        yield key, {name: as_int(values.get(name)) for name in (*INTEGERS, *OPTIONAL_INTEGERS)}


@rule("snapshot-empty", "warning")
def find_no_models(snapshot: SnapshotText) -> Iterator[Finding]:
    """Name a model.

    A server with an empty snapshot loads none, whatever ``load_models`` says (S1).
    """
    if snapshot.has_form and not any(snapshot.sound_models):
        yield find_no_models.finding(
            key="models", message="holds no model", effect="it loads none", fix="add models"
        )


@rule("snapshot-name", "error")
def find_names(snapshot: SnapshotText) -> Iterator[Finding]:
    """Give models and versions names that a URL can hold: some, without ``/``, of valid Unicode.

    The server loads the others, and no request can reach or remove them.
    """
    for key, what, name in _names(snapshot):
        if not name:
            effect = "it loads it, and no request can reach it"
            yield find_names.finding(key=key, message=f"{what} is empty", effect=effect, fix="name it")
        elif "/" in name:
            message, effect = (
                f"{what} {name!r:.200} has a '/'",
                "it loads it, and no request can reach or remove it",
            )
            yield find_names.finding(key=key, message=message, effect=effect, fix="rename it")
    for key, what, name in _names_and_files(snapshot):
        if not _is_unicode(name):
            message = f"{what} {name!r:.200} is not valid Unicode"
            yield find_names.finding(key=key, message=message, fix="rename it")


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@rule("snapshot-variable", "error")
def find_variables(snapshot: SnapshotText) -> Iterator[Finding]:
    """Use no ``$$NAME$$`` in names.

    The server replaces it by the variable of the environment, or ends where there is none (P20).
    """
    for key, what, name in _names_and_files(snapshot):
        if variables(name):
            message = f"{what} {name!r:.200} has a $$NAME$$"
            yield find_variables.finding(
                key=key, message=message, effect="it replaces it, or ends", fix="rename it"
            )


@rule("snapshot-name-unwritable", "warning")
def find_unwritable_names(snapshot: SnapshotText) -> Iterator[Finding]:
    r"""Use no quotes, backslashes and control characters in names.

    They need an escape in the file, which the server and KServe's wrapper undo differently (S4).
    """
    for key, what, name in _names_and_files(snapshot):
        if name and "/" not in name and (not name.isprintable() or '"' in name or "\\" in name):
            if what == "the archive's name" and ".." in name:
                continue
            yield find_unwritable_names.finding(
                key=key,
                message=f"{what} {name!r:.200} needs an escape, and the readers undo it differently",
                fix="rename it, or write the file with style='java'",
                reader="kserve",
            )


@rule("snapshot-defaults", "error")
def find_defaults(snapshot: SnapshotText) -> Iterator[Finding]:
    """Set ``defaultVersion`` to true for exactly one version of a model.

    Of several the server takes the one that it registers last, of none the first.
    """
    for name, versions in snapshot.sound_models:
        count = sum(is_default(values) for values in versions.values())
        if versions and count != 1:
            what, which = (f"{count} versions are", "last") if count else ("no version is", "first")
            yield find_defaults.finding(
                key=f"models.{name}",
                message=f"{what} the default",
                effect=f"it takes the one that it registers {which}",
                fix="set defaultVersion to true for exactly one",
            )


@rule("snapshot-workers", "error")
def find_more_workers(snapshot: SnapshotText) -> Iterator[Finding]:
    """Let ``maxWorkers`` be as large as ``minWorkers`` at least.

    The server starts ``minWorkers`` all the same.
    """
    for key, numbers in _numbers(snapshot):
        low, high = numbers["minWorkers"] or 0, numbers["maxWorkers"] or 0
        if low > high:
            yield find_more_workers.finding(
                key=f"{key}.minWorkers",
                message=f"{low} is more than maxWorkers, {high}",
                effect="it ignores maxWorkers",
                fix="raise maxWorkers or lower minWorkers",
            )


@rule("snapshot-no-workers", "warning")
def find_no_workers(snapshot: SnapshotText) -> Iterator[Finding]:
    """Start at least one worker.

    Without any, requests are answered with 503 until a management request asks for some.
    """
    for key, numbers in _numbers(snapshot):
        if (low := numbers["minWorkers"] or 0) <= 0:
            yield find_no_workers.finding(
                key=f"{key}.minWorkers",
                message=f"{low} starts no worker",
                effect="it answers requests with 503, and KServe never gets ready",
                fix="write at least 1",
            )


@rule("snapshot-batch", "warning")
def find_batches(snapshot: SnapshotText) -> Iterator[Finding]:
    """Let a batch hold one request at least, and wait for no less than 0 ms.

    The server takes any number.
    """
    for key, numbers in _numbers(snapshot):
        for name, least in (("batchSize", 1), ("maxBatchDelay", 0)):
            if (number := numbers[name] or 0) < least:
                yield find_batches.finding(
                    key=f"{key}.{name}",
                    message=f"{number} has no meaning",
                    effect="it takes it",
                    fix=f"write at least {least}",
                )


@rule("snapshot-timeout", "error")
def find_timeouts(snapshot: SnapshotText) -> Iterator[Finding]:
    """Give a timeout at least 1 second.

    Less lets every request fail, or every start of a worker.
    """
    effects = {"responseTimeout": "every request ends with an error", "startupTimeout": "no worker ever starts"}
    for key, numbers in _numbers(snapshot):
        for name, effect in effects.items():
            if (seconds := numbers[name]) is not None and seconds <= 0:
                yield find_timeouts.finding(
                    key=f"{key}.{name}",
                    message=f"{seconds} leaves no time",
                    effect=effect,
                    fix="write the seconds, at least 1",
                )


@rule("snapshot-parallel", "error")
def find_parallel(snapshot: SnapshotText) -> Iterator[Finding]:
    """Leave ``parallelLevel`` to models that torchrun starts.

    Below 0 no worker starts; above it none does unless the archive's model-config.yaml has ``torchrun`` (a
    warning).
    """
    for key, numbers in _numbers(snapshot):
        if not (level := numbers["parallelLevel"] or 0):
            continue
        yield find_parallel.finding(
            key=f"{key}.parallelLevel",
            message=f"{level} is no number of devices"
            if level < 0
            else "is for archives whose model-config.yaml has torchrun",
            effect="no worker starts" if level < 0 else "no worker starts without torchrun",
            fix="leave it out" if level < 0 else "leave it out for others",
            severity="error" if level < 0 else "warning",
        )


@rule("snapshot-runtime-cpp", "warning")
def find_cpp(snapshot: SnapshotText) -> Iterator[Finding]:
    """Do not count on the C++ back end.

    The released packages do not have it, and no worker starts.
    """
    for key, values in snapshot.sound_entries:
        if values.get("runtimeType") == "LSP":
            message = "'LSP' needs the C++ worker, which the released packages do not have"
            yield find_cpp.finding(
                key=f"{key}.runtimeType", message=message, effect="no worker starts", fix="use python"
            )


@rule("snapshot-archive-missing", "error")
def find_missing_archives(snapshot: SnapshotText) -> Iterator[Finding]:
    """Put the archives into the model store.

    The server ends at one that is not there.
    """
    for key, values in snapshot.sound_entries:
        name = values["marName"]
        if snapshot.store and name not in snapshot.store.manifests and name not in snapshot.store.names:
            yield find_missing_archives.finding(
                key=f"{key}.marName",
                message=f"{brief('', name)!r} is not in the model store",
                effect="it ends",
                fix="put the archive there or correct the name",
            )


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
            yield find_other_versions.finding(
                key=key,
                message=f"the archive's version is {registered!r}",
                effect="that is what it registers",
                fix=f"write {registered!r} as the version's key",
            )


@rule("snapshot-name-differs", "note")
def find_other_names(snapshot: SnapshotText) -> Iterator[Finding]:
    """Call a model as its archive does.

    The server registers the snapshot's name (S1).
    """
    for key, name, _, _, manifest in _manifests(snapshot):
        if manifest is not None and manifest.model.model_name != name:
            yield find_other_names.finding(
                key=key,
                message=f"the archive's model name is {manifest.model.model_name!r}",
                effect=f"it registers {name!r}",
                fix="use one name",
            )


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
            yield find_same_versions.finding(
                key=key,
                message=f"registers the same version as {other}",
                effect="it ends",
                fix="name an archive of another version, or remove one of them",
            )


VALUE_RULES = (
    find_no_models,
    find_names,
    find_variables,
    find_unwritable_names,
    find_defaults,
    find_more_workers,
    find_no_workers,
    find_batches,
    find_timeouts,
    find_parallel,
    find_cpp,
    find_missing_archives,
    find_other_versions,
    find_other_names,
    find_same_versions,
)
