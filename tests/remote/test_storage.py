"""A folder on the disk, and in stores of other kinds; real stores are in differential/test_storage.py."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.registry import _registry  # type: ignore[import-untyped]
from fsspec.spec import AbstractBufferedFile  # type: ignore[import-untyped]

import marpack
from marpack import ArchiveExistsError, SourceChangedError, TargetError
from marpack.errors import DownloadError, UploadError
from marpack.remote import unseen_file
from marpack.remote.storage import StorageFolder, StoredFile
from tests.conftest import full_disk
from tests.remote.test_source import shown
from tests.remote.test_upload import AzureFile, AzureLike, Drawer, FtpLike, SftpLike
from tests.support.processes import end_of

if TYPE_CHECKING:
    from marpack.remote.contents import Contents

CONFIG = "config/config.properties"
ODD_NAMES = ["", "/", "..", "a/../b", "../b", "/etc/passwd", "a//b", "a/", ".", "a/./b", "a\\b", "a\nb", "a\0b"]


def plan_of(weights: bytes = b"weights", **arguments: Any) -> marpack.ArchivePlan:
    return marpack.plan_archive(
        model_name="m",
        handler={"h.py": b"def handle(data, context): return data\n"},
        serialized_file={"weights.pt": weights},
        timestamp=1_600_000_000,
        **arguments,
    )


def deploy_of(weights: bytes = b"weights") -> list[tuple[str, Contents]]:
    return [("model-store/m.mar", plan_of(weights)), ("empty", b""), (CONFIG, b"model_snapshot={}\n")]


def names_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class Source:
    """Gives what it is told to give, whatever it says its size is."""

    def __init__(self, *pieces: bytes, size: int | None = None) -> None:
        self.pieces = pieces
        self.size = sum(map(len, pieces)) if size is None else size

    def open(self) -> Any:
        pieces = iter(self.pieces)

        class Reader:
            def read(self, size: int, /) -> bytes:
                return next(pieces, b"")

            def close(self) -> None:
                pass

        return Reader()


@pytest.mark.parametrize(
    ("location", "kept", "text", "child"),
    [
        ("deploy", "deploy", "deploy", "deploy/dev/mnist"),
        ("deploy/", "deploy", "deploy", "deploy/dev/mnist"),
        ("/a/b//", "/a/b", "/a/b", "/a/b/dev/mnist"),
        (Path("/a/b"), "/a/b", "/a/b", "/a/b/dev/mnist"),
        ("/", "/", "/", "/dev/mnist"),
        ("file:///a%20b/", "file:///a%20b", "file:///a%20b", "file:///a%20b/dev/mnist"),
        ("s3://bucket", "s3://bucket", "s3://bucket", "s3://bucket/dev/mnist"),
        ("S3://bucket/x/", "S3://bucket/x", "S3://bucket/x", "S3://bucket/x/dev/mnist"),
        ("sftp://u:SECRET@h/x", "sftp://u:SECRET@h/x", "sftp://h/x", "sftp://h/x/dev/mnist"),
    ],
)
def test_a_location_is_kept_and_shown_without_secrets(location: Any, kept: str, text: str, child: str) -> None:
    folder = StorageFolder.of(location, key="SECRET")
    assert (folder.location, str(folder), repr(folder)) == (kept, text, f"StorageFolder({text!r})")
    below = folder.child("dev/mnist")
    assert (str(below), below.location) == (child, child.replace("//h/", "//u:SECRET@h/"))
    assert folder.child("dev", "mnist").location == below.location
    assert folder.child() is folder


def test_a_path_is_told_from_a_store(tmp_path: Path) -> None:
    assert StorageFolder.of(tmp_path).path == str(tmp_path)
    assert StorageFolder.of(tmp_path / "50% of #1?").child("a#b").path == str(tmp_path / "50% of #1?" / "a#b")
    by_url = StorageFolder.of((tmp_path / "50% of #1?").as_uri())
    assert (by_url.path, by_url.is_local) == (str(tmp_path / "50% of #1?"), True)
    below = by_url.child("a b/c#d")
    assert below.path == str(tmp_path / "50% of #1?" / "a b" / "c#d")
    assert StorageFolder.of(below.location).path == below.path
    store = StorageFolder.of("s3://bucket/x")
    assert (store.path, store.is_local) == (None, False)


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("https://u:SECRET@h/x", "cannot be written by its scheme"),
        ("simplecache::s3://u:SECRET@b/x", "chains file systems"),
        ("file://u:SECRET@host/x", "is on another machine"),
        ("s3://", "names no folder"),
        ("file:///", "names no folder"),
        (Path("s3://bucket/x"), "has lost a slash"),
        ("gs:/bucket/x", "has lost a slash"),
    ],
)
def test_what_names_no_folder(location: Any, says: str) -> None:
    with pytest.raises((UploadError, TargetError), match=says) as caught:
        StorageFolder.of(location)
    assert "SECRET" not in shown(caught.value)


@pytest.mark.parametrize("location", ["base", "s3://bucket/base"])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_no_name_leads_elsewhere(
    location: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = StorageFolder.of(location)
    for refused in (
        lambda: folder.child(name),
        lambda: folder.child("a", name),
        lambda: folder.read(name, limit=1),
        lambda: folder.write(name, b""),
        lambda: folder.put([("a", b""), (name, b"")]),
        lambda: folder.remove(["a", name]),
        lambda: folder.source(name),
    ):
        with pytest.raises(TargetError, match="holds no"):
            refused()
    assert names_below(tmp_path) == []


def test_a_query_is_no_name_in_a_store() -> None:
    with pytest.raises(TargetError, match="a query begins"):
        StorageFolder.of("s3://bucket/base").child("m?versionId=1")


def test_what_cannot_be_put_is_known_before_anything_is_written(tmp_path: Path) -> None:
    folder = StorageFolder.of(tmp_path / "new")
    for names in (["a", "a"], ["a", "a/b"], ["a/b/c", "a/b"]):
        with pytest.raises(TargetError, match="takes one file of a name"):
            folder.put([(name, b"") for name in names])
    wrong: Any = "text"
    with pytest.raises(TypeError, match="'b' must be a plan, a source or bytes, not str"):
        folder.put([("a", b""), ("b", wrong)])
    assert names_below(tmp_path) == []


def test_what_is_put_on_the_disk_is_listed_read_and_removed(tmp_path: Path) -> None:
    base = StorageFolder.of(tmp_path / "base")
    folder = base.child("dev/mnist", "deploy/new")
    assert (base.files(), folder.files(), folder.read(CONFIG, limit=9)) == ([], [], None)
    done: list[int] = []
    items = [*deploy_of(), ("source", Source(b"ab", b"c"))]
    archive, *others = folder.put(items, progress=done.append)
    assert archive is not None
    assert (archive.path, others) == (f"{folder.path}/model-store/m.mar", [None, None, None])
    assert Path(archive).read_bytes() == b"".join(marpack.iter_archive(plan_of()))
    assert sum(done) == plan_of().size + len(b"model_snapshot={}\nabc")

    found = folder.files()
    assert [(each.name, each.size) for each in found] == [
        (CONFIG, 18),
        ("empty", 0),
        ("model-store/m.mar", archive.size),
        ("source", 3),
    ]
    path = tmp_path / "base/dev/mnist/deploy/new" / CONFIG
    assert found[0].modified == path.stat().st_mtime
    assert [each.name for each in base.files()] == [f"dev/mnist/deploy/new/{each.name}" for each in found]
    assert pickle.loads(pickle.dumps(found[0])) == StoredFile(name=CONFIG, size=18, modified=found[0].modified)

    assert folder.read(CONFIG, limit=18) == b"model_snapshot={}\n"
    with pytest.raises(DownloadError, match="is larger than the 17 bytes"):
        folder.read(CONFIG, limit=17)
    assert [folder.read(name, limit=9) for name in ("config", "missing", "empty/x")] == [None, None, None]
    with closing(folder.source("source").open()) as reader:
        assert reader.read(9) == b"abc"
    for missing in ("missing", "config"):
        with pytest.raises(DownloadError):
            folder.source(missing)

    folder.write(CONFIG, b"other=1\n")
    base.write("dev/mnist/deploy/deployment.json", b"{}")
    assert folder.read(CONFIG, limit=99) == b"other=1\n"
    folder.remove(["missing", *(each.name for each in found), "empty"])
    assert names_below(tmp_path / "base") == [
        "dev",
        "dev/mnist",
        "dev/mnist/deploy",
        "dev/mnist/deploy/deployment.json",
    ]


@pytest.mark.parametrize("form", ["default", "zip-store", "tgz", "no-archive", "auto"])
def test_every_form_of_archive_is_put_on_the_disk(form: Any, tmp_path: Path) -> None:
    plan = plan_of(archive_format=form)
    [result] = StorageFolder.of(tmp_path / "new").put([(f"store/{plan.file_name}", plan)])
    assert result is not None
    assert (result.path, result.warnings) == (str(tmp_path / "new" / "store" / plan.file_name), ())
    assert marpack.check(result.path) == ()


def test_a_name_of_another_form_is_warned_of_by_where_it_lies(tmp_path: Path) -> None:
    [result] = StorageFolder.of(tmp_path / "new").put([("m.zip", plan_of())])
    assert result is not None
    assert [repr(str(tmp_path / "new" / "m.zip")) in warning for warning in result.warnings] == [True]


def test_an_empty_folder_is_filled_and_another_stays(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    StorageFolder.of(tmp_path / "empty").put(deploy_of())
    assert len(StorageFolder.of(tmp_path / "empty").files()) == 3
    (tmp_path / "file").write_bytes(b"earlier")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    before = {name: os.lstat(tmp_path / name).st_mtime_ns for name in names_below(tmp_path)}
    for name in ("empty", "file", "link", "dangling"):
        folder = StorageFolder.of(tmp_path / name)
        with pytest.raises(ArchiveExistsError, match="already exists: choose another folder"):
            folder.require_new()
        with pytest.raises(ArchiveExistsError):
            folder.put(deploy_of(), progress=lambda _: pytest.fail("was read"))
    assert {name: os.lstat(tmp_path / name).st_mtime_ns for name in names_below(tmp_path)} == before


@pytest.mark.parametrize("pieces", [(b"abc",), (b"abcd", b"ef"), ()])
def test_a_source_that_is_not_as_long_as_it_says(pieces: tuple[bytes, ...], tmp_path: Path) -> None:
    with pytest.raises(SourceChangedError, match="'b' does not have the 5 bytes"):
        StorageFolder.of(tmp_path / "a/new").put([("a", b"a"), ("b", Source(*pieces, size=5))])
    assert names_below(tmp_path) == []


def test_on_a_full_disk_nothing_is_left_and_the_earlier_deploy_stays(tmp_path: Path) -> None:
    base = StorageFolder.of(tmp_path)
    base.child("old").put(deploy_of())
    before = base.files()
    weights = random.Random(0).randbytes(1 << 20)
    for items in (deploy_of(weights), [*deploy_of(), ("last", weights)], [("source", Source(weights))]):
        with full_disk(1 << 19), pytest.raises(TargetError, match=r"cannot be written: .*; nothing is left"):
            base.child("new").put(items)
        with full_disk(1 << 19), pytest.raises(OSError, match="too large"):
            base.write(f"old/{CONFIG}", weights)
    assert (base.files(), sorted(os.listdir(tmp_path))) == (before, ["old"])


KILLED = """
import sys
from marpack.remote.storage import StorageFolder
from tests.remote.test_storage import deploy_of

