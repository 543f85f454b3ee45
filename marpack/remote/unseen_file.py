"""A file in a store that nobody sees before it is committed, and that can be called off until then."""

from __future__ import annotations

import io
import posixpath
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from marpack.display import hidden_url
from marpack.errors import UploadError
from marpack.remote.urls import ask, scheme_of

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

# adlfs commits a file when it is closed.
_SHOWN_WHEN_CLOSED = {"abfs", "abfss", "az"}
# ocifs keeps the last part after it has been sent.
_KEEPS_WHAT_IS_SENT = {"oci"}


def part_size(size: int) -> int:
    """Return how much to send at once of an archive with contents of ``size`` bytes."""
    return max(_PART_SIZE, -(-size // (_MAX_PARTS * _PART_UNIT)) * _PART_UNIT)


class UnseenFile:
    """A file that grows in a store, part by part, while the next part is being packed.

    ``begin``, ``write`` all of it, ``seal``, and then ``commit``: it appears with the last of these. Sealed, all
    of it has been sent, and nothing of it is kept in memory; of Google's, less than 256 KiB go with the commit,
    since only the last part of an upload, which ends it, may be so small. ``options`` are those that the file
    system was made with, ``size`` is that of what is in it, before it is packed.

    One thread does everything to it, and nothing interrupts that one: a request that is broken off, as by Ctrl-C,
    may have begun an upload of which nobody has heard the name, and which could not be called off.
    """

    def __init__(
        self,
        url: str,
        filesystem: Any,
        path: str,
        *,
        size: int,
        options: Mapping[str, Any],
        worker: ThreadPoolExecutor,
    ) -> None:
        self._url = url
        self._path = path
        self._part_size = self._room = part_size(size)
        self._pieces: deque[bytes] = deque()
        self._worker = worker
        self._filesystem = filesystem
        self._options = options
        self._last: Future[Any] | None = None
        # What follows is the worker's.
        self._file: Any = None
        self._may_show = False
        self._committed = False

    @contextmanager
    def appearing(self, *, last_look: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Have it appear when the block, which writes all of it, ends well; call it off otherwise.

        ``last_look`` may raise what keeps it from appearing, once all has been sent.
        """
        try:
            self.begin()
            yield
            self.seal()
            last_look()
            self.commit()
        except BaseException:
            self.discard()
            raise

    def begin(self) -> None:
        """Open it."""
        folder = _TEMPORARY_FOLDER.get(scheme_of(self._url))
        if folder and folder not in self._options:
            setattr(self._filesystem, folder, posixpath.dirname(self._path))
        self._do(self._open)

    def write(self, data: bytes, /) -> None:
        """Take bytes; they are sent as soon as they make a part."""
        while data:
            # Some stores want all parts but the last to be of one size.
            piece, data = data[: self._room], data[self._room :]
            self._pieces.append(piece)
            self._room -= len(piece)
            if not self._room:
                self._send()

    def seal(self) -> None:
        """Send the rest: there is no more to come, and it is still not seen."""
        self._send()
        self._wait()
        self._do(self._send_all)
        self._wait()

    def commit(self) -> None:
        """Have it appear."""
        self._do(self._commit)
        self._wait()

    def discard(self) -> None:
        """Call the upload off, once what is under way has ended; what failed before is the error to tell.

        What has been committed stays.
        """
        with suppress(Exception):
            self._do(self._discard)
            self._wait()

    def take_back(self) -> Future[bool]:
        """Have it called off, or removed if it may have appeared; tell later whether it surely cannot be seen."""
        return self._worker.submit(self._take_back)

    def _send(self) -> None:
        pieces, self._pieces, self._room = self._pieces, deque(), self._part_size

        def send() -> None:
            while pieces:
                self._file.write(pieces.popleft())  # the last of a part lets it go, when nothing else keeps a copy

        self._wait()
        self._do(send)

    def _open(self) -> None:
        file = self._filesystem.open(self._path, "wb", block_size=self._part_size, autocommit=False)
        if type(file).__name__ == "ZonalFile":  # gcsfs's; nothing has been sent yet
            file.closed = True
            reason = "is in a zonal bucket, which shows what is incomplete: choose another bucket"
            raise UploadError(hidden_url(self._url), reason)
        self._file = file

    def _send_all(self) -> None:
        scheme = scheme_of(self._url)
        if scheme not in _SHOWN_WHEN_CLOSED:
            self._file.close()
            if scheme in _KEEPS_WHAT_IS_SENT:
                self._file.buffer = io.BytesIO()
        elif rest := self._file.buffer.tell():
            self._file.blocksize = rest  # it sends whole blocks, and these may be of any size
            self._file.flush()
            self._file.blocksize = self._part_size

    def _commit(self) -> None:
        self._may_show = True
        self._file.close()  # where that has not been done, it is the commit
        self._file.commit()
        self._committed = True

    def _discard(self) -> None:
        if self._committed or self._file is None:
            return
        # A file of fsspec's sends the rest of its buffer when it is closed or collected, and some stores then make
        # an object of what they have. Of another library's, this cannot be set; that one has another name as yet.
        with suppress(AttributeError):
            self._file.closed = True
        try:
            self._file.close()
        finally:
            self._filesystem.invalidate_cache()  # it has not seen that other name
            self._file.discard()

    def _take_back(self) -> bool:
        with suppress(Exception):  # what cannot be called off is left to the store, and nobody sees it
            self._discard()
        if not self._may_show:
            return True
        # Of a commit that failed, only the store knows whether it was done.
        self._filesystem.invalidate_cache()
        try:
            self._filesystem.rm_file(self._path)
        except FileNotFoundError:
            return True
        except Exception:
            return False
        return True

    def _do(self, action: Callable[[], object]) -> None:
        self._last = self._worker.submit(action)

    def _wait(self) -> None:
        if self._last is not None:
            ask(self._url, self._last.result, UploadError)
