"""From a plan to bytes: a file, a folder, or a stream of chunks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.archive.content import new_sha256
from marpack.archive.entry import CHUNK_SIZE, FileSource
from marpack.archive.layout import SUFFIXES
from marpack.archive.manifest import MANIFEST_NAME
from marpack.archive.result import WriteResult
from marpack.archive.zip_writer import Provisional, ZipStream
from marpack.disk.atomic import check_file, check_replaceable_folder, replacing_file, replacing_folder
from marpack.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import BinaryIO

    from marpack.archive.content import Progress
    from marpack.archive.plan import ArchivePlan
    from marpack.archive.tar_writer import TarStream

__all__ = ["check_path", "iter_archive", "write_archive"]


def write_archive(
    plan: ArchivePlan,
    path: str | os.PathLike[str],
    *,
    force: bool = False,
    digest: bool = False,
    progress: Progress | None = None,
) -> WriteResult:
    """Write the archive to ``path``, which appears only when it is complete.

    - ``force``: replace what is there, a file or a model's folder, once the new one is complete.
    - ``digest``: also take the SHA-256 of the archive and of each member. In a zip a member's CRC stands before
      its bytes, which therefore cannot be hashed as they come: above 1 MiB, a member that is stored is read
      twice, and what a deflated one has become is read back as soon as it is written.
    - ``progress``: is called with the number of bytes of contents just packed, of ``plan.size`` in all.

    Raises ``ArchiveExistsError``, ``TargetError`` (a path that cannot take an archive), ``SourceChangedError``
    (a source is not as it was planned), and ``OSError`` from the disk. After an error nothing is left behind and
    what was there is as it was.
    """
    target = os.fspath(path)
    if _is_folder(plan):
        # Only this form needs it; the same goes for the tar writer below.
        from marpack.archive.directory_writer import write_folder

        target = _without_slash(target)
        _check_sources_survive(plan, target)
        with replacing_folder(target, force=force, marker=MANIFEST_NAME) as folder:
            written = write_folder(plan, folder, digest=digest, progress=progress)
        size, sha256 = sum(entry.size for entry in written), None
    else:
        with replacing_file(target, force=force) as file:
            sink = _FileSink(file, digest=digest)
            stream = _stream(plan, digest=digest, progress=progress, patch=sink.patch)
            for piece in stream:
                sink.write(piece)
        written, size, sha256 = stream.written, sink.size, sink.sha256
    warnings = (*plan.warnings, *_suffix_warning(plan, target))
    return WriteResult(path=target, size=size, entries=tuple(written), sha256=sha256, warnings=warnings)


def check_path(plan: ArchivePlan, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Raise what ``write_archive`` would raise because of ``path``, and write nothing."""
    target = os.fspath(path)
    if _is_folder(plan):
        target = _without_slash(target)
        _check_sources_survive(plan, target)
        check_replaceable_folder(target, force=force, marker=MANIFEST_NAME)
    else:
        check_file(target, force=force)


def iter_archive(plan: ArchivePlan, *, progress: Progress | None = None) -> Generator[bytes, None, None]:
    """Yield the archive in chunks, for any sink: the same bytes that ``write_archive`` writes.

    Sources above 1 MiB in a zip are read twice, since a member's CRC stands before its bytes. Raises
    ``TargetError`` for ``no-archive``, which is a folder, and what ``write_archive`` raises for sources.
    """
    if _is_folder(plan):
        raise TargetError(plan.file_name, "is a folder (no-archive), not a stream of bytes: use write_archive()")
    return _stream(plan, progress=progress).__iter__()


def _is_folder(plan: ArchivePlan) -> bool:
    return plan.archive_format == "no-archive"


def _without_slash(path: str) -> str:
    return path.rstrip(os.sep) or path


def _check_sources_survive(plan: ArchivePlan, target: str) -> None:
    """Refuse to replace a folder that holds what is to be packed: it would be lost with the folder."""
    if not os.path.isdir(target):
        return
    inside = os.path.join(os.path.realpath(target), "")
    for entry in plan.entries:
        if isinstance(entry.source, FileSource) and os.path.realpath(entry.source.path).startswith(inside):
            message = (
                f"holds {entry.origin}, which would be lost with it: choose another model name or export path"
            )
            raise TargetError(target, message)


def _suffix_warning(plan: ArchivePlan, target: str) -> list[str]:
    """Warn of a name under which the server would take the archive for another form (A3)."""
    suffix = SUFFIXES[plan.archive_format]
    if target.endswith(suffix):
        return []
    return [f"TorchServe reads {target!r} as another form: give the archive a name that ends in {suffix!r}"]


def _stream(
    plan: ArchivePlan,
    *,
    digest: bool = False,
    progress: Progress | None = None,
    patch: Callable[[int, bytes], None] | None = None,
) -> ZipStream | TarStream:
    if plan.archive_format == "tgz":
        from marpack.archive.tar_writer import TarStream

        return TarStream(plan, digest=digest, progress=progress)
    return ZipStream(plan, digest=digest, progress=progress, patch=patch)


class _FileSink:
    """Writes pieces to a file, counts and hashes them."""

    def __init__(self, file: BinaryIO, *, digest: bool) -> None:
        self.size = 0
        self._file = file
        self._hash = new_sha256() if digest else None
        self._provisional = False

    @property
    def sha256(self) -> str | None:
        return self._hash.hexdigest() if self._hash else None

    def write(self, piece: bytes) -> None:
        self._provisional = self._provisional or isinstance(piece, Provisional)
        self._file.write(piece)
        self.size += len(piece)
        if self._hash and not self._provisional:
            self._hash.update(piece)

    def patch(self, offset: int, data: bytes) -> None:
        """Replace a provisional header. What follows it can be hashed only now, from the file."""
        self._file.seek(offset)
        self._file.write(data)
        self._provisional = False
        if self._hash:
            self._file.seek(offset)
            while chunk := self._file.read(CHUNK_SIZE):
                self._hash.update(chunk)
        self._file.seek(self.size)