class Waits:
    size = 1
    def open(self):
        print("here", flush=True)
        sys.stdin.read()

items = deploy_of()
items.insert(int(sys.argv[2]), ("waits", Waits()))
StorageFolder.of(sys.argv[1]).child("dev", "new").put(items)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_ended_half_way_it_leaves_no_folder_of_that_name(at: int, number: signal.Signals, tmp_path: Path) -> None:
    base = StorageFolder.of(tmp_path)
    base.child("dev/old").put(deploy_of())
    before = base.files()
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(at)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(number)
        end_of(process)
    assert process.returncode == -number
    assert base.files() == before
    assert base.child("dev/new").files() == []
    left = sorted(os.listdir(tmp_path / "dev"))
    assert [name for name in left if not name.startswith(".marpack-")] == ["old"]
    assert len(left) == (2 if number == signal.SIGKILL else 1)
    base.child("dev/new").put(deploy_of())


class Objects(AzureLike):
    """A store of objects, which are blocks until they are closed; it notes what is sent and shown."""

    def find(self, path: str, detail: bool = False, **_: Any) -> dict[str, Any]:
        below = sorted(name for name in self.files if f"{name}/".startswith(f"{path}/"))
        return {name: {"name": name, "size": len(self.files[name]), "type": "file"} for name in below}

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        if path not in self.files and self.find(path):
            return {"name": path, "size": 0, "type": "directory"}
        return super().info(path)

    def rm_file(self, path: str) -> None:
        self.storage_options["log"].append(("removes", path.rpartition("/")[2], 0))
        super().rm_file(path)

    def _open(self, path: str, mode: str, **options: Any) -> AbstractBufferedFile:
        return NotedFile(self, path, mode, **options)


