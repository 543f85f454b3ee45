"""What an archive is and holds, told for people and programs, without running any of it."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from marpack.archive.digest import new_sha256
from marpack.archive.entry import Compression
from marpack.archive.layout import printable
from marpack.archive.limits import LIMIT_CODES
from marpack.archive.opened import WorkflowArchive
from marpack.archive.weights import Weights, describe_weights
from marpack.errors import ArchiveError, Issue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from marpack.archive.container import ArchiveEntry, Container, ContainerForm, MemberReader
    from marpack.archive.content import Progress
    from marpack.archive.opened import ModelArchive

__all__ = ["ArchiveKind", "InspectedMember", "Inspection", "inspect_archive", "manifest_values", "method_name"]

ArchiveKind: TypeAlias = Literal["model", "workflow"]

# Of the JSON (spec/inspect.schema.json): it grows with changes that a reader of the old one would trip over.
SCHEMA_VERSION = 1

_WEIGHTS_SUFFIXES = frozenset(
    """
    .bin .ckpt .gguf .h5 .joblib .npy .npz .onnx .pickle .pkl .pt .pt2 .pte .pth .safetensors .so
    """.split()  # noqa: SIM905 - a dozen quotes would hide the words
)
# The kinds that say nothing of a member which is not called like weights.
_NO_WEIGHTS = {"unknown", "zip"}
_ELF, _NUMPY, _ZIP = b"\x7fELF", b"\x93NUMPY", b"PK\3\4"
_HEAD_SIZE = 64

# Of objects and arrays in a manifest.
_DEEPEST = 100

_BLOCK_SIZE = 1 << 18
# Blocks that are kept of each end: as much as is read at once of a directory in a zip.
_BLOCKS_KEPT = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectedMember:
    """One member: what the archive says of it, its SHA-256 if asked for, and what it is if it is weights."""

    entry: ArchiveEntry
    sha256: str | None = None
    weights: Weights | None = None

    def asdict(self) -> dict[str, Any]:
        """Return JSON values."""
        entry = self.entry
        return {
            "name": entry.name,
            "size": entry.size,
            "compressed_size": entry.compressed_size,
            "compression": method_name(entry.compression),
            "crc32": entry.crc32,
            "mode": None if entry.mode is None else f"{stat.S_IMODE(entry.mode):04o}",
            "sha256": self.sha256,
            "weights": None if self.weights is None else asdict(self.weights),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """What ``inspect_archive`` tells of an archive.

    ``size`` are its bytes on disk, ``contents_size`` those of the members. ``manifest`` is the JSON object as it
    stands, None where there is none that can be read. ``sha256`` is the archive's, None unless asked for, and for
    a folder. ``references`` are the files that the manifest names. ``issues`` are what is wrong, as
    ``ModelArchive.issues`` tells, and what was found damaged on the way: not all contents are read, unless for
    digests. Names, keys and values are the archive's words: whoever shows them escapes them.
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
            "path": self.path,
            "form": self.form,
            "kind": self.kind,
            "size": self.size,
            "contents_size": self.contents_size,
            "sha256": self.sha256,
            "manifest_name": self.manifest_name,
            "manifest": self.manifest,
            "references": dict(self.references),
            "members": [member.asdict() for member in self.members],
            "folders": list(self.folders),
            "issues": [asdict(issue) for issue in self.issues],
        }

    def to_json(self) -> str:
        """Return the JSON of spec/inspect.schema.json, in ASCII."""
        return json.dumps(self.asdict(), indent=2, allow_nan=False)


