"""From an archive to the plan of another one: what is not changed is taken as it lies there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marpack.archive.formats.deflate import check_available
from marpack.archive.forms import ARCHIVE_FORMATS, DEFLATES, Compression, compression_for, deflates
from marpack.archive.manifest import created_on
from marpack.archive.member import Member
from marpack.archive.names import (
    member_name_problem,
    member_order,
    model_name_problem,
    parents,
    workflow_name_problem,
)
from marpack.archive.owner import Owner
from marpack.archive.plan.arguments import check_choice, resolve_timestamp
from marpack.archive.plan.inputs import Inputs
from marpack.archive.plan.plan import ArchivePlan, WorkflowPlan
from marpack.archive.read.archive import WorkflowArchive
from marpack.archive.sources import DeflatedSource
from marpack.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from marpack.archive.forms import ArchiveFormat, Deflate
    from marpack.archive.member import ArchiveMember
    from marpack.archive.plan.inputs import Candidate, SourceLike
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
    is_workflow = isinstance(archive, WorkflowArchive)
    chosen = archive_format is not None
    archive_format = archive_format or _own_format(archive)
    packed = _resolve_time(inputs, archive, timestamp, reproducible=reproducible)
    check_choice(inputs, "archive_format", archive_format, ARCHIVE_FORMATS)
    if deflate is not None:
        check_choice(inputs, "deflate", deflate, DEFLATES)
    new = _new_files(inputs, put)
    dropped = _dropped(inputs, archive, drop, new)
    name = _new_name(inputs, archive, model_name, archive_format)
    if version is not None and is_workflow:
        inputs.issue("bad-value", "version", "a workflow has no version: leave it out")
    kept = [
        member
        for member in archive.members
        if member.name not in dropped and member.name not in new and member.name != archive.manifest_name
    ]
    for member in kept:
        if problem := member_name_problem(member.name, archive.manifest_name):
            inputs.issue("bad-member-name", "drop", f"{problem}, or leave it out")
    for key, file in archive.references.items():
        if file in dropped:
            inputs.issue("bad-value", "drop", f"{file!r} is what the manifest calls {key}: it cannot be left out")
    names = {member.name for member in kept} | new.keys()
    for added in new:
        below = next((other for other in names if other.startswith(f"{added}/")), None)
        above = next((folder for folder in parents(added) if folder in names), None)
        if clash := below or above:
            inputs.issue("collision", "put", f"{added!r} and {clash!r}: one would be a folder of the other")
    if inputs.issues:
        raise PlanError(inputs.issues)
    if deflate is not None and deflates(archive_format):
        check_available(deflate)

    def planned(candidate: Candidate) -> Member:
        method = compression_for(candidate.name, archive_format, weights=candidate.name in weights)
        return candidate.member(method, packed_ns=packed * 10**9, normalise=reproducible)

    weights = {archive.references.get("serializedFile")}
    members = [planned(candidate) for candidate in new.values()]
    for member in kept:
        method = compression_for(member.name, archive_format, weights=member.name in weights)
        if not chosen and isinstance(member.compression, Compression):
            method = member.compression
        copied = deflate is None and method is member.compression is Compression.DEFLATED
        members.append(
            Member(
                name=member.name,
                source=(DeflatedMemberSource if copied else MemberSource)(archive=archive, member=member),
                size=member.size,
                mode=_DEFAULT_MODE if reproducible or not member.mode else member.mode & _PERMISSIONS,
                mtime_ns=packed * 10**9 if reproducible or member.mtime_ns is None else member.mtime_ns,
                compression=method,
                origin=f"{archive.path}/{member.name}",
            )
        )
    members.sort(key=lambda member: member_order(member.name))
    text = _manifest_text(
        archive, name, version, created_on(packed) if timestamp is not None or reproducible else None
    )
    if is_workflow:
        return WorkflowPlan(
            workflow_name=name,
            manifest_text=text,
            files=tuple(members),
            timestamp=packed,
            deflate=deflate or "zlib",
        )
    return ArchivePlan(
        model_name=name,
        archive_format=archive_format,
        manifest_text=text,
        files=tuple(members),
        timestamp=packed,
        owner=owner or (Owner() if reproducible else archive.owner or _current_owner(archive_format)),
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
) -> int:
    if timestamp is None and not reproducible and archive.timestamp is not None:
        return archive.timestamp
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
    if isinstance(archive, WorkflowArchive):
        old = archive.manifest
        workflow = dataclasses.replace(old.workflow, workflow_name=name)
        new = dataclasses.replace(old, workflow=workflow, created_on=when or old.created_on)
        return archive.manifest_text if new == old else new.to_json()
    manifest = archive.manifest
    model = dataclasses.replace(
        manifest.model,
        model_name=name,
        model_version=manifest.model.model_version if version is None else version or None,
    )
    changed = dataclasses.replace(manifest, model=model, created_on=when or manifest.created_on)
    return archive.manifest_text if changed == manifest else changed.to_json()
