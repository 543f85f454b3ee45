"""From a plan to bytes: a file, a folder, or any sink."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

from marpack.archive.formats.deflate import MAX_THREADS
from marpack.archive.plan.plan import ArchivePlan, Plan
from marpack.archive.result import Progress, WriteResult
from marpack.archive.sources import FileSource
from marpack.archive.write.member_contents import Stream
from marpack.archive.write.sinks import FileSink, StreamSink, Writable
from marpack.archive.write.zip_stream import ZipStream
from marpack.disk import atomic
from marpack.disk.file_names import file_name_problem, without_last_separator
from marpack.disk.threads import checked_threads
from marpack.errors import TargetError


def write_archive(
    plan: Plan,
    target: str | os.PathLike[str] | Writable,
    *,
    force: bool = False,
    digest: bool = False,
    progress: Progress | None = None,
    threads: int | None = None,
) -> WriteResult:
    """Write the archive to a path, under which it appears only when it is complete, or into an open file.

    - ``target``: a path; or whatever has ``write(bytes)``, such as a pipe, a socket's file or an upload, which
      gets the bytes of ``iter_archive`` and is left open. The result's ``path`` is then its ``name``, or empty.
    - ``force``: replace what is at the path, a file or a model's folder, once the new one is complete.
    - ``digest``: also take the SHA-256 of the archive and of each member, by other threads where it can be. In a
      zip a member's CRC stands before its bytes, which therefore cannot be hashed as they come: what has been
      written to a file is read back, from the system's memory as a rule.
    - ``progress``: is called, on this thread, with the number of bytes of contents just packed, of ``plan.size``
      in all.
    - ``threads``: how many copy or compress at once, by default as many as this process may use cores (at most 4
      copy, 16 compress); hashing has threads of its own. No byte depends on it. Several members above 1 MiB that
      ``zlib`` deflates wait for their turn in files without a name beside the archive, at most two a thread:
      ``threads=1`` needs no room for them.

    Raises ``ValueError`` for less than one thread, ``MissingExtraError`` (see ``plan_archive``),
    ``ArchiveExistsError``, ``TargetError`` (a target that cannot take an archive), ``SourceChangedError`` (a
    source is not as it was planned), and ``OSError`` from the disk. After an error nothing is left at the path and
    what was there is as it was; an open file has taken a part. So it is after a kill too, but what was written of
    a ``no-archive`` stays under a hidden name, as ``.marpack-0123456789abcdef.tmp``, and so does a file where each
    must have a name (other systems than Linux, NFS, FAT): remove it while nobody packs.
    """
    threads = checked_threads(threads, MAX_THREADS)
    if not isinstance(target, (str, os.PathLike)):
        if not callable(getattr(target, "write", None)):
            raise TypeError(f"the target must be a path or have write(), which {type(target).__name__} has not")
        _require_stream(plan)
        stream = _stream(plan, threads=threads, digest=digest, progress=progress)
        name = getattr(target, "name", None)
        return _drained(stream, StreamSink(target, digest=digest), name if isinstance(name, str) else "")
    path = os.fspath(target)
    if plan.archive_format == "no-archive":
        # Only this form needs it; the same goes for ``TarStream`` below.
        from marpack.archive.write.folder import write_folder

        path = _folder_path(plan, path)
        with atomic.replacing_folder(path, force=force, marker=plan.manifest_name) as folder:
            written = write_folder(plan, folder, threads=threads, digest=digest, progress=progress)
        result = WriteResult(path=path, size=sum(member.size for member in written), members=tuple(written))
    else:
        folder = os.path.dirname(os.path.realpath(path))
        with (
            atomic.replacing_file(path, force=force) as file,
            closing(FileSink(file, folder=folder, digest=digest, threads=threads)) as sink,
        ):
            stream = _stream(plan, threads=threads, digest=digest, progress=progress, file=sink)
            result = _drained(stream, sink, path)
    return replace(result, warnings=(*plan.warnings, *suffix_warning(plan, path)))


def _drained(stream: Stream, sink: FileSink | StreamSink, path: str) -> WriteResult:
    with closing(iter(stream)) as pieces:
        for piece in pieces:
            sink.write(piece)
    sha256 = sink.finish()
    members = tuple(stream.written)
    return WriteResult(path=path, size=sink.size, members=members, sha256=sha256, warnings=stream.plan.warnings)


def require_target(plan: Plan, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Raise what ``write_archive`` would raise because of ``path``, and write nothing."""
    target = os.fspath(path)
    if plan.archive_format == "no-archive":
        target = _folder_path(plan, target)
        atomic.require_replaceable_folder(target, force=force, marker=plan.manifest_name)
    else:
        atomic.require_replaceable_file(target, force=force)


def iter_archive(
    plan: Plan, *, progress: Progress | None = None, threads: int | None = None
) -> Generator[bytes, None, None]:
    """Yield the archive in chunks, for any sink: the same bytes that ``write_archive`` writes.

    Nothing is put on disk. Sources above 1 MiB in a zip are read twice, and compressed twice where they are
    compressed, since a member's CRC and size stand before its bytes. Raises ``TargetError`` for ``no-archive``,
    which is a folder, and what ``write_archive`` raises for sources.
    """
    _require_stream(plan)
    return iter(_stream(plan, threads=checked_threads(threads, MAX_THREADS), digest=False, progress=progress))


def _require_stream(plan: Plan) -> None:
    if plan.archive_format == "no-archive":
        raise TargetError(plan.file_name, "is a folder (no-archive), not a stream of bytes: write it to a path")


def _folder_path(plan: Plan, path: str) -> str:
    """Return a path without a slash at its end; refuse a folder that holds what is packed, or cannot hold it."""
    path = without_last_separator(path)
    if os.path.isdir(path):
        inside = os.path.join(os.path.realpath(path), "")
        for member in plan.members:
            if isinstance(member.source, FileSource) and os.path.realpath(member.source.path).startswith(inside):
                advice = "choose another model name or export path"
                raise TargetError(path, f"holds {member.origin}, which would be lost with it: {advice}")
    for member in plan.members:
        if problem := file_name_problem(member.name):
            raise TargetError(path, f"would hold {member.name!r}, {problem}")
    return path


def suffix_warning(plan: Plan, target: str) -> list[str]:
    """Warn of a name under which the server would take the archive for another form (A3)."""
    if target.endswith(plan.suffix):
        return []
    return [f"TorchServe reads {target!r} as another form: give the archive a name that ends in {plan.suffix!r}"]


def _stream(
    plan: Plan, *, threads: int, digest: bool, progress: Progress | None, file: FileSink | None = None
) -> Stream:
    if isinstance(plan, ArchivePlan) and plan.archive_format == "tgz":
        from marpack.archive.write.tar_stream import TarStream

        return TarStream(plan=plan, threads=threads, digest=digest, progress=progress)
    return ZipStream(plan=plan, threads=threads, digest=digest, progress=progress, file=file)