class NotedFile(AzureFile):
    def _upload_chunk(self, final: bool = False) -> bool:
        what, size = "shows" if final else "sends", len(self.buffer.getvalue())
        self.fs.storage_options["log"].append((what, self.path.rpartition("/")[2], size))
        if final and self.path.rpartition("/")[2] == self.fs.storage_options.get("refuses"):
            raise PermissionError
        return super()._upload_chunk(final)


class OracleLike(Objects):
    """Has the commit as an act of its own, as S3 has, and keeps the last part that was sent."""

    def _open(self, path: str, mode: str, **options: Any) -> AbstractBufferedFile:
        return OracleFile(self, path, mode, **options)


class OracleFile(AbstractBufferedFile):  # type: ignore[misc]
    def _initiate_upload(self) -> None:
        self.parts: list[bytes] = []

    def _upload_chunk(self, final: bool = False) -> bool:
        self.parts.append(self.buffer.getvalue())
        return not final

    def commit(self) -> None:
        self.fs.storage_options["log"].append(len(self.buffer.getvalue()))
        self.fs.files[self.path] = b"".join(self.parts)


class Folders(Drawer):
    """A server of files in folders, which have to be made first; ``seen`` is what was ever in them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.folders: set[str] = options["folders"]
        self.folders.update(("", "store"))

    def _open(self, path: str, mode: str, **options: Any) -> Any:
        if path.rpartition("/")[0] not in self.folders:
            raise FileNotFoundError(path)
        kind = {"ftp": FtpLike, "sftp": SftpLike}[self.storage_options["kind"]]
        return kind._open(self, path, mode, **options)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        if path.strip("/") not in self.folders:
            raise FileNotFoundError(path)
        names = [*self.files, *(self.folders - {""})]
        return [self.info(name) for name in names if name.rpartition("/")[0] == path.strip("/")]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        path = path.strip("/")
        if path in self.folders:
            return {"name": path, "size": 0, "type": "directory"}
        if path not in self.files:
            raise FileNotFoundError(path)
        return {"name": path, "size": len(self.files[path]), "type": "file", "modify": "20260102030405.5"}

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        parts = path.split("/")
        self.folders.update("/".join(parts[:end]) for end in range(len(parts) + 1))

    def _rm(self, path: str) -> None:
        if path not in self.files:
            raise RuntimeError("550")  # as ftplib's error_perm, which is no OSError
        del self.files[path]

    def rmdir(self, path: str) -> None:
        if self.ls(path):
            raise OSError("is not empty")
        self.folders.remove(path)

    def mv(self, old: str, new: str) -> None:
        if new in self.folders or self.storage_options.get("refuses") == "mv":
            raise PermissionError
        for names in (self.files, self.folders):
            for name in [name for name in names if f"{name}/".startswith(f"{old}/")]:
                moved = f"{new}{name.removeprefix(old)}"
                if names is self.files:
                    self.files[moved] = self.files.pop(name)
                else:
                    self.folders.remove(name)
                    self.folders.add(moved)


KINDS = {"az": Objects, "oci": OracleLike, "ftp": Folders, "sftp": Folders}


@pytest.fixture(params=KINDS)
def other(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have a store of this kind behind its scheme, and return the options that share what is in it."""
    monkeypatch.setitem(_registry, request.param, KINDS[request.param])
    monkeypatch.setattr(unseen_file, "_PART_SIZE", 1 << 20)
    return {"kind": request.param, "files": {}, "folders": set(), "log": []}


