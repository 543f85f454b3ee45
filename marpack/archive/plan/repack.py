"""From an archive to the plan of another one: what is not changed is taken as it lies there."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marpack.archive.formats.deflate import check_available
from marpack.archive.forms import ARCHIVE_FORMATS, DEFLATES, Compression, compression_for, deflates
from marpack.archive.manifest import WorkflowManifest
from marpack.archive.member import Member
from marpack.archive.names import (
    member_name_problem,
    member_order,
    model_name_problem,
    parents,
    workflow_name_problem,
)
from marpack.archive.owner import Owner
from marpack.archive.packed_at import PackedAt
from marpack.archive.plan.arguments import note_unknown, resolve_timestamp
from marpack.archive.plan.inputs import Inputs
from marpack.archive.plan.plan import ArchivePlan, WorkflowPlan
from marpack.archive.read.archive import WorkflowArchive
from marpack.archive.sources import DeflatedSource
from marpack.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from marpack.archive.forms import ArchiveFormat, Deflate
    from marpack.archive.manifest import Manifest
    from marpack.archive.member import ArchiveMember
    from marpack.archive.plan.contents import SourceLike
    from marpack.archive.plan.inputs import Candidate
    from marpack.archive.read.archive import Archive
    from marpack.archive.sources import Reader

__all__ = ["plan_repack"]

_DEFAULT_MODE = 0o644
_PERMISSIONS = 0o7777


def plan_repack(
    archive: Archive,
    *,
    model_name: str | None = None,
    version: str | None = None,
    put: Mapping[str, SourceLike] | None = None,
    drop: Iterable[str] = (),
    archive_format: ArchiveFormat | None = None,
    deflate: Deflate | None = None,
    timestamp: datetime | float | None = None,
    reproducible: bool = False,
    owner: Owner | None = None,
) -> ArchivePlan | WorkflowPlan:
    """Plan an archive that is another one with changes; the other one stays open until it is written.

    - ``model_name``, ``version``: of the new one; of a workflow, which has no version, ``model_name`` is the name.
    - ``put``: members that replace those of the same name or are added, as in ``extra_files`` of
      ``plan_archive``.
    - ``drop``: names of members, and of folders for all that lies in them, that are left out.
    - ``archive_format``: the form of the new one; by default that of the old one, whose members each stay stored
      or deflated. What is deflated in both is copied as it is, after it has been held against its CRC.
    - ``deflate``: compress everything anew in this way.
    - ``timestamp``, ``reproducible``, ``owner``: as in ``plan_archive``. Without the first two, times are those of
      the old archive, also that in the manifest.

    The manifest is rewritten only where it changes; what marpack does not know in it stays. Raises ``PlanError``,
    whose ``issues`` are everything that is wrong, and what ``archive.refuse()`` raises; names that differ in case
    only are fine.
    """
    archive.refuse(case_sensitive=True)
    inputs = Inputs(archive.manifest_name)
    form = archive_format or _own_format(archive)
    note_unknown(inputs, "archive_format", form, ARCHIVE_FORMATS)
    if deflate is not None:
        note_unknown(inputs, "deflate", deflate, DEFLATES)
    packed = _resolve_time(inputs, archive, timestamp, reproducible=reproducible)
    new = _new_files(inputs, put)
    dropped = _dropped(inputs, archive, drop, new)
    name = _new_name(inputs, archive, model_name, form)
    kept = _kept(archive, dropped, new)
    _note_names(inputs, kept)
    _note_references(inputs, archive, dropped)
    _note_clashes(inputs, kept, new)
    is_workflow = isinstance(archive, WorkflowArchive)
    if version is not None and is_workflow:
        inputs.issue("bad-value", "version", "a workflow has no version: leave it out")
    if inputs.issues:
        raise PlanError(inputs.issues)
    if deflate is not None and deflates(form):
        check_available(deflate)

    weights = archive.references.get("serializedFile")

    def planned(candidate: Candidate) -> Member:
        method = compression_for(candidate.name, form, weights=candidate.name == weights)
        return candidate.member(method, packed, normalise=reproducible)

    def copied(member: ArchiveMember) -> Member:
        method = compression_for(member.name, form, weights=member.name == weights)
        if archive_format is None and isinstance(member.compression, Compression):
            method = member.compression
        as_it_is = deflate is None and method is member.compression is Compression.DEFLATED
        return Member(
            name=member.name,
            source=(DeflatedMemberSource if as_it_is else MemberSource)(archive=archive, member=member),
            size=member.size,
            mode=_DEFAULT_MODE if reproducible or not member.mode else member.mode & _PERMISSIONS,
            mtime_ns=packed.nanoseconds if reproducible or member.mtime_ns is None else member.mtime_ns,
            compression=method,
            origin=f"{archive.path}/{member.name}",
        )

    files = sorted([*map(planned, new.values()), *map(copied, kept)], key=lambda file: member_order(file.name))
    text = _manifest_text(
        archive, name, version, packed.created_on if timestamp is not None or reproducible else None
    )
    if is_workflow:
        return WorkflowPlan(
            workflow_name=name,
            manifest_text=text,
            files=tuple(files),
            timestamp=packed.seconds,
            deflate=deflate or "zlib",
        )
    return ArchivePlan(
        model_name=name,
        archive_format=form,
        manifest_text=text,
        files=tuple(files),
        timestamp=packed.seconds,
        owner=owner or (Owner() if reproducible else archive.owner or _current_owner(form)),
        deflate=deflate or "zlib",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberSource:
    """A member of an open archive, as a source of another one."""

    archive: Archive
    member: ArchiveMember

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.member.size

    @property
    def in_order(self) -> bool:
        """Whether members are best read one after another."""
        return self.archive.form == "tgz"

    def open(self) -> Reader:
        """Start reading."""
        return self.archive.open(self.member.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeflatedMemberSource(MemberSource, DeflatedSource):
    """A member whose deflated bytes can be taken as they are."""

    @property
    def compressed_size(self) -> int:
        """The number of deflated bytes."""
        return self.member.compressed_size

    @property
    def crc32(self) -> int:
        """The CRC-32 of the contents."""
        return self.member.crc32 or 0

    def deflated(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield deflated bytes, and what has come out of them, which is held against size and CRC."""
        return self.archive.deflated(self.member)