def inspect_archive(
    archive: ModelArchive, *, digests: bool = False, progress: Progress | None = None
) -> Inspection:
    """Tell what an open archive is: its manifest, its members, and what the weights among them are.

    Nothing is imported or unpickled; of a pickle it is listed what it imports. Members are taken for weights by
    being the manifest's ``serializedFile``, by their suffix, or by their first bytes. With ``digests`` everything
    is read, for SHA-256 sums. ``progress`` is called with numbers of bytes, which add up to those of the members,
    and of the archive's file too with ``digests``.

    Raises what reading files raises; whatever is wrong with the archive is among the ``issues``. Contents of an
    archive that holds more than its limits allow are not read.
    """
    container = archive.container
    issues = [*archive.issues]
    manifest: dict[str, Any] | None = None
    references: Mapping[str, str] = {}
    try:
        references = archive.references
        manifest = manifest_values(archive)
    except ArchiveError as error:
        issues.append(_issue(error))
    if any(issue.code in LIMIT_CODES for issue in issues):
        members = [InspectedMember(entry=entry) for entry in archive.entries]
        sha256 = None
    else:
        looking = _Looking(
            container, references.get("serializedFile"), digests=digests, progress=progress, issues=issues
        )
        members = list(looking.members())
        sha256 = _digest(container, progress) if digests else None
    return Inspection(
        path=archive.path,
        form=archive.form,
        kind="workflow" if isinstance(archive, WorkflowArchive) else "model",
        size=archive.size,
        contents_size=sum(entry.size for entry in archive.entries),
        sha256=sha256,
        manifest_name=archive.manifest_name,
        manifest=manifest,
        references=references,
        members=tuple(members),
        folders=archive.folders,
        issues=tuple(dict.fromkeys(issues)),
    )