def new_folder(options: dict[str, Any]) -> StorageFolder:
    return StorageFolder.of(f"{options['kind']}://store/dev", **options).child("new")


def test_other_stores(other: dict[str, Any]) -> None:
    folder = new_folder(other)
    assert folder.files() == []
    archive = b"".join(marpack.iter_archive(plan_of()))
    [result, *_] = folder.put(deploy_of())
    assert result is not None
    assert result.path == f"{other['kind']}://store/dev/new/model-store/m.mar"
    files = {f"store/dev/new/{name}": data for name, data in (("model-store/m.mar", archive), ("empty", b""))}
    assert other["files"] == files | {f"store/dev/new/{CONFIG}": b"model_snapshot={}\n"}
    assert [(each.name, each.size) for each in folder.files()] == [
        (CONFIG, 18),
        ("empty", 0),
        ("model-store/m.mar", len(archive)),
    ]
    with pytest.raises(ArchiveExistsError):
        folder.put(deploy_of())
    assert folder.read("model-store", limit=9) is None
    folder.child("more").write("a/b", b"1")
    folder.child("more").write("a/b", b"22")
    assert other["files"]["store/dev/new/more/a/b"] == b"22"
    folder.remove(["missing", *(each.name for each in folder.files())])
    assert (other["files"], {name for name in other["folders"] if "new" in name}) == ({}, set())


