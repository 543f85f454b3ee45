"""What an archive is and holds, for people and programs, without running any of it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.forms import Compression, ContainerForm
from marpack.archive.inspection.block_reader import BlockReader, can_jump
from marpack.archive.inspection.elf import ELF
from marpack.archive.inspection.kinds import Weights
from marpack.archive.inspection.pickles import Budget
from marpack.archive.inspection.weights import NUMPY, ZIP, describe_weights
from marpack.archive.member import ArchiveMember
from marpack.archive.read.archive import Archive, WorkflowArchive
from marpack.archive.read.limits import LIMIT_CODES
from marpack.archive.read.member_reader import MemberReader
from marpack.archive.read.open import ArchiveSource, opened
from marpack.archive.result import Progress
from marpack.errors import ArchiveError
from marpack.findings import Issue
from marpack.frozen import frozen
from marpack.strict_json import DEEPEST, Spelled, is_nested_deeper, without_infinite

ArchiveKind: TypeAlias = Literal["model", "workflow"]

# Of the JSON (spec/inspect.schema.json): it grows with changes that a reader of the old one would trip over.
SCHEMA_VERSION = 1

_WEIGHTS_SUFFIXES = {
    *(".bin", ".ckpt", ".gguf", ".h5", ".joblib", ".npy", ".npz", ".onnx", ".pickle", ".pkl", ".pt", ".pt2"),
    *(".pte", ".pth", ".safetensors", ".so"),
}
# The kinds that say nothing of a member which is not called like weights.
_NO_WEIGHTS = {"unknown", "zip"}
_HEAD_SIZE = 64


@frozen
class InspectedMember:
    """One member: what the archive says of it, its SHA-256 if asked for, and what it is if it is weights."""

    archived: ArchiveMember
    sha256: str | None = None
    weights: Weights | None = None

    def asdict(self) -> dict[str, Any]:
        """Return JSON values."""
        member = self.archived
        return {
            "name": member.name,
            "size": member.size,
            "compressed_size": member.compressed_size,
            "compression": method_name(member.compression),
            "crc32": member.crc32,
            "mode": None if member.mode is None else f"{stat.S_IMODE(member.mode):04o}",
            "sha256": self.sha256,
            "weights": None if self.weights is None else asdict(self.weights),
        }


@frozen
class Inspection:
    """What ``inspect_archive`` finds in an archive.

    ``size`` are its bytes on disk, ``contents_size`` those of the members. ``manifest`` is the JSON object as it
    stands, None where there is none that can be read. ``sha256`` is the archive's, None unless asked for, and for
    a folder. ``references`` are the files that the manifest names. ``issues`` are those of ``Archive.issues``
    and what was found damaged on the way: not all contents are read, unless for digests. Names, keys and values
    are as in the archive, not escaped; in JSON, issues hide what is secret.
    """

    path: str
    form: ContainerForm
    kind: ArchiveKind
    size: int
    contents_size: int
    sha256: str | None
    manifest_name: str
    manifest: Mapping[str, Any] | None
    references: Mapping[str, str]
    members: tuple[InspectedMember, ...]
    folders: tuple[str, ...]
    issues: tuple[Issue, ...]

    def asdict(self) -> dict[str, Any]:
        """Return JSON values, of the schema spec/inspect.schema.json."""
        return {
            "schema": SCHEMA_VERSION,
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "references": dict(self.references),
            "members": [member.asdict() for member in self.members],
            "folders": list(self.folders),
            "issues": [issue.asdict() for issue in self.issues],
        }

    def to_json(self) -> str:
        """Return the JSON of spec/inspect.schema.json, in ASCII."""
        return json.dumps(self.asdict(), indent=2, allow_nan=False)


def inspect_archive(
    archive: ArchiveSource, *, digest: bool = False, progress: Progress | None = None
) -> Inspection:
    """Return what an archive is: its manifest, its members, and what the weights among them are.

    ``archive`` is open, or a path, a URL or an open binary file, as ``open_archive`` takes them.

    Nothing is imported or unpickled; of a pickle it is listed what it imports. Members are taken for weights by
    being the manifest's ``serializedFile``, by their suffix, or by their first bytes. With ``digest`` everything
    is read, for SHA-256 sums. ``progress`` is called with numbers of bytes, which add up to those of the members,
    and of the archive's file too with ``digest``.

    Raises what reading files raises; whatever is wrong with the archive is among the ``issues``. Contents of an
    archive that holds more than its limits allow are not read.
    """
    with opened(archive) as source:
        return _inspect(source, digest=digest, progress=progress)


def _inspect(archive: Archive, *, digest: bool, progress: Progress | None) -> Inspection:
    issues = [*archive.issues]
    manifest: dict[str, Any] | None = None
    references: Mapping[str, str] = {}
    try:
        references = archive.references
        manifest = manifest_values(archive)
    except ArchiveError as error:
        issues.append(error.issue)
    sha256 = None
    if any(issue.code in LIMIT_CODES for issue in issues):
        members = [InspectedMember(archived=member) for member in archive.members]
    else:
        weights = references.get("serializedFile")
        inspector = _MemberInspector(archive, weights, digest=digest, progress=progress, issues=issues)
        members = list(inspector.members())
        if digest and archive.form != "folder":
            sha256 = sha256_of(archive.raw(), progress)
    return Inspection(
        path=archive.path,
        form=archive.form,
        kind="workflow" if isinstance(archive, WorkflowArchive) else "model",
        size=archive.size,
        contents_size=sum(member.size for member in archive.members),
        sha256=sha256,
        manifest_name=archive.manifest_name,
        manifest=manifest,
        references=references,
        members=tuple(members),
        folders=archive.folders,
        issues=tuple(dict.fromkeys(issues)),
    )


def manifest_values(archive: Archive) -> dict[str, Any]:
    """Return the JSON object that a manifest is, with its keys as they stand; a NaN is a text.

    Raises ``ArchiveError`` where there is none, where it is no manifest, and where it is nested so deeply that not
    all that reads JSON takes it.
    """
    archive.manifest  # noqa: B018 - raises for what is not strict JSON
    values: dict[str, Any] = json.loads(archive.manifest_text, parse_float=Spelled)
    if is_nested_deeper(values, DEEPEST):
        message = f"has a bad manifest: nested deeper than {DEEPEST} levels"
        raise ArchiveError(archive.path, message, code="bad-manifest")
    return {key: without_infinite(value) for key, value in values.items()}


def method_name(compression: int | None) -> str | None:
    """Return the word for a member's method."""
    if compression is None:
        return None
    known = {Compression.STORED: "stored", Compression.DEFLATED: "deflated"}
    return known.get(Compression(compression)) if compression in known else f"method {int(compression)}"


