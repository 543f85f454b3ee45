"""Where archives can go besides files; real stores are in differential/test_upload.py."""

from __future__ import annotations

import gc
import pickle
import random
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.registry import _registry  # type: ignore[import-untyped]
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem  # type: ignore[import-untyped]

import marpack
from marpack import ArchiveExistsError, TargetError
from marpack.errors import UploadError
from marpack.remote import unseen_file
from marpack.remote.unseen_file import part_size
from marpack.remote.upload import target_path, url_warning
from marpack.serving import upload_archive
from tests.remote.test_source import run, shown

if TYPE_CHECKING:
    from pathlib import Path

    from marpack.archive.forms import ArchiveFormat

pytestmark = pytest.mark.slow

FORMS: tuple[ArchiveFormat, ...] = ("default", "zip-store", "tgz", "auto")


def plan_of(archive_format: ArchiveFormat = "default", **arguments: Any) -> marpack.ArchivePlan:
    return marpack.plan_archive(
        model_name="m",
        handler={"h.py": b"def handle(data, context): return data\n"},
        archive_format=archive_format,
        timestamp=1_600_000_000,
        **arguments,
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("m.mar", "is not a URL"),
        ("https://u:SECRET@h/m.mar", "cannot be written by its scheme"),
        ("http://h/m.mar?SECRET", "cannot be written by its scheme"),
        ("hf://SECRET@x/m.mar", "cannot be written by its scheme"),
        ("oss://bucket/m.mar", "cannot be written by its scheme"),
        ("cmd://SECRET@x/m.mar", "cannot be written by its scheme"),
        ("simplecache::s3://u:SECRET@b/m.mar", "chains file systems"),
        ("s3://bucket", "names no file"),
        ("s3://bucket/", "names no file"),
        ("s3://bucket/folder/", "names no file"),
        ("ftp://u:SECRET@host/", "names no file"),
        ("file://u:SECRET@host/m.mar", "is on another machine"),
        ("file:///folder/", "names no file"),
    ],
)
def test_refused(url: str, says: str) -> None:
    with pytest.raises(UploadError, match=says) as caught:
        upload_archive(plan_of(), url)
    assert isinstance(caught.value, OSError)
    assert "SECRET" not in shown(caught.value)
    with pytest.raises(UploadError, match=says):
        target_path(url)


def test_a_folder_is_no_file() -> None:
    url = "ftp://u:SECRET@host/m"
    with pytest.raises(TargetError, match="no-archive is a folder") as caught:
        upload_archive(plan_of("no-archive"), url)
    assert "SECRET" not in shown(caught.value)


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "50% of #1?.mar"
    assert target_path(path.as_uri()) == str(path)
    result = upload_archive(plan_of(), path.as_uri(), digest=True)
    assert result == marpack.write_archive(plan_of(), path, force=True, digest=True)
    with pytest.raises(ArchiveExistsError):
        upload_archive(plan_of(), path.as_uri())
    upload_archive(plan_of("no-archive"), (tmp_path / "folder").as_uri())
    assert (tmp_path / "folder" / "h.py").exists()


def test_error_is_pickled() -> None:
    error = UploadError("s3://bucket/m.mar", "cannot be written")
    again = pickle.loads(pickle.dumps(error))
    assert (again.url, again.reason, str(again)) == (error.url, error.reason, str(error))


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("s3://b/m.mar", False),
        ("s3://b/m#1.mar", False),
        ("s3://b/m.zip", True),
        ("ftp://u:SECRET@h/m.tar.gz", True),
        ("s3://b/m.zip?SECRET", True),
    ],
)
def test_name_that_the_server_takes_for_another_form(url: str, warns: bool) -> None:
    warnings = url_warning(plan_of(), url)
    assert len(warnings) == warns
    assert "SECRET" not in str(warnings)


@pytest.mark.parametrize("size", [0, 1, 200 << 30, 300 << 30, 5 << 40])
def test_parts_that_stores_take(size: int) -> None:
    """S3 takes 10,000 of 5 GiB at most, Google multiples of 256 KiB."""
    part = part_size(size)
    assert part * 10_000 > size * 1.1
    assert part % (256 << 10) == 0
    assert 32 << 20 <= part <= 5 << 30
    assert part == 32 << 20 or size > 200 << 30