def test_a_scheme_may_be_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_registry, "az", Objects)
    options: dict[str, Any] = {"files": {}, "log": []}
    StorageFolder.of("AZ://store/dev", **options).child("new").put([("a", b"1")])
    assert options["files"] == {"store/dev/new/a": b"1"}
    assert [each.name for each in StorageFolder.of("az://store/dev", **options).files()] == ["new/a"]


def test_a_server_of_folders_says_when_a_file_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_registry, "ftp", Folders)
    folder = new_folder({"kind": "ftp", "files": {}, "folders": set()})
    folder.put(deploy_of())
    assert {each.modified for each in folder.files()} == {1767323045.5}


@pytest.mark.parametrize("breaks", ["source", "at once", "late"])
def test_failure_leaves_nothing_in_other_stores(other: dict[str, Any], breaks: str) -> None:
    class Fails:
        size = 1

        def open(self) -> Any:
            assert not [name for name in other["files"] if "/new/" in name]
            raise LookupError

    items = deploy_of(random.Random(0).randbytes(5 << 19))
    where = {"source": 1, "at once": 0, "late": len(items)}[breaks]
    items.insert(where, ("fails", Fails()))
    with pytest.raises(LookupError):
        new_folder(other).put(items)
    assert (other["files"], {name for name in other["folders"] if "." in name}) == ({}, set())


