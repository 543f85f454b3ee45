"""A folder of a store that a URL names: objects with a common beginning, or a folder of an FTP or SFTP server."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from marpack.archive.result import Progress, WriteResult
from marpack.disk.new_file import is_temporary_name, temporary_name
from marpack.errors import ArchiveExistsError, DownloadError, UploadError
from marpack.remote.contents import Contents, at_path, contents_size, write_contents
from marpack.remote.source import RemoteSource
from marpack.remote.unseen_file import UnseenFile
from marpack.remote.urls import Attempt, ask, file_system, kind_at, scheme_of, unless_refused

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor  # slow to import

T = TypeVar("T")
_Send: TypeAlias = "Callable[[UnseenFile, str, Contents], WriteResult | None]"

_LEAST_BLOCK = 1 << 16
# Where folders are made before files, and renamed whole.
_HAS_FOLDERS = {"ftp", "sftp", "ssh"}
# What tells when a file was changed, in the words of each store.
_TIME_KEYS = ("LastModified", "last_modified", "mtime", "updated", "modify", "modified")


class StoreFolder:
    """A folder behind a URL. ``shown`` is what may be shown of the URL; nothing is asked before it is used."""

    def __init__(self, url: str, shown: str, options: dict[str, Any], parent: StoreFolder | None = None) -> None:
        self.url = url
        self.shown = shown
        self._options = options
        self._parent = parent
        self._has_folders = scheme_of(url) in _HAS_FOLDERS
        self._connection: tuple[Any, str] | None = None

    def child(self, name: str) -> StoreFolder:
        """Return the folder of this name in it, which shares its connection."""
        return StoreFolder(f"{self.url}/{name}", f"{self.shown}/{name}", self._options, self)

    def files(self) -> Iterator[tuple[str, int | None, float | None]]:
        """Yield name, size and time of change of each file, but for what is not complete yet."""
        for path, found in self._found().items():
            name = path.lstrip("/").removeprefix(f"{self._root().lstrip('/')}/")
            if not any(map(is_temporary_name, name.split("/"))):
                yield name, found.get("size"), _modified(found)

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a file's bytes, at most one more than the limit."""

        def read() -> bytes | None:
            filesystem = self._filesystem()
            if kind_at(filesystem, self._at(name)) != "file":
                return None
            # Some read a block ahead, of 50 MiB if they may.
            block_size = max(limit + 1, _LEAST_BLOCK)
            with suppress(FileNotFoundError), filesystem.open(self._at(name), "rb", block_size=block_size) as file:
                data: bytes = file.read(limit + 1)
                return data
            return None

        return self._ask(read, DownloadError, name)

    def write(self, name: str, data: bytes) -> None:
        """Replace a file."""
        with self._worker() as worker:
            self._make_folders(posixpath.dirname(self._at(name)), worker)
            file = self._new(self._at(name), f"{self.url}/{name}", data, worker)
            with file.appearing():
                file.write(data)

    def require_new(self) -> None:
        """Raise ``ArchiveExistsError`` where there is a file of this name, or one below it."""

        def is_there() -> bool:
            return bool(self._listed()) or kind_at(self._filesystem(), self._root()) == "file"

        found = self._ask(lambda: unless_refused(is_there), UploadError)
        if found is None:
            raise UploadError(self.shown, "may not be asked whether it exists: check the credentials")
        if found:
            raise ArchiveExistsError(self.shown, "choose another folder, or remove it first")

    def put(
        self, items: Sequence[tuple[str, Contents]], *, progress: Progress | None, threads: int | None
    ) -> list[WriteResult | None]:
        """Send all files, and then have them appear."""
        self.require_new()

        def send(file: UnseenFile, name: str, contents: Contents) -> WriteResult | None:
            result = write_contents(contents, name, file, progress=progress, threads=threads)
            return at_path(result, contents, f"{self.shown}/{name}")

        return (self._put_folder if self._has_folders else self._put_objects)(items, send)

    def _put_objects(self, items: Sequence[tuple[str, Contents]], send: _Send) -> list[WriteResult | None]:
        files: list[UnseenFile] = []
        results = []
        with self._worker() as worker:
            try:
                for name, contents in items:
                    files.append(self._new(self._at(name), f"{self.url}/{name}", contents, worker))
                    files[-1].begin()
                    results.append(send(files[-1], name, contents))
                    files[-1].seal()
                self.require_new()
                for file in files:
                    file.commit()
            except BaseException as error:
                # What is said to be complete by being there, the last, goes first. All of it is asked for before
                # any of it is waited for, which may be interrupted once more.
                begun = list(zip(items, files, strict=False))
                gone = [(name, file.take_back()) for (name, _), file in reversed(begun)]
                left = [name for name, is_gone in gone if not is_gone.result()]
                if left and isinstance(error, UploadError):
                    advice = f"remove what may be left of the attempt: {', '.join(map(repr, left))}"
                    raise UploadError(error.url, f"{error.reason}; {advice}") from None
                raise
        return results

    def _put_folder(self, items: Sequence[tuple[str, Contents]], send: _Send) -> list[WriteResult | None]:
        if not posixpath.basename(self._root()):
            raise UploadError(self.shown, "is not a folder that could be made: give the URL of one below it")
        hidden = built = posixpath.join(posixpath.dirname(self._root()), temporary_name())
        results = []

        def rename() -> None:
            nonlocal built
            self._rename(hidden)
            built = self._root()

        with self._worker() as worker:
            try:
                for name, contents in items:
                    path = f"{hidden}/{name}"
                    self._make_folders(posixpath.dirname(path), worker)
                    file = self._new(path, f"{self.url}/{name}", contents, worker)
                    with file.appearing():
                        results.append(send(file, name, contents))
                self._do(worker, self.require_new)
                self._do(worker, rename)
            except BaseException:
                with suppress(Exception):
                    self._do(worker, lambda: self._remove_tree(built))
                raise
        return results

    def remove(self, names: Sequence[str]) -> None:
        """Remove files, and the folders that have become empty by it, where there are folders."""

        def remove(path: str) -> None:
            filesystem = self._filesystem()
            filesystem.invalidate_cache()
            try:
                filesystem.rm_file(path)
            except Exception:
                if kind_at(filesystem, path) != "nothing":  # each store says in its own way that there is none
                    raise
            if self._has_folders:
                with suppress(Exception):  # not empty, or not there
                    while (path := posixpath.dirname(path)) and path != posixpath.dirname(self._root()):
                        filesystem.rmdir(path)

        for name in names:
            self._ask(partial(remove, self._at(name)), UploadError, name)

    def source(self, name: str) -> RemoteSource:
        """Return a file as something that is packed."""
        return RemoteSource.from_url(f"{self.url}/{name}", **self._options)

    def _connected(self) -> tuple[Any, str]:
        """Return the file system and the folder's path in it; some connect when they are made."""
        if self._connection is None and self._parent is not None:
            filesystem, path = self._parent._connected()
            self._connection = filesystem, path.rstrip("/") + self.url.removeprefix(self._parent.url)
        elif self._connection is None:
            self._connection = file_system(self.url, self._options)
        return self._connection

    def _filesystem(self) -> Any:
        return self._connected()[0]

    def _root(self) -> str:
        return self._connected()[1].rstrip("/")

    def _at(self, name: str) -> str:
        return f"{self._root()}/{name}"

    def _found(self) -> dict[str, dict[str, Any]]:
        return self._ask(self._listed, DownloadError)

    def _listed(self) -> dict[str, dict[str, Any]]:
        filesystem, root = self._filesystem(), self._root()
        filesystem.invalidate_cache()
        try:
            found = dict(_walk(filesystem, root)) if self._has_folders else filesystem.find(root, detail=True)
        except FileNotFoundError:
            return {}
        # A store's console shows a folder by an object whose name ends with a slash. Of a file, that is found.
        return {
            path: each
            for path, each in found.items()
            if not path.endswith("/") and each.get("type") == "file" and path.strip("/") != root.strip("/")
        }

    def _make_folders(self, path: str, worker: ThreadPoolExecutor) -> None:
        if self._has_folders:
            self._do(worker, lambda: self._filesystem().makedirs(path, exist_ok=True))

    def _rename(self, hidden: str) -> None:
        filesystem, root = self._filesystem(), self._root()
        with suppress(Exception):
            filesystem.rmdir(root)  # one that is empty may be in the way
        filesystem.mv(hidden, root)

    def _remove_tree(self, path: str) -> None:
        filesystem = self._filesystem()
        filesystem.invalidate_cache()
        for each, found in sorted(_walk(filesystem, path), reverse=True, key=itemgetter(0)):
            (filesystem.rmdir if found["type"] == "directory" else filesystem.rm_file)(each)
        filesystem.rmdir(path)

    def _new(self, path: str, url: str, contents: Contents, worker: ThreadPoolExecutor) -> UnseenFile:
        size = contents_size(contents)
        return UnseenFile(url, self._filesystem(), path, size=size, options=self._options, worker=worker)

    def _do(self, worker: ThreadPoolExecutor, action: Callable[[], T]) -> T:
        return self._ask(worker.submit(action).result, UploadError)

    def _ask(self, question: Callable[[], T], attempt: Attempt, name: str | None = None) -> T:
        return ask(self.url if name is None else f"{self.url}/{name}", question, attempt)

    @contextmanager
    def _worker(self) -> Iterator[ThreadPoolExecutor]:
        from concurrent.futures import ThreadPoolExecutor

        self._ask(self._filesystem, UploadError)
        with ThreadPoolExecutor(max_workers=1) as worker:
            yield worker


def _walk(filesystem: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is in a folder; fsspec's own walk takes a connection that fails for an empty folder."""
    for found in filesystem.ls(path, detail=True):
        yield found["name"], found
        if found["type"] == "directory":
            yield from _walk(filesystem, found["name"])


def _modified(found: dict[str, Any]) -> float | None:
    """Return when a file was changed, in seconds since the epoch."""
    value = next((found[key] for key in _TIME_KEYS if found.get(key)), None)
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value) if isinstance(value, (int, float)) else None


def _parsed(text: str) -> datetime | None:
    for form in ("%Y%m%d%H%M%S.%f", "%Y%m%d%H%M%S"):  # FTP's (RFC 3659, 2.3)
        with suppress(ValueError):
            return datetime.strptime(text, form)
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None