@pytest.mark.parametrize(
    ("package", "url"),
    [("fsspec", "sftp://host/m.mar"), ("s3fs", "s3://bucket/m.mar"), ("gcsfs", "gs://bucket/m.mar")],
)
def test_package_is_missing(package: str, url: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
import marpack
from marpack.remote.upload import upload_archive
plan = marpack.plan_archive(model_name="m", handler="base_handler")
try:
    upload_archive(plan, {url!r}, progress=print)
except marpack.MissingExtraError as error:
    print(error, error.__context__)
"""
    scheme = url.partition(":")[0]
    says = f"writing {scheme}:// URLs needs an optional dependency: pip install 'marpack[remote]' None"
    assert run(code) == says


def test_nothing_is_imported_before_it_is_needed() -> None:
    heavy = {"fsspec", "aiohttp", "ssl", "concurrent.futures", "logging"}
    assert run(f"import sys, marpack.remote.upload; print({heavy} & set(sys.modules))") == "set()"


class Drawer(AbstractFileSystem):  # type: ignore[misc]
    """A store of ``files``, in which what must not be seen yet lies in the folder ``tempdir``."""

    protocol = "drawer"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.files: dict[str, bytes] = options["files"]
        self.tempdir = "/tmp"
        self.listing: list[str] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.rpartition("://")[2]

    def invalidate_cache(self, path: str | None = None) -> None:
        self.listing = list(self.files)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        if path not in self.listing:
            raise FileNotFoundError(path)
        return {"name": path, "size": len(self.files[path]), "type": "file"}

    def _rm(self, path: str) -> None:
        self.info(path)
        del self.files[path]


class AzureLike(Drawer):
    """What is closed is complete, and there is nothing that calls it off."""

    def _open(self, path: str, mode: str, **options: Any) -> AbstractBufferedFile:
        return AzureFile(self, path, mode, **options)


class AzureFile(AbstractBufferedFile):  # type: ignore[misc]
    def _initiate_upload(self) -> None:
        self.blocks: list[bytes] = []

    def _upload_chunk(self, final: bool = False) -> bool:
        self.blocks.append(self.buffer.getvalue())
        if final:
            self.fs.files[self.path] = b"".join(self.blocks)
        return True


class FtpLike(Drawer):
    """Has another name for what is incomplete, and forgets nothing by itself."""

    def _open(self, path: str, mode: str, **options: Any) -> AbstractBufferedFile:
        return FtpFile(self, path, mode, **options)


class FtpFile(AbstractBufferedFile):  # type: ignore[misc]
    def _initiate_upload(self) -> None:
        self.part = f"{self.fs.tempdir}/part"
        self.fs.files[self.part] = b""

    def _upload_chunk(self, final: bool = False) -> bool:
        self.fs.files[self.part] += self.buffer.getvalue()
        return True

    def commit(self) -> None:
        self.fs.files[self.path] = self.fs.files.pop(self.part)

    def discard(self) -> None:
        self.fs._rm(self.part)


class SftpLike(Drawer):
    """As paramiko's: its files are its own, and know whether they are closed."""

    def _open(self, path: str, mode: str, **options: Any) -> SftpFile:
        self.files[f"{self.temppath}/part"] = b""
        return SftpFile(self, path)

    temppath = "/tmp"


class SftpFile:
    def __init__(self, fs: SftpLike, path: str) -> None:
        self.fs, self.path, self._closed = fs, path, False

    @property
    def closed(self) -> bool:
        return self._closed

    def write(self, data: bytes) -> int:
        self.fs.files[f"{self.fs.temppath}/part"] += data
        return len(data)

    def close(self) -> None:
        self._closed = True

    def commit(self) -> None:
        assert self.closed
        self.fs.files[self.path] = self.fs.files.pop(f"{self.fs.temppath}/part")

    def discard(self) -> None:
        assert self.closed
        self.fs._rm(f"{self.fs.temppath}/part")


class ZonalLike(Drawer):
    """Shows what it has as it comes."""

    def _open(self, path: str, mode: str, **options: Any) -> AbstractBufferedFile:
        return ZonalFile(self, path, mode, **options)


class ZonalFile(AbstractBufferedFile):  # type: ignore[misc]
    def flush(self, force: bool = False) -> None:
        self.fs.files[self.path] = self.buffer.getvalue()


@pytest.fixture(params=[("az", AzureLike), ("ftp", FtpLike), ("sftp", SftpLike)], ids=["az", "ftp", "sftp"])
def drawer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have a store of this kind behind a scheme."""
    scheme, kind = request.param
    monkeypatch.setitem(_registry, scheme, kind)
    monkeypatch.setattr(unseen_file, "_PART_SIZE", 1 << 20)
    return f"{scheme}://store/m.mar"


def test_other_stores(drawer: str) -> None:
    files: dict[str, bytes] = {}
    plan = plan_of("zip-store", serialized_file={"w.pt": random.Random(0).randbytes(5 << 19)})
    upload_archive(plan, drawer, files=files)
    assert files == {"store/m.mar": b"".join(marpack.iter_archive(plan))}
    with pytest.raises(ArchiveExistsError):
        upload_archive(plan, drawer, files=files)
    upload_archive(plan_of(), drawer, files=files, force=True)
    assert files == {"store/m.mar": b"".join(marpack.iter_archive(plan_of()))}


def test_nothing_secret_is_shown(drawer: str) -> None:
    files: dict[str, bytes] = {}
    url = drawer.replace("://", "://u:SECRET@").replace("m.mar", "m.zip")
    result = upload_archive(plan_of(), url, files=files)
    assert result.path == drawer.replace("m.mar", "m.zip")
    assert "SECRET" not in repr(result)
    with pytest.raises(ArchiveExistsError) as caught:
        upload_archive(plan_of(), url, files=files)
    assert "SECRET" not in shown(caught.value)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("after", [0, 1 << 19, 2 << 20], ids=["at once", "one part", "several parts"])
def test_failure_leaves_nothing_in_other_stores(drawer: str, after: int, force: bool) -> None:
    files = {"store/m.mar": b"old"} if force else {}
    before = dict(files)
    done = 0

    def stop(count: int) -> None:
        nonlocal done
        done += count
        assert {name.partition("/")[0] for name in files} <= {"store"}
        if done > after:
            raise LookupError

    plan = plan_of("tgz", serialized_file={"w.pt": random.Random(0).randbytes(5 << 19)})
    with pytest.raises(LookupError):
        upload_archive(plan, drawer, files=files, force=force, progress=stop)
    gc.collect()
    assert files == before


def test_store_that_shows_what_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_registry, "gs", ZonalLike)
    files: dict[str, bytes] = {}
    with pytest.raises(UploadError, match="is in a zonal bucket"):
        upload_archive(plan_of(), "gs://store/m.mar", files=files)
    gc.collect()
    assert files == {}


@pytest.mark.parametrize("form", FORMS)
def test_socket(tmp_path: Path, form: ArchiveFormat) -> None:
    plan = plan_of(form, serialized_file={"w.pt": bytes(3 << 20)})
    marpack.write_archive(plan, tmp_path / "archive")
    received = bytearray()
    here, there = socket.socketpair()

    def receive() -> None:
        while data := there.recv(1 << 16):
            received.extend(data)

    with here, there:
        reader = threading.Thread(target=receive)
        reader.start()
        for chunk in marpack.iter_archive(plan):
            here.sendall(chunk)
        here.shutdown(socket.SHUT_WR)
        reader.join()
    assert received == (tmp_path / "archive").read_bytes()


def local_headers(archive: bytes) -> list[tuple[int, int]]:
    """Return flags and method of each member, found as a reader does that only goes forward."""
    found = []
    position = 0
    while archive[position : position + 4] == b"PK\3\4":
        fields = struct.unpack_from("<HHHHHIIIHH", archive, position + 4)
        flags, method, compressed, name, extra = fields[1], fields[2], fields[6], fields[8], fields[9]
        found.append((flags, method))
        position += 30 + compressed + name + extra
    assert archive[position : position + 4] == b"PK\1\2"
    return found


@pytest.mark.parametrize("form", ["default", "zip-store", "auto"])
def test_no_member_of_a_stream_has_a_descriptor(form: ArchiveFormat) -> None:
    """Java's ZipInputStream refuses a stored member with one (Z7)."""
    plan = plan_of(form, serialized_file={"w.pt": bytes(3 << 20)})
    headers = local_headers(b"".join(marpack.iter_archive(plan)))
    assert len(headers) == len(plan.members)
    assert [flags & 8 for flags, _ in headers] == [0] * len(headers)
    assert {method for _, method in headers} == {"default": {8}, "zip-store": {0}, "auto": {0, 8}}[form]