@pytest.mark.parametrize("refused", ["m.mar", "empty", "config.properties"])
def test_azure_takes_back_what_it_has_shown(monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    monkeypatch.setitem(_registry, "az", Objects)
    log: list[tuple[str, str, int]] = []
    options = {"kind": "az", "files": {"store/dev/old/x": b""}, "log": log, "refuses": refused}
    with pytest.raises(UploadError, match="may not be written") as caught:
        new_folder(options).put(deploy_of())
    assert options["files"] == {"store/dev/old/x": b""}
    # The last goes first: by that one a folder is told to be complete.
    said = {what: [name for each, name, _ in log if each == what] for what in ("shows", "removes")}
    assert said["removes"] == said["shows"][::-1]
    assert "left" not in shown(caught.value)


def test_azure_has_all_blocks_before_it_shows_the_first_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_registry, "az", Objects)
    monkeypatch.setattr(unseen_file, "_PART_SIZE", 1 << 20)
    log: list[tuple[str, str, int]] = []
    new_folder({"kind": "az", "files": {}, "log": log}).put(deploy_of(random.Random(0).randbytes(5 << 19)))
    first = next(number for number, (what, _, _) in enumerate(log) if what == "shows")
    assert [name for _, name, _ in log[:first]] == ["m.mar"] * 3 + ["config.properties"]
    assert log[first:] == [("shows", name, 0) for name in ("m.mar", "empty", "config.properties")]


def test_what_a_library_keeps_of_what_it_has_sent_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_registry, "oci", OracleLike)
    log: list[int] = []
    new_folder({"kind": "oci", "files": {}, "log": log}).put(deploy_of())
    assert log == [0, 0, 0]


def test_a_folder_that_cannot_be_renamed_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_registry, "sftp", Folders)
    options = {"kind": "sftp", "files": {}, "folders": set(), "refuses": "mv"}
    with pytest.raises(UploadError, match="may not be written"):
        new_folder(options).put(deploy_of())
    assert options["files"] == {}
    assert {name for name in options["folders"] if "marpack" in name} == set()


def test_a_connection_that_fails_is_no_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Folders):
        def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
            raise ConnectionResetError(104, "gone")

    monkeypatch.setitem(_registry, "sftp", Broken)
    folder = new_folder({"kind": "sftp", "files": {}, "folders": set()})
    with pytest.raises(DownloadError, match="cannot be reached"):
        folder.files()
    with pytest.raises(UploadError, match="cannot be reached"):
        folder.put(deploy_of())


def test_links_that_lead_nowhere_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "gone").symlink_to("nothing")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "folder").symlink_to(".")
    assert [file.name for file in StorageFolder.of(tmp_path).files()] == ["file"]
    assert StorageFolder.of(tmp_path / "circle").files() == []


def test_a_folder_that_may_not_be_looked_into_is_no_empty_one() -> None:
    """The newest export may lie in it; also when the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "closed").mkdir(mode=0)
        copy = os.fork()
        if not copy:
            try:
                if os.getuid() == 0:
                    os.setuid(65534)
                with pytest.raises(PermissionError, match="closed"):
                    StorageFolder.of(name).files()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == 0
        (Path(name) / "closed").chmod(0o755)


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_what_no_disk_has_is_no_path(path: str) -> None:
    with pytest.raises(TargetError, match="is no path"):
        StorageFolder.of(path)


def test_many_files_are_put_without_a_look_at_all_for_each() -> None:
    items: list[tuple[str, Contents]] = [(f"f/{number}", b"") for number in range(200_000)]
    with pytest.raises(ArchiveExistsError):
        StorageFolder.of(Path(__file__).parent).put(items)


def test_the_query_that_a_name_has_by_mistake_is_not_shown() -> None:
    with pytest.raises(TargetError, match="a query begins at") as caught:
        StorageFolder.of("s3://bucket").child("m?token=SECRET")
    assert "SECRET" not in str(caught.value)
