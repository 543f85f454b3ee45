"""Look at some archives: what a process, here or on another machine, is given to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.read.archive import Archive, ModelArchive, WorkflowArchive
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import open_archive
from marpack.checks.examine import built_in_rules, findings_of, subject_of
from marpack.checks.frame.subject import Settings, Subject
from marpack.checks.frame.weights import describe, weights_files
from marpack.errors import ArchiveError
from marpack.findings import Issue
from marpack.frozen import frozen
from marpack.remote.urls import Connections, shared_connections
from marpack.rule import Rule, chosen_rules
from marpack.scanning.places import Place, reason_of
from marpack.scanning.scanned import ScannedArchive, ScannedWeights


@frozen
class Look:
    """How archives are looked at: plain values, which any pickle takes to any process that has marpack."""

    settings: Settings
    select: tuple[str, ...] | None
    ignore: tuple[str, ...]
    digest: bool
    limits: Limits
    storage_options: Mapping[str, Any]
    download: bool


def look_at(look: Look, places: Sequence[Place], connections: Connections | None = None) -> list[ScannedArchive]:
    """Return what is found of each archive, whatever becomes of the others; stores are connected to once."""
    with shared_connections({} if connections is None else connections):
        return [_look_at_one(look, place) for place in places]


def answers() -> bool:
    """Return True: an executor that does so much has marpack where it works."""
    return True


def _look_at_one(look: Look, place: Place) -> ScannedArchive:
    if place.error is not None:
        return ScannedArchive(path=place.path, error=place.error)
    known: dict[str, Any] = {}
    try:
        with open_archive(
            place.path, limits=look.limits, storage_options=look.storage_options, download=look.download
        ) as archive:
            _note_archive(archive, known)
            subject = subject_of(archive, look.settings)
            known["findings"] = findings_of(subject, _rules(look.select, look.ignore))
            known["weights"] = tuple(_weights(subject, name) for name in weights_files(subject))
            if look.digest and archive.form != "folder":
                known["sha256"] = _sha256(archive)
    except ArchiveError as error:
        known["error"] = error.issue
    except OSError as error:
        known["error"] = Issue(code="unreadable", argument="", message=reason_of(error))
    except Exception as error:  # marpack's own, or too little memory for one: the others have theirs to tell
        message = f"marpack failed to look at it: {type(error).__name__}: {error}"
        known["error"] = Issue(code="failed", argument="", message=message)
    return ScannedArchive(path=place.path, **known)


def _note_archive(archive: Archive, known: dict[str, Any]) -> None:
    """Note what opening an archive and its manifest say."""
    known |= {
        "form": archive.form,
        "kind": "workflow" if isinstance(archive, WorkflowArchive) else "model",
        "size": archive.size,
        "contents_size": sum(member.size for member in archive.members),
        "members": len(archive.members),
    }
    try:
        manifest = archive.manifest
    except ArchiveError as error:  # the findings say more
        known["error"] = error.issue
        return
    if isinstance(archive, ModelArchive):
        model = manifest.model
        known |= {"name": model.model_name, "version": model.model_version, "handler": model.handler}
        known["runtime"] = manifest.runtime
    else:
        known |= {"name": manifest.workflow.workflow_name, "handler": manifest.workflow.handler}


def _weights(subject: Subject, name: str) -> ScannedWeights:
    try:
        kind = describe(subject, name).kind
    except ArchiveError:  # which a finding tells, of the rule that reads weights
        kind = None
    return ScannedWeights(name=name, kind=kind, size=subject.names[name])


def _sha256(archive: Archive) -> str:
    sha256 = new_sha256()
    for piece in archive.raw():
        sha256.update(piece)
    return sha256.hexdigest()


@lru_cache(maxsize=8)
def _rules(select: tuple[str, ...] | None, ignore: tuple[str, ...]) -> tuple[Rule[Subject], ...]:
    """Return the rules that are chosen, once a process: choosing takes 0.3 ms of the 5 that an archive may."""
    return chosen_rules(built_in_rules(), select=select, ignore=ignore)
