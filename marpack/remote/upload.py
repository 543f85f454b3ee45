"""Archives that go to a URL as they are packed, without a copy on disk."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from marpack.archive.plan.plan import Plan
from marpack.archive.result import Progress, WriteResult
from marpack.archive.write.write import suffix_warning, write_archive
from marpack.display import hidden_url
from marpack.errors import ArchiveExistsError, TargetError, UploadError
from marpack.remote.urls import allowed_scheme, ask, file_name, file_system, is_refusal, local_path, scheme_of

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor  # slow to import

# What is sent at once. One part is being packed, and of one that is on its way a store's library has some copies.
_PART_SIZE = 32 << 20
# S3 takes 10,000 parts; an archive is hardly larger than its contents.
_MAX_PARTS = 9_000
# Google takes parts of whole 256 KiB.
_PART_UNIT = 1 << 18

# Stores without uploads that show only when complete: fsspec writes under another name first, in a folder that it
# keeps in this attribute. Its own choice, /tmp, a server need not have, and need not be able to rename from.
_TEMPORARY_FOLDER = {"ftp": "tempdir", "sftp": "temppath", "ssh": "temppath"}


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
def _uploading(url: str, *, force: bool, size: int, options: dict[str, Any]) -> Iterator[_Upload]:
    """Open a new file behind a URL, and have it appear when the block ends well."""
    from concurrent.futures import ThreadPoolExecutor

    filesystem, path = ask(url, lambda: file_system(url, options), UploadError)
    folder = _TEMPORARY_FOLDER.get(scheme_of(url))
    if folder and folder not in options:
        setattr(filesystem, folder, posixpath.dirname(path))
    if not force:
        _require_absent(url, filesystem, path)
    with ThreadPoolExecutor(max_workers=1) as worker:
        upload = _Upload(url, filesystem, path, _part_size(size), worker)
        try:
            yield upload
            upload.flush()
            if not force:
                _require_absent(url, filesystem, path)
            upload.commit()
        except BaseException:
            upload.discard()
            raise


def _require_absent(url: str, filesystem: Any, path: str) -> None:
    def kind() -> str:
        filesystem.invalidate_cache()
        try:
            return str(filesystem.info(path)["type"])
        except FileNotFoundError:
            return "nothing"
        except Exception as failure:
            if is_refusal(failure):
                return "unknown"
            raise

    found = ask(url, kind, UploadError)
    if found == "unknown":
        reason = "may not be asked whether it exists: check the credentials, or overwrite it (--force, force=True)"
        raise UploadError(hidden_url(url), reason)
    if found == "directory":
        raise UploadError(hidden_url(url), "is a folder: give the URL of a file")
    if found != "nothing":
        raise ArchiveExistsError(hidden_url(url))


def _part_size(size: int) -> int:
    """Return how much to send at once of an archive with contents of ``size`` bytes."""
    return max(_PART_SIZE, -(-size // (_MAX_PARTS * _PART_UNIT)) * _PART_UNIT)


class _Upload:
    """A file that grows in a store, part by part, while the next part is being packed.

    One thread does everything to it, and nothing interrupts that one: a request that is broken off, as by Ctrl-C,
    may have begun an upload of which nobody has heard the name, and which could not be called off.
    """

    def __init__(self, url: str, filesystem: Any, path: str, part_size: int, worker: ThreadPoolExecutor) -> None:
        self._url = url
        self._part_size = self._room = part_size
        self._pieces: deque[bytes] = deque()
        self._worker = worker
        self._filesystem = filesystem
        self._file = worker.submit(self._open, path)
        self._last: Future[Any] = self._file
        self._committed = False

    def write(self, data: bytes, /) -> None:
        while data:
            # Some stores want all parts but the last to be of one size.
            piece, data = data[: self._room], data[self._room :]
            self._pieces.append(piece)
            self._room -= len(piece)
            if not self._room:
                self._send()

    def flush(self) -> None:
        self._send()
        self._wait()

    def commit(self) -> None:
        self._do(lambda file: file.close())  # sends the rest; for Azure this is the commit
        self._wait()
        self._do(self._commit)
        self._wait()

    def discard(self) -> None:
        """Call the upload off, once what is under way has ended; what failed before is the error to tell."""
        with suppress(Exception):
            self._do(self._discard)
            self._last.result()

    def _send(self) -> None:
        pieces, self._pieces, self._room = self._pieces, deque(), self._part_size

        def send(file: Any) -> None:
            while pieces:
                file.write(pieces.popleft())  # the last of a part lets it go, when nothing else keeps a copy

        self._wait()
        self._do(send)

    def _open(self, path: str) -> Any:
        file = self._filesystem.open(path, "wb", block_size=self._part_size, autocommit=False)
        if type(file).__name__ == "ZonalFile":  # gcsfs's; nothing has been sent yet
            file.closed = True
            reason = "is in a zonal bucket, which shows what is incomplete: choose another bucket"
            raise UploadError(hidden_url(self._url), reason)
        return file

    def _commit(self, file: Any) -> None:
        file.commit()
        self._committed = True

    def _discard(self, file: Any) -> None:
        if self._committed:
            return
        # A file of fsspec's sends the rest of its buffer when it is closed or collected, and some stores then make
        # an object of what they have. Of another library's, this cannot be set; that one has another name as yet.
        with suppress(AttributeError):
            file.closed = True
        try:
            file.close()
        finally:
            self._filesystem.invalidate_cache()  # it has not seen that other name
            file.discard()

    def _do(self, action: Callable[[Any], object]) -> None:
        self._last = self._worker.submit(lambda: action(self._file.result()))

    def _wait(self) -> None:
        ask(self._url, self._last.result, UploadError)