@dataclass
class _MemberInspector:
    """Goes through the members once, in the order of their bytes; what is damaged goes to the ``issues``."""

    archive: Archive
    serialized_file: str | None
    digest: bool
    progress: Progress | None
    issues: list[Issue]
    budget: Budget = field(default_factory=Budget)

    def members(self) -> Iterator[InspectedMember]:
        archive = self.archive
        if archive.form == "tgz":
            # A member that is opened by itself costs a reading of all before it.
            for member, reader in archive.contents(frozenset(archive.members)):
                yield self._member(member, reader)
            return
        for member in archive.members:
            try:
                reader = archive.open(member)
            except ArchiveError as error:
                self.issues.append(error.issue)
                self._advance(member.size)
                yield InspectedMember(archived=member)
                continue
            with reader:
                yield self._member(member, reader)

    def _member(self, member: ArchiveMember, reader: MemberReader) -> InspectedMember:
        jumps = can_jump(self.archive.form, member)
        contents = BlockReader(reader, member.size, jumps=jumps, progress=self.progress)
        sha256 = None
        weights = None
        try:
            if self.digest:
                sha256 = sha256_of(iter(contents.read_on, b""))  # to the end, where the CRC is held against it
            weights = self._weights(member, contents)
        except ArchiveError as error:
            self.issues.append(error.issue)
        self._advance(member.size - contents.counted)
        return InspectedMember(archived=member, sha256=sha256, weights=weights)

    def _weights(self, member: ArchiveMember, contents: BlockReader) -> Weights | None:
        suffix = os.path.splitext(member.name)[1].lower()
        called_so = member.name == self.serialized_file or suffix in _WEIGHTS_SUFFIXES
        if not called_so and not _may_be_weights(contents.read(_HEAD_SIZE)):
            return None
        weights = describe_weights(contents, member.size, budget=self.budget)
        if called_so or weights.kind not in _NO_WEIGHTS or not weights.globals_complete:
            return weights
        return None

    def _advance(self, count: int) -> None:
        if self.progress and count:
            self.progress(count)


def _may_be_weights(head: bytes) -> bool:
    """Judge the first bytes: an archive, a library, an array, a pickle of protocol 2 or later, safetensors."""
    return (
        head.startswith((ZIP, ELF, NUMPY))
        or (head[:1] == b"\x80" and b"\2" <= head[1:2] <= b"\5")
        or (head[8:9] == b"{" and head[4:8] == bytes(4))
    )


def sha256_of(pieces: Iterable[bytes], progress: Progress | None = None) -> str:
    """Return the SHA-256 of all pieces together."""
    sha256 = new_sha256()
    for piece in pieces:
        sha256.update(piece)
        if progress:
            progress(len(piece))
    return sha256.hexdigest()
