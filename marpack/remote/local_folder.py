"""A folder of the machine's own disk, as one of the places that a URL may name."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from marpack.archive.plan.plan import Plan
from marpack.archive.result import Progress, WriteResult
from marpack.archive.sources import FileSource
from marpack.archive.write.write import write_archive
from marpack.disk.atomic import replacing_file, replacing_folder
from marpack.disk.file_names import relative_name
from marpack.disk.folders import new_folders
from marpack.disk.new_file import is_temporary_name, what_is_left
from marpack.errors import ArchiveExistsError, DownloadError, MarpackError, TargetError
from marpack.remote.contents import Contents, at_path, write_contents


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder at a path, which need not be there yet."""

    path: str

    def child(self, name: str) -> LocalFolder:
        """Return the folder of this name in it."""
        return LocalFolder(self._at(name))

    def files(self) -> Iterator[tuple[str, int | None, float | None]]:
        """Yield name, size and time of change of each file, but for what is not complete yet."""
        for folder, below, names in os.walk(self.path, onerror=_unless_gone):
            below[:] = [name for name in below if not is_temporary_name(name)]
            for name in names:
                path = os.path.join(folder, name)
                try:
                    status = os.stat(path)
                except OSError as error:
                    _unless_gone(error)
                    continue
                if stat.S_ISREG(status.st_mode) and not is_temporary_name(name):
                    relative = relative_name(path, self.path)
                    yield relative, status.st_size, status.st_mtime

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a file's bytes, at most one more than the limit."""
        path = self._at(name)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return None
            with open(path, "rb") as file:
                return file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace a file."""
        path = self._at(name)
        with new_folders(os.path.dirname(path)), replacing_file(path, force=True) as file:
            file.write(data)

    def require_new(self) -> None:
        """Raise ``ArchiveExistsError`` for anything but an empty folder."""
        if os.path.lexists(self.path) and not (os.path.isdir(self.path) and not os.listdir(self.path)):
            raise ArchiveExistsError(self.path, "choose another folder, or remove it first")

    def put(
        self, items: Sequence[tuple[str, Contents]], *, progress: Progress | None, threads: int | None
    ) -> list[WriteResult | None]:
        """Build the folder beside where it goes, and rename it."""
        self.require_new()
        try:
            with (
                new_folders(os.path.dirname(self.path)),
                replacing_folder(self.path, force=False, marker=".", may_be_empty=True) as folder,
            ):
                return [self._put(folder, *item, progress=progress, threads=threads) for item in items]
        except MarpackError:
            raise
        except OSError as error:
            reason = f"cannot be written: {error.strerror or error}; {what_is_left(error)}"
            raise TargetError(self.path, reason) from error

    def _put(
        self, folder: str, name: str, contents: Contents, *, progress: Progress | None, threads: int | None
    ) -> WriteResult | None:
        path = os.path.join(folder, *name.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(contents, Plan):
            result = write_archive(contents, path, progress=progress, threads=threads)
            return at_path(result, contents, self._at(name))
        with open(path, "xb") as file:
            return write_contents(contents, name, file, progress=progress, threads=threads)

    def remove(self, names: Sequence[str]) -> None:
        """Remove files, and the folders that have become empty by it, the folder itself too."""
        for name in names:
            path = self._at(name)
            with suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)
            with suppress(OSError):  # not empty, or not there
                while (path := os.path.dirname(path)) and path != os.path.dirname(self.path):
                    os.rmdir(path)

    def source(self, name: str) -> FileSource:
        """Return a file as something that is packed."""
        path = self._at(name)
        try:
            status = os.stat(path)
        except OSError as error:
            raise DownloadError(path, f"cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(status.st_mode):
            raise DownloadError(path, "is not a regular file")
        return FileSource.from_stat(path, status)

    def _at(self, name: str) -> str:
        return os.path.join(self.path, *name.split("/"))


def _unless_gone(error: OSError) -> None:
    """Raise what keeps a folder from being seen whole; what is not there, or a link to nowhere, does not."""
    if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        raise error
