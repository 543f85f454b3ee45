"""An archive that is open for reading, whatever its form (spec/archive.md, R clauses)."""

from __future__ import annotations

import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from marpack.archive.handler import HandlerName
from marpack.archive.manifest import MANIFEST_NAME, WORKFLOW_MANIFEST_NAME, Manifest, WorkflowManifest
from marpack.archive.member import ArchiveMember
from marpack.archive.names import CASE_COLLISION, is_chosen, name_issue, names_issues
from marpack.archive.read.container import Container
from marpack.archive.read.limits import LIMIT_CODES, Limits, raising
from marpack.archive.read.member_reader import MemberReader
from marpack.errors import ArchiveError, LimitError, ManifestError, UnsafeArchiveError
from marpack.findings import Issue

if TYPE_CHECKING:
    from typing import Self

    from marpack.archive.result import Progress

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class Archive(ABC):
    """An archive that is open, of a model or of a workflow: what ``marpack.open_archive`` returns.

    ``path`` is what was opened, ``file_name`` the name by which a model store knows it (empty for an open file),
    ``form`` ``"zip"``, ``"tgz"`` or ``"folder"``, ``size`` the number of bytes on disk. ``members`` are the files
    in their order, ``folders`` the names of folders that the archive lists too. ``outside_links`` are the links in
    a folder that lead out of it, or nowhere: the server follows them, marpack does not. ``owner`` is whom the
    first member of a tgz belongs to, ``manifest_name`` the member that is the manifest.

    Any number of threads may read at once. Nothing is checked beyond what is asked for: ``open`` and ``read`` hold
    a member against its own header, size and CRC, ``extract`` looks at all headers first, and ``verify`` reads
    everything.
    """

    manifest_name: ClassVar[str]
    _manifest_class: ClassVar[type[Manifest] | type[WorkflowManifest]]

    def __init__(self, container: Container, limits: Limits, file_name: str) -> None:
        self.path = container.path
        self.file_name = file_name
        self.form = container.form
        self.size = container.size
        self.members = container.members
        self.folders = container.folders
        self.outside_links = container.outside_links
        self.owner = container.owner
        self._container = container
        self._limits = limits
        # The last of equal names, as the server.
        self._by_name = {member.name: member for member in container.members}
        self._examining = threading.Lock()

    @property
    def timestamp(self) -> int | None:
        """When it was packed, in seconds since the epoch: by the gzip header, or the manifest's time."""
        if self._container.timestamp is not None:
            return self._container.timestamp
        mtime_ns = self[self.manifest_name].mtime_ns if self.manifest_name in self else None
        return None if mtime_ns is None else mtime_ns // 10**9

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End reading; a file that was given open stays open."""
        self._container.close()

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> ArchiveMember:
        try:
            return self._by_name[name]
        except KeyError:
            raise ArchiveError(self.path, "is not in the archive", code="no-member", member=name) from None

    def open(self, member: str | ArchiveMember) -> MemberReader:
        """Open a member for reading, by its name or as one of ``members``, as a binary file that can seek.

        In a tgz all that lies before it is read first, and going back means to begin anew. Raises ``ArchiveError``
        (no such member; while reading, a damaged one) and ``UnsafeArchiveError`` (its own header describes it
        otherwise than the directory).
        """
        return self._container.open(member if isinstance(member, ArchiveMember) else self[member])

    def contents(self, members: Collection[ArchiveMember]) -> Iterator[tuple[ArchiveMember, MemberReader]]:
        """Yield members in their order, each with its contents, to be read before the next is asked for.

        Of a tgz all are read in one go. Raises what ``open`` raises.
        """
        return self._container.contents(members)

    def raw(self) -> Iterator[bytes]:
        """Yield the archive's own bytes; a folder has none."""
        return self._container.raw()

    def read(self, name: str, *, limit: int | None = None) -> bytes:
        """Return a member's contents; raise ``LimitError`` above ``limit`` bytes, and what ``open`` raises."""
        size = self[name].size
        most = self._largest if limit is None else limit
        if size > most:
            message = f"has {size:,} bytes, more than the limit of {most:,}"
            raise LimitError(self.path, message, code="too-large", member=name)
        with self.open(name) as file:
            return file.read()

    def map(self, name: str) -> memoryview:
        """Return a stored member's contents where they lie, read-only and without reading or copying them.

        For weights that are to be looked at here and there, or by many processes, which then share the memory:
        ``numpy.frombuffer(archive.map(name), dtype, count, offset)``; ``torch.frombuffer`` warns that the buffer
        is read-only. In an archive of the form ``auto`` members above 1 MiB begin at a page; of a folder the file
        is mapped. The member's header is held against the directory, as by ``open``, but the CRC is not taken
        (``verify`` does). The buffer outlives the archive, which may be closed, replaced or deleted; but nobody
        may cut its file off or write to it: as with any mapped file, contents then change, or the process is
        killed by ``SIGBUS``.

        Raises ``NotMappableError`` for what is deflated, lies in a tgz, behind a URL or in what is no file, and
        what ``open`` raises.
        """
        from marpack.archive.read.mapping import mapped

        return mapped(self._container, self[name])

    @property
    def _largest(self) -> int:
        return self._limits.size if self.form == "folder" else self._limits.largest(self.size)

    @cached_property
    def manifest_text(self) -> str:
        """The manifest as it stands. Raises ``ArchiveError`` where there is none, or it is not UTF-8."""
        name = self.manifest_name
        if name not in self:
            raise ArchiveError(self.path, f"holds no {name}: pack it again", code="no-manifest")
        if self[name].size > self._limits.manifest:
            message = f"has a manifest of more than {self._limits.manifest:,} bytes"
            raise LimitError(self.path, message, code="manifest-too-large")
        try:
            return self.read(name).decode()
        except UnicodeDecodeError:
            message = f"has a {name} that is not UTF-8: pack it again"
            raise ArchiveError(self.path, message, code="bad-manifest") from None

    @cached_property
    def manifest(self) -> Any:
        """The ``Manifest`` or ``WorkflowManifest``. Raises ``ArchiveError`` where there is none, or it is none."""
        try:
            return self._manifest_class.from_json(self.manifest_text)
        except ManifestError as error:
            raise ArchiveError(self.path, f"has a bad manifest: {error}", code="bad-manifest") from error

    @property
    @abstractmethod
    def references(self) -> Mapping[str, str]:
        """The files that the manifest names, by its keys; a handler that may be the server's is left out (R10)."""

    @cached_property
    def _issues(self) -> tuple[Issue, ...]:
        names = [member.name for member in self.members]
        found = [*self._container.issues(), *filter(None, map(name_issue, (*names, *self.folders)))]
        for issue in names_issues(names, self.folders, most=2 * self._limits.members):
            how = f"{issue.message}: {raising('members')}"
            found.append(replace(issue, message=how) if issue.code in LIMIT_CODES else issue)
        total, most = sum(member.size for member in self.members), self._largest
        if total > most:
            size = self._limits.size if self.form == "folder" else self.size
            how = self._limits.raising_for(size, total)
            message = f"the members hold {total:,} bytes, more than the limit of {most:,} for this archive: {how}"
            found.append(Issue(code="too-large", argument="", message=message))
        return tuple(dict.fromkeys(found))

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What is wrong with the members, by all that is said of them, before their contents are read.

        ``code`` is stable (spec/archive.md, R11) and ``argument`` the member. Looks once at the header of each.
        """
        with self._examining:
            return self._issues

    def refuse(self, *, case_sensitive: bool = False) -> None:
        """Raise ``UnsafeArchiveError`` or ``LimitError`` for the first of ``issues``.

        ``case_sensitive`` says that names which differ in case only are two.
        """
        issues = self.issues
        for issue in issues:
            if issue.code != CASE_COLLISION or not case_sensitive:
                more = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
                error = LimitError if issue.code in LIMIT_CODES else UnsafeArchiveError
                raise error(self.path, issue.message + more, code=issue.code, member=issue.argument or None)

    def extract(
        self,
        folder: str | os.PathLike[str],
        members: Iterable[str] | None = None,
        *,
        force: bool = False,
        case_sensitive: bool = False,
        progress: Progress | None = None,
        threads: int | None = None,
    ) -> tuple[str, ...]:
        """Unpack into a new folder, as the server unpacks, and return the names of the files.

        - ``folder``: appears when all is there; one that exists must be empty, or hold a manifest of this kind and
          ``force`` be given, which replaces it.
        - ``members``: names of files, and of folders for all that lies in them; everything by default.
        - ``case_sensitive``: accept names that differ in case only, which the server does and some disks do not.
        - ``progress``: is called, on this thread, with the number of bytes just unpacked.
        - ``threads``: how many unpack at once, by default as many as this process may use cores, and 8 at most.

        Where the file system shares blocks between files, a large stored member shares the archive's, if they are
        whole ones (form ``auto``), and is only read for its CRC. Files get the permissions of new files, as the
        server's do. Raises ``UnsafeArchiveError`` and ``LimitError`` before anything is written; ``ArchiveError``
        for damage, after which nothing is left; ``TargetError``, ``ArchiveExistsError`` and ``OSError``;
        ``ValueError`` for less than one thread.
        """
        from marpack.archive.read.extract import extract

        self.refuse(case_sensitive=case_sensitive)
        return extract(
            self._container,
            os.fspath(folder),
            self._chosen(members),
            marker=self.manifest_name,
            force=force,
            progress=progress,
            threads=threads,
        )

    def _chosen(self, members: Iterable[str] | None) -> list[ArchiveMember] | None:
        if members is None:
            return None
        if isinstance(members, str):
            raise TypeError(f"members is a list of names, not one: [{members!r}]")
        found: dict[str, ArchiveMember] = {}
        for name in members:
            inside = [each for each in self.members if is_chosen(each.name, name)]
            found |= {member.name: member for member in inside or [self[name]]}  # which raises
        return list(found.values())

    def verify(self, *, progress: Progress | None = None, threads: int | None = None) -> tuple[Issue, ...]:
        """Read everything, and return all that is wrong; nothing is, in a whole archive.

        To ``issues`` come the CRC and size of each member, the files that the manifest names, and the SHA-256 sums
        that it may record, as ``{"metadata": {"sha256": {name: hexadecimal}}}``. ``progress`` is called, on any
        thread, with the number of bytes just read; ``threads`` is how many members are read at once, by default as
        many as this process may use cores, and 8 at most.
        """
        from marpack.archive.read.verify import verify_contents

        issues = [*self.issues]
        digests: dict[str, str] = {}
        try:
            digests = self._recorded_digests()
            named = [(name, f"is named by the manifest ({key})") for key, name in self.references.items()]
            named += [(name, "has a SHA-256 in the manifest") for name in digests]
            for name, why in named:
                if name not in self:
                    issues.append(Issue(code="missing-file", argument=name, message=f"{why}, and is not there"))
        except ArchiveError as error:
            issues.append(error.issue)
        if not any(issue.code in LIMIT_CODES for issue in issues):  # else it might never end
            issues += verify_contents(self._container, digests, progress=progress, threads=threads)
        return tuple(dict.fromkeys(issues))

    def _recorded_digests(self) -> dict[str, str]:
        recorded = (self.manifest.metadata or {}).get("sha256")
        sums = recorded.items() if isinstance(recorded, Mapping) else ()
        return {name: text.lower() for name, text in sums if isinstance(text, str) and _SHA256.fullmatch(text)}


def container_of(archive: Archive) -> Container:
    """Return what holds the members as they are packed, for who takes them over; it is closed with the archive."""
    return archive._container


def kept_bytes(archive: Archive, name: str) -> bytes | None:
    """Return the bytes of a member that is kept since it was read: the manifest; None of any other."""
    is_kept = name == archive.manifest_name and "manifest_text" in vars(archive)
    return archive.manifest_text.encode() if is_kept else None


class ModelArchive(Archive):
    """An open archive of a model."""

    manifest: Manifest
    manifest_name = MANIFEST_NAME
    _manifest_class = Manifest

    @property
    def references(self) -> Mapping[str, str]:
        """The files that the manifest names, by its keys; a handler that may be the server's is left out (R10)."""
        model = self.manifest.model
        return _given(
            handler=HandlerName.parse(model.handler or "", self.manifest.runtime or "python").reference,
            serializedFile=model.serialized_file,
            modelFile=model.model_file,
            requirementsFile=model.requirements_file,
            configFile=model.config_file,
        )


class WorkflowArchive(Archive):
    """An open archive of a workflow (``.war``)."""

    manifest: WorkflowManifest
    manifest_name = WORKFLOW_MANIFEST_NAME
    _manifest_class = WorkflowManifest

    @property
    def references(self) -> Mapping[str, str]:
        """The files that the manifest names: key to name."""
        workflow = self.manifest.workflow
        return _given(specFile=workflow.spec_file, handler=workflow.handler)


def _given(**names: str | None) -> Mapping[str, str]:
    return {key: name for key, name in names.items() if name}