def _current_owner(archive_format: ArchiveFormat) -> Owner:
    return Owner.current() if archive_format == "tgz" else Owner()


def _own_format(archive: Archive) -> ArchiveFormat:
    """Return the form of an archive; ``auto`` is a zip in which some are stored and some are not."""
    if archive.form == "folder":
        return "no-archive"
    if archive.form == "tgz":
        return "tgz"
    methods = {member.compression for member in archive.members}
    if methods == {Compression.STORED}:
        return "zip-store"
    return "auto" if Compression.STORED in methods else "default"


def _resolve_time(
    inputs: Inputs, archive: Archive, timestamp: datetime | float | None, *, reproducible: bool
) -> PackedAt:
    if timestamp is None and not reproducible and archive.timestamp is not None:
        with contextlib.suppress(ValueError):  # a tar may name a time that no manifest could
            return PackedAt(archive.timestamp)
    return resolve_timestamp(inputs, timestamp, reproducible=reproducible)


def _new_files(inputs: Inputs, put: Mapping[str, SourceLike] | None) -> dict[str, Candidate]:
    for name, value in (put or {}).items():
        inputs.add("put", name, value, keep_time=True)
    return {candidate.name: candidate for candidate in inputs.settle()}


def _dropped(
    inputs: Inputs, archive: Archive, drop: Iterable[str], new: Mapping[str, Candidate]
) -> frozenset[str]:
    found: set[str] = set()
    for name in [drop] if isinstance(drop, str) else drop:
        inside = {
            member.name
            for member in archive.members
            if member.name == name or member.name.startswith(f"{name.rstrip('/')}/")
        }
        if not inside:
            inputs.issue("missing-file", "drop", f"{name!r} is not in the archive: correct the name")
        if both := inside & new.keys():
            inputs.issue("bad-value", "drop", f"{min(both)!r} is to be left out and to be put in: decide")
        found |= inside
    if archive.manifest_name in found:
        inputs.issue("bad-value", "drop", f"{archive.manifest_name!r} is the manifest, which every archive has")
    return frozenset(found)


def _kept(archive: Archive, dropped: frozenset[str], new: Mapping[str, Candidate]) -> list[ArchiveMember]:
    gone = {*dropped, *new, archive.manifest_name}
    return [member for member in archive.members if member.name not in gone]


def _note_names(inputs: Inputs, kept: Iterable[ArchiveMember]) -> None:
    """Note members that an archive may have and marpack does not write."""
    for member in kept:
        if problem := member_name_problem(member.name, inputs.manifest_name):
            inputs.issue("bad-member-name", "drop", f"{problem}, or leave it out")


def _note_references(inputs: Inputs, archive: Archive, dropped: frozenset[str]) -> None:
    for key, file in archive.references.items():
        if file in dropped:
            inputs.issue("bad-value", "drop", f"{file!r} is what the manifest calls {key}: it cannot be left out")


def _note_clashes(inputs: Inputs, kept: Iterable[ArchiveMember], new: Mapping[str, Candidate]) -> None:
    """Note new files that are folders of others, or lie in what is a file."""
    names = {member.name for member in kept} | new.keys()
    for added in new:
        below = next((other for other in names if other.startswith(f"{added}/")), None)
        above = next((folder for folder in parents(added) if folder in names), None)
        if clash := below or above:
            inputs.issue("collision", "put", f"{added!r} and {clash!r}: one would be a folder of the other")


def _new_name(inputs: Inputs, archive: Archive, name: str | None, archive_format: ArchiveFormat) -> str:
    if isinstance(archive, WorkflowArchive):
        name = name or archive.manifest.workflow.workflow_name or ""
        problem = workflow_name_problem(name)
        if archive_format not in ("default", "auto"):
            inputs.issue("bad-value", "archive_format", "a workflow's archive is a deflated zip: leave it out")
    else:
        name = name or archive.manifest.model.model_name or ""
        problem = model_name_problem(name, archive_format if archive_format in ARCHIVE_FORMATS else "default")
    if problem:
        inputs.issue("bad-model-name", "model_name", f"{problem}; give one (model_name=, --model-name)")
    return name


def _manifest_text(archive: Archive, name: str, version: str | None, when: str | None) -> str:
    """Return the old text unless something of it changes."""
    old: Manifest | WorkflowManifest = archive.manifest
    new = dataclasses.replace(old, created_on=when or old.created_on)
    if isinstance(new, WorkflowManifest):
        new = dataclasses.replace(new, workflow=dataclasses.replace(new.workflow, workflow_name=name))
    else:
        version = new.model.model_version if version is None else version or None
        model = dataclasses.replace(new.model, model_name=name, model_version=version)
        new = dataclasses.replace(new, model=model)
    return archive.manifest_text if new == old else new.to_json()
