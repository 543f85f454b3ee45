"""From an archive to the plan of another one: what is not changed is taken as it lies there."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from marpack.archive import forms, names
from marpack.archive.formats.deflate import require_available
from marpack.archive.forms import ARCHIVE_FORMATS, ArchiveFormat, Compression, Deflate
from marpack.archive.manifest import Manifest, WorkflowManifest
from marpack.archive.member import ArchiveMember, Member
from marpack.archive.owner import Owner
from marpack.archive.packed_at import PackedAt
from marpack.archive.plan.arguments import note_unknown, resolve_owner, resolve_timestamp
from marpack.archive.plan.contents import SourceLike
from marpack.archive.plan.inputs import DEFAULT_MODE, Candidate, Inputs
from marpack.archive.plan.plan import ArchivePlan, WorkflowPlan
from marpack.archive.read.archive import Archive, WorkflowArchive, container_of
from marpack.archive.read.member_reader import require_crc
from marpack.archive.read.open import ArchiveSource, opened_for_good
from marpack.archive.region import Region
from marpack.archive.sources import DeflatedSource, Reader, StoredSource
from marpack.errors import PlanError
from marpack.frozen import frozen


def plan_repack(
    archive: ArchiveSource,
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
    verify: bool = False,
) -> ArchivePlan | WorkflowPlan:
    """Plan an archive that is another one with changes, which must stay as it is until the plan is written.

    - ``archive``: the other one: open, and open until then; or a path, a URL or an open binary file, as
      ``open_archive`` takes them, which is open for as long as the plan is there.
    - ``model_name``, ``version``: of the new one; of a workflow, which has no version, ``model_name`` is the name.
    - ``put``: members that replace those of the same name or are added, as in ``extra_files`` of
      ``plan_archive``.
    - ``drop``: names of members, and of folders for all that lies in them, that are left out.
    - ``archive_format``: the form of the new one; by default that of the old one, whose members each stay stored
      or deflated. What is stored in both zips, or deflated in both, is copied as it is, with its CRC; blocks are
      shared with the old one where the file system can, and are not read.
    - ``deflate``: compress everything anew in this way.
    - ``timestamp``, ``reproducible``, ``owner``: as in ``plan_archive``. Without the first two, times are those of
      the old archive, also that in the manifest.
    - ``verify``: hold everything that is taken over against its CRC, which means to read it. Otherwise damage may
      be carried on as it is, and is found by the new archive's ``verify`` as by the old one's.

    The manifest is rewritten only where it changes; what marpack does not know in it stays. Raises ``PlanError``,
    whose ``issues`` are everything that is wrong, and what ``archive.refuse()`` raises; names that differ in case
    only are fine.
    """
    archive = opened_for_good(archive)
    archive.refuse(case_sensitive=True)
    inputs = Inputs(archive.manifest_name)
    form = archive_format or _own_format(archive)
    note_unknown(inputs, "archive_format", form, ARCHIVE_FORMATS)
    method = "zlib" if deflate is None else deflate
    note_unknown(inputs, "deflate", method, forms.DEFLATES)
    packed = _resolve_time(inputs, archive, timestamp, reproducible=reproducible)
    for added, value in (put or {}).items():
        inputs.add("put", added, value, keep_time=True)
    new = {candidate.name: candidate for candidate in inputs.settle()}
    dropped = _dropped(inputs, archive, drop, new)
    name = _new_name(inputs, archive, model_name, form)
    gone = {*dropped, *new, archive.manifest_name}
    kept = [member for member in archive.members if member.name not in gone]
    _note_kept(inputs, archive, kept, dropped)
    _note_clashes(inputs, kept, new)
    is_workflow = isinstance(archive, WorkflowArchive)
    if version is not None and is_workflow:
        inputs.issue("bad-value", "version", "a workflow has no version: leave it out")
    if inputs.issues:
        raise PlanError(inputs.issues)
    if forms.deflates(form):
        require_available(method)

    weights = archive.references.get("serializedFile")

    def planned(candidate: Candidate) -> Member:
        compression = forms.compression_for(candidate.name, form, weights=candidate.name == weights)
        return candidate.member(compression, packed, normalise=reproducible)

    def copied(member: ArchiveMember) -> Member:
        compression = forms.compression_for(member.name, form, weights=member.name == weights)
        if archive_format is None and isinstance(member.compression, Compression):
            compression = member.compression
        return Member(
            name=member.name,
            source=_source(archive, member, compression, deflate, form, verify=verify),
            size=member.size,
            mode=DEFAULT_MODE if reproducible or not member.mode else stat.S_IMODE(member.mode),
            mtime_ns=packed.nanoseconds if reproducible or member.mtime_ns is None else member.mtime_ns,
            compression=compression,
            origin=f"{archive.path}/{member.name}",
        )

    members = [*map(planned, new.values()), *map(copied, kept)]
    files = tuple(sorted(members, key=lambda member: names.member_order(member.name)))
    when = packed.created_on if timestamp is not None or reproducible else None
    text = _manifest_text(archive, name, version, when)
    if is_workflow:
        return WorkflowPlan(
            workflow_name=name, manifest_text=text, files=files, timestamp=packed.seconds, deflate=method
        )
    return ArchivePlan(
        model_name=name,
        archive_format=form,
        manifest_text=text,
        files=files,
        timestamp=packed.seconds,
        owner=resolve_owner(owner, form, reproducible=reproducible, otherwise=archive.owner),
        deflate=method,
    )


def _source(
    archive: Archive,
    member: ArchiveMember,
    compression: Compression,
    deflate: Deflate | None,
    form: ArchiveFormat,
    *,
    verify: bool,
) -> _MemberSource:
    """Return how a member is taken over: as it is, if it is in the new archive what it is in the old one."""
    kind = _MemberSource
    # In another form than a zip nothing would say what the CRC is.
    if form not in ("tgz", "no-archive") and compression is member.compression:
        if compression is Compression.DEFLATED and deflate is None:
            kind = _DeflatedMemberSource
        elif compression is Compression.STORED:
            kind = _StoredMemberSource
    return kind(archive=archive, member=member, verify=verify)


@frozen
class _MemberSource:
    """A member of an open archive, as a source of another one."""

    archive: Archive
    member: ArchiveMember
    verify: bool

    @property
    def size(self) -> int:
        return self.member.size

    @property
    def crc32(self) -> int:
        return self.member.crc32 or 0

    @property
    def in_order(self) -> bool:
        """Whether members are best read one after another."""
        return self.archive.form == "tgz"

    def open(self) -> Reader:
        return self.archive.open(self.member)


@frozen
class _StoredMemberSource(_MemberSource, StoredSource):
    """A member whose bytes can be taken as they lie in the archive, with the CRC that it states."""

    @property
    def is_summed(self) -> bool:
        return self.verify

    def require_crc(self, crc: int) -> None:
        require_crc(self.archive.path, self.member, crc)

    @contextlib.contextmanager
    def region(self) -> Iterator[Region | None]:
        with container_of(self.archive).region(self.member) as region:
            yield region
            if region:
                region.file.require_unchanged()


@frozen
class _DeflatedMemberSource(_MemberSource, DeflatedSource):
    """A member whose deflated bytes can be taken as they are; who inflates them holds them against the CRC."""

    @property
    def compressed_size(self) -> int:
        return self.member.compressed_size

    def deflated(self) -> Iterator[tuple[bytes, bytes]]:
        return container_of(self.archive).deflated(self.member)

    def packed(self) -> Iterator[bytes] | None:
        return None if self.verify else container_of(self.archive).packed(self.member)


def _own_format(archive: Archive) -> ArchiveFormat:
    """Return the form of an archive; ``auto`` is a zip in which some are stored and some are not."""
    if archive.form != "zip":
        return "tgz" if archive.form == "tgz" else "no-archive"
    methods = {member.compression for member in archive.members}
    if Compression.STORED not in methods:
        return "default"
    return "auto" if len(methods) > 1 else "zip-store"


def _resolve_time(inputs: Inputs, archive: Archive, timestamp: object, *, reproducible: bool) -> PackedAt:
    if timestamp is None and not reproducible and archive.timestamp is not None:
        with contextlib.suppress(ValueError):  # a tar may name a time that no manifest could
            return PackedAt(archive.timestamp)
    return resolve_timestamp(inputs, timestamp, reproducible=reproducible)


def _dropped(inputs: Inputs, archive: Archive, drop: Iterable[str], new: Mapping[str, Candidate]) -> set[str]:
    found: set[str] = set()
    for name in [drop] if isinstance(drop, str) else drop:
        inside = {each.name for each in archive.members if names.is_chosen(each.name, name)}
        if not inside:
            inputs.issue("missing-file", "drop", f"{name!r} is not in the archive: correct the name")
        if both := inside & new.keys():
            inputs.issue("bad-value", "drop", f"{min(both)!r} is to be left out and to be put in: decide")
        found |= inside
    if archive.manifest_name in found:
        inputs.issue("bad-value", "drop", f"{archive.manifest_name!r} is the manifest, which every archive has")
    return found


def _note_kept(inputs: Inputs, archive: Archive, kept: Iterable[ArchiveMember], dropped: set[str]) -> None:
    """Note members that an archive may have and marpack does not write, and such as must stay."""
    for member in kept:
        if problem := names.member_name_problem(member.name, inputs.manifest_name):
            inputs.issue("bad-member-name", "drop", f"{problem}, or leave it out")
    for key, file in archive.references.items():
        if file in dropped:
            inputs.issue("bad-value", "drop", f"{file!r} is what the manifest calls {key}: it cannot be left out")


def _note_clashes(inputs: Inputs, kept: Iterable[ArchiveMember], new: Mapping[str, Candidate]) -> None:
    """Note new files that are folders of others, or lie in what is a file."""
    files = {member.name for member in kept} | new.keys()
    for added in new:
        below = next((other for other in files if other.startswith(f"{added}/")), None)
        above = next((folder for folder in names.parents(added) if folder in files), None)
        if clash := below or above:
            inputs.issue("collision", "put", f"{added!r} and {clash!r}: one would be a folder of the other")


def _new_name(inputs: Inputs, archive: Archive, name: str | None, archive_format: ArchiveFormat) -> str:
    if isinstance(archive, WorkflowArchive):
        name = name or archive.manifest.workflow.workflow_name or ""
        problem = names.workflow_name_problem(name)
        if archive_format not in ("default", "auto"):
            inputs.issue("bad-value", "archive_format", "a workflow's archive is a deflated zip: leave it out")
    else:
        name = name or archive.manifest.model.model_name or ""
        problem = names.model_name_problem(name, archive_format)
    if problem:
        inputs.issue("bad-model-name", "model_name", f"{problem}; give one (model_name=, --model-name)")
    return name


def _manifest_text(archive: Archive, name: str, version: str | None, when: str | None) -> str:
    """Return the old text unless something of it changes."""
    old: Manifest | WorkflowManifest = archive.manifest
    new = replace(old, created_on=when or old.created_on)
    if isinstance(new, WorkflowManifest):
        new = replace(new, workflow=replace(new.workflow, workflow_name=name))
    else:
        version = new.model.model_version if version is None else version or None
        new = replace(new, model=replace(new.model, model_name=name, model_version=version))
    return archive.manifest_text if new == old else new.to_json()
