"""A plan: a frozen value that fully determines the bytes of an archive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

from marpack.archive import forms, names
from marpack.archive.forms import ARCHIVE_FORMATS, DEFLATES, ArchiveFormat, Compression, Deflate
from marpack.archive.manifest import MANIFEST_NAME, WORKFLOW_MANIFEST_NAME, Manifest, WorkflowManifest
from marpack.archive.member import Member
from marpack.archive.owner import Owner
from marpack.archive.sources import BytesSource
from marpack.display import printable
from marpack.frozen import frozen


@frozen
class Plan(ABC):
    """What writers know of an archive of any kind; ``ArchivePlan`` explains the fields."""

    archive_format: ArchiveFormat
    manifest_text: str
    files: tuple[Member, ...]
    timestamp: int
    warnings: tuple[str, ...] = ()
    deflate: Deflate = "zlib"

    manifest_name: ClassVar[str]

    def __post_init__(self) -> None:
        if self.archive_format not in ARCHIVE_FORMATS:
            raise ValueError(f"the form {self.archive_format!r} is not one of {', '.join(ARCHIVE_FORMATS)}")
        if self.deflate not in DEFLATES:
            raise ValueError(f"the method {self.deflate!r} is not one of {', '.join(DEFLATES)}")
        # A second time for what ``Inputs`` has noted: a plan is public, may be made by hand or by ``replace()``,
        # and writers trust its names alone. It takes less than 10 us a name.
        files = [member.name for member in self.files]
        problems = [self._name_problem(), *(names.member_name_problem(file, self.manifest_name) for file in files)]
        if problem := next(filter(None, problems), None):
            raise ValueError(problem)
        if any(one >= other for one, other in pairwise(map(names.member_order, files))):
            raise ValueError("the files of a plan are unique and in the order of member_order()")
        folders = {folder for file in files for folder in names.parents(file)}
        if clash := folders.intersection(files):
            raise ValueError(f"{min(clash)!r} cannot be both a file and a folder")
        only = {"default": Compression.DEFLATED, "zip-store": Compression.STORED}.get(self.archive_format)
        if only is not None and any(member.compression is not only for member in self.files):
            raise ValueError(f"the members of {self.archive_format} are all {only.name.lower()}")

    @abstractmethod
    def _name_problem(self) -> str | None:
        """Return what is wrong with the archive's name, or None."""

    @property
    def suffix(self) -> str:
        """How the file's name must end for the server to read this form."""
        return forms.SUFFIXES[self.archive_format]

    @property
    @abstractmethod
    def file_name(self) -> str:
        """The name that a store expects: the archive's, with the suffix of the form."""

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """All members in order: ``files``, and the manifest last."""
        source = BytesSource(data=self.manifest_text.encode())
        manifest = Member(
            name=self.manifest_name,
            source=source,
            size=source.size,
            mode=None,
            mtime_ns=self.timestamp * 10**9,
            compression=forms.compression_for(self.manifest_name, self.archive_format, weights=False),
            origin="the manifest",
        )
        return (*self.files, manifest)

    @property
    def size(self) -> int:
        """The sum of the members' contents in bytes, uncompressed."""
        return sum(member.size for member in self.members)

    def __str__(self) -> str:
        members = self.members
        head = f"{self.file_name}: {len(members)} members, {self.size:,} bytes before compression"
        return "\n".join([head, *(f"{member.size:>15,}  {printable(member.name)}" for member in members)])


@frozen
class ArchivePlan(Plan):
    """Everything that a model's archive will be, before its contents are read.

    ``owner`` is whom the members of a ``tgz`` belong to. The other fields are those of all plans: ``files``, the
    members in order but for the manifest, which is written last from ``manifest_text``; ``timestamp``, the time of
    packing in seconds since the epoch; ``deflate``, how to compress; ``warnings``, for the caller to show.
    ``str(plan)`` lists it all.
    """

    model_name: str
    owner: Owner

    manifest_name: ClassVar[str] = MANIFEST_NAME

    @cached_property
    def manifest(self) -> Manifest:
        """The values of ``manifest_text``."""
        return Manifest.from_json(self.manifest_text)

    @property
    def file_name(self) -> str:
        """The name that a model store expects: the model's, with the suffix of the form."""
        return self.model_name + self.suffix

    def _name_problem(self) -> str | None:
        return names.model_name_problem(self.model_name, self.archive_format)


@frozen
class WorkflowPlan(Plan):
    """Everything that a workflow's archive will be, before its contents are read.

    Its fields are those of all plans (see ``ArchivePlan``); ``archive_format`` is ``default``, a deflated zip.
    """

    workflow_name: str
    archive_format: ArchiveFormat = "default"

    manifest_name: ClassVar[str] = WORKFLOW_MANIFEST_NAME

    @cached_property
    def manifest(self) -> WorkflowManifest:
        """The values of ``manifest_text``."""
        return WorkflowManifest.from_json(self.manifest_text)

    @property
    def suffix(self) -> str:
        """How the file's name must end for the server to read it as a zip."""
        return forms.WORKFLOW_SUFFIX

    @property
    def file_name(self) -> str:
        """The name that a workflow store expects: the workflow's, with the suffix."""
        return self.workflow_name + self.suffix

    def _name_problem(self) -> str | None:
        if self.archive_format != "default":  # W1
            return f"a workflow has no form {self.archive_format!r}: it is default, a deflated zip"
        return names.workflow_name_problem(self.workflow_name)
