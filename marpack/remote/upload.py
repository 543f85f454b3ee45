"""Archives that go to a URL as they are packed, without a copy on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from marpack.archive.plan.plan import Plan
from marpack.archive.result import Progress, WriteResult
from marpack.archive.write.write import suffix_warning, write_archive
from marpack.display import hidden_url
from marpack.errors import ArchiveExistsError, TargetError, UploadError
from marpack.remote.unseen_file import UnseenFile
from marpack.remote.urls import allowed_scheme, ask, file_name, file_system, kind_at, local_path, unless_refused


def upload_archive(
    plan: Plan,
    url: str,
    *,
    force: bool = False,
    digest: bool = False,
    progress: Progress | None = None,
    threads: int | None = None,
    **storage_options: Any,
) -> WriteResult:
    """Write the archive to ``url``, where it appears only when it is complete.

    Nothing is kept on disk, and of the archive no more than a few parts of 32 MiB in memory. ``force`` replaces
    what is there; without it the store is asked before anything is read and once more before the archive appears,
    but of two uploads that end in the same moment the later one stays. ``storage_options`` go to fsspec's file
    system of the scheme (``endpoint_url=``, ``anon=``); without them credentials and endpoints are found where its
    library looks for them. A ``file://`` URL is the path that it names. The other arguments are those of
    ``write_archive``, and so is the result; its ``path`` is the URL without secrets.

    Raises ``UploadError``, ``ArchiveExistsError``, ``MissingExtraError`` when the scheme needs a package that is
    not there, ``TargetError`` for the folder ``no-archive``, and what ``write_archive`` raises for sources.
    After an error, or when interrupted, what was there is as it was, and an unfinished upload has been called off
    unless the store could not be reached. A process that is killed outright leaves it to the store to drop what is
    unfinished (on S3, a rule of the bucket's life cycle).
    """
    path = target_path(url)
    if path is not None:
        return write_archive(plan, path, force=force, digest=digest, progress=progress, threads=threads)
    if plan.archive_format == "no-archive":
        raise TargetError(hidden_url(url), "takes one file, and no-archive is a folder: choose another form")
    with _uploading(url, force=force, size=plan.size, options=storage_options) as upload:
        result = write_archive(plan, upload, digest=digest, progress=progress, threads=threads)
    return replace(result, path=hidden_url(url), warnings=(*result.warnings, *url_warning(plan, url)))


def target_path(url: str) -> str | None:
    """Return the path that a ``file://`` URL names, None for any other; no store is asked.

    Raises ``UploadError`` for a URL that cannot be written to.
    """
    scheme = allowed_scheme(url, UploadError)
    file_name(url, UploadError)
    return ask(url, lambda: local_path(url, UploadError), UploadError) if scheme == "file" else None


def url_warning(plan: Plan, url: str) -> list[str]:
    """Warn of a name under which the server would take the archive for another form; show no secrets."""
    return suffix_warning(plan, url) and suffix_warning(plan, hidden_url(url))


@contextmanager
def _uploading(url: str, *, force: bool, size: int, options: dict[str, Any]) -> Iterator[UnseenFile]:
    """Open a new file behind a URL, and have it appear when the block ends well."""
    from concurrent.futures import ThreadPoolExecutor

    filesystem, path = ask(url, lambda: file_system(url, options), UploadError)

    def look() -> None:
        if not force:
            _require_absent(url, filesystem, path)

    look()
    with ThreadPoolExecutor(max_workers=1) as worker:
        upload = UnseenFile(url, filesystem, path, size=size, options=options, worker=worker)
        with upload.appearing(last_look=look):
            yield upload


def _require_absent(url: str, filesystem: Any, path: str) -> None:
    found = ask(url, lambda: unless_refused(lambda: kind_at(filesystem, path)), UploadError)
    if found is None:
        reason = "may not be asked whether it exists: check the credentials, or overwrite it (--force, force=True)"
        raise UploadError(hidden_url(url), reason)
    if found == "directory":
        raise UploadError(hidden_url(url), "is a folder: give the URL of a file")
    if found != "nothing":
        raise ArchiveExistsError(hidden_url(url))