def manifest_values(archive: ModelArchive) -> dict[str, Any]:
    """Return the JSON object that a manifest is, with its keys as they stand.

    Raises ``ArchiveError`` where there is none, where it is no manifest, and where it is nested so deeply that not
    all that reads JSON takes it.
    """
    archive.manifest  # noqa: B018 - raises for what is not strict JSON
    values: dict[str, Any] = json.loads(archive.manifest_text)
    level: list[Any] = [values]
    for _ in range(_DEEPEST):
        level = [
            item
            for value in level
            if isinstance(value, (dict, list))
            for item in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return values
    message = f"has a bad manifest: nested deeper than {_DEEPEST} levels"
    raise ArchiveError(archive.path, message, code="bad-manifest")


def method_name(compression: int | None) -> str | None:
    """Return the word for a member's method."""
    if compression is None:
        return None
    known = {Compression.STORED: "stored", Compression.DEFLATED: "deflated"}
    return known.get(Compression(compression)) if compression in known else f"method {int(compression)}"


class _Looking:
    """Goes through the members once, in the order of their bytes."""

    def __init__(
        self,
        container: Container,
        serialized_file: str | None,
        *,
        digests: bool,
        progress: Progress | None,
        issues: list[Issue],
    ) -> None:
        self._container = container
        self._serialized_file = serialized_file
        self._digests = digests
        self._progress = progress
        self._issues = issues

    def members(self) -> Iterator[InspectedMember]:
        """Yield all members; what is damaged goes to the issues."""
        container = self._container
        if container.form == "tgz":
            # A member that is opened by itself costs a reading of all before it.
            for entry, reader in container.contents(frozenset(container.entries)):
                yield self._member(entry, reader)
            return
        for entry in container.entries:
            try:
                reader = container.open(entry)
            except ArchiveError as error:
                self._issues.append(_issue(error))
                self._advance(entry.size)
                yield InspectedMember(entry=entry)
                continue
            with reader:
                yield self._member(entry, reader)

    def _member(self, entry: ArchiveEntry, reader: MemberReader) -> InspectedMember:
        jumps = self._container.form == "folder" or entry.compression is Compression.STORED
        contents = _Contents(reader, entry.size, jumps=jumps, progress=self._progress)
        sha256 = None
        weights = None
        try:
            if self._digests:
                sha256 = contents.digest()
            weights = self._weights(entry, contents)
        except ArchiveError as error:
            contents.damage = error
        if contents.damage:  # which a reader of weights may have taken for theirs
            weights = None
            self._issues.append(_issue(contents.damage))
        self._advance(entry.size - contents.counted)
        return InspectedMember(entry=entry, sha256=sha256, weights=weights)

    def _weights(self, entry: ArchiveEntry, contents: _Contents) -> Weights | None:
        called_so = (
            entry.name == self._serialized_file or os.path.splitext(entry.name)[1].lower() in _WEIGHTS_SUFFIXES
        )
        if not called_so and not _may_be_weights(contents.head()):
            return None
        weights = describe_weights(contents, entry.size)
        if called_so or weights.kind not in _NO_WEIGHTS or not weights.globals_complete:
            return weights
        return None

    def _advance(self, count: int) -> None:
        if self._progress and count:
            self._progress(count)


def _may_be_weights(head: bytes) -> bool:
    """Tell by the first bytes: an archive, a library, an array, a pickle of protocol 2 or later, safetensors."""
    return (
        head.startswith((_ZIP, _ELF, _NUMPY))
        or (head[:1] == b"\x80" and b"\2" <= head[1:2] <= b"\5")
        or (head[8:9] == b"{" and head[4:8] == bytes(4))
    )


class _Contents:
    """A member as a file that is read here and there.

    Where to go back means to begin anew (unless it ``jumps``), both ends are kept, which is where formats have
    their directories.
    """

    def __init__(self, reader: MemberReader, size: int, *, jumps: bool, progress: Progress | None) -> None:
        self.damage: ArchiveError | None = None
        self.counted = 0
        self._reader = reader
        self._size = size
        self._jumps = jumps
        self._progress = progress
        self._position = 0
        # By their number, the latest last; and the one that the reader gives next.
        self._blocks: dict[int, bytes] = {}
        self._next = 0

    def digest(self) -> str:
        """Return the SHA-256, and have the CRC held against the contents."""
        sha256 = new_sha256()
        while block := self._read_on():
            sha256.update(block)
        return sha256.hexdigest()

    def head(self) -> bytes:
        """Return the first bytes."""
        self.seek(0)
        return self.read(_HEAD_SIZE)

    def seek(self, offset: int, /) -> int:
        """Go to a place, counted from the beginning."""
        self._position = offset
        return offset

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none only at the end."""
        if size <= 0 or self._position >= self._size:
            return b""
        number, inside = divmod(self._position, _BLOCK_SIZE)
        try:
            data = self._block(number)[inside : inside + size]
        except ArchiveError as error:
            self.damage = error
            raise
        self._position += len(data)
        return data

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            return self._blocks[number]
        if number != self._next and (self._jumps or number < self._next):
            self._next = number if self._jumps else 0
            self._reader.seek(self._next * _BLOCK_SIZE)
        block = self._read_on()
        while self._next <= number:
            block = self._read_on()
        return block

    def _read_on(self) -> bytes:
        """Read the next block, and keep it: for ever if it is of the first, else while it is of the latest."""
        pieces = []
        left = _BLOCK_SIZE
        while left and (piece := self._reader.read(left)):
            pieces.append(piece)
            left -= len(piece)
        block = b"".join(pieces)
        if self._progress and (new := min(self._next * _BLOCK_SIZE + len(block), self._size) - self.counted) > 0:
            self._progress(new)
            self.counted += new
        self._blocks[self._next] = block
        if len(self._blocks) > 2 * _BLOCKS_KEPT:
            del self._blocks[next(number for number in self._blocks if number >= _BLOCKS_KEPT)]
        self._next += 1
        return block


def _digest(container: Container, progress: Progress | None) -> str | None:
    """Return the SHA-256 of an archive, None for a folder."""
    if container.form == "folder":
        return None
    sha256 = new_sha256()
    for piece in container.raw():
        sha256.update(piece)
        if progress:
            progress(len(piece))
    return sha256.hexdigest()


def _issue(error: ArchiveError) -> Issue:
    return Issue(code=error.code, argument=printable(error.member or ""), message=error.message)
