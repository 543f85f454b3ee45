"""Folders in stores that speak the protocols of S3 and of Google Cloud Storage: put whole or not at all."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ArchiveExistsError
from marpack.errors import DownloadError, TargetError, UploadError
from marpack.remote import unseen_file
from marpack.remote.storage import StorageFolder
from tests.archive.write.test_memory import PEAK
from tests.conftest import require
from tests.differential.test_upload import google_options
from tests.remote.test_source import shown
from tests.support.object_store import BUCKET, GoogleServer, S3Server, judged
from tests.support.processes import end_of, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from marpack.remote.contents import Contents

SECRET = "hunter2"
CONFIG = "config/config.properties"
# The least that S3 takes as a part, and an archive of three.
SMALL_PART = 5 << 20
LARGE = random.Random(0).randbytes(12 << 20)

# aiohttp would rather be given a file than the bytes of a part.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unseen_file, "_PART_SIZE", SMALL_PART)


@pytest.fixture
def store(s3: S3Server) -> S3Server:
    s3.empty()
    s3.abandon()
    return s3


def plan_of(weights: bytes = b"weights", name: str = "m") -> marpack.ArchivePlan:
    return marpack.plan_archive(
        model_name=name,
        handler={"h.py": b"def handle(data, context): return data\n"},
        serialized_file={"weights.pt": weights},
        archive_format="zip-store",
        timestamp=1_600_000_000,
    )


def bytes_of(plan: marpack.ArchivePlan) -> bytes:
    return b"".join(marpack.iter_archive(plan))


def deploy_of(weights: bytes = b"weights") -> list[tuple[str, Contents]]:
    return [
        ("model-store/a.mar", plan_of(weights, "a")),
        ("model-store/b.mar", plan_of(b"others", "b")),
        ("empty", b""),
        (CONFIG, b"model_snapshot={}\n"),
    ]


NAMES = [CONFIG, "empty", "model-store/a.mar", "model-store/b.mar"]


def folder_of(url: str = f"s3://{BUCKET}/dev/mnist/deploy/new", **options: Any) -> StorageFolder:
    return StorageFolder.of(url, **options)


NO_RETRIES: dict[str, Any] = {"config_kwargs": {"retries": {"max_attempts": 0}}}


def through(endpoint: str) -> StorageFolder:
    return folder_of(endpoint_url=endpoint, **NO_RETRIES)


@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_what_is_put_is_listed_read_and_removed(kind: str, request: pytest.FixtureRequest) -> None:
    server: S3Server | GoogleServer = request.getfixturevalue("store" if kind == "s3" else "google")
    options = google_options(server) if isinstance(server, GoogleServer) else {}
    base = folder_of(f"{kind}://{BUCKET}/base/", **options)
    folder = base.child("dev/a b", "deploy", "new")
    assert (folder.files(), folder.read(CONFIG, limit=99)) == ([], None)

    first, second, *others = folder.put(deploy_of(LARGE))
    assert first is not None
    assert (first.path, first.size) == (f"{folder}/model-store/a.mar", len(bytes_of(plan_of(LARGE, "a"))))
    assert (first.warnings, second is None, others) == ((), False, [None, None])
    assert server.get("base/dev/a b/deploy/new/model-store/a.mar") == bytes_of(plan_of(LARGE, "a"))
    assert server.get("base/dev/a b/deploy/new/model-store/b.mar") == bytes_of(plan_of(b"others", "b"))
    assert server.unfinished() == []

    assert [each.name for each in folder.files()] == NAMES
    assert [each.size for each in folder.files()] == [18, 0, first.size, second.size if second else 0]
    changes = [each.modified for each in base.files() if each.modified]
    assert len(changes) == 4
    assert max(changes) - min(changes) < 3600
    assert [each.name for each in base.files()] == [f"dev/a b/deploy/new/{name}" for name in NAMES]
    assert folder.read(CONFIG, limit=18) == b"model_snapshot={}\n"
    assert (folder.read("empty", limit=0), folder.read("model-store", limit=1)) == (b"", None)
    with pytest.raises(DownloadError, match="is larger than the 17 bytes"):
        folder.read(CONFIG, limit=17)
    with closing(folder.source("model-store/b.mar").open()) as reader:
        assert reader.read(2) == b"PK"
    with pytest.raises(DownloadError, match="does not exist"):
        folder.source("missing")

    folder.write(CONFIG, b"other=1\n")
    assert folder.read(CONFIG, limit=99) == b"other=1\n"
    folder.remove([CONFIG, "missing", *NAMES])
    assert (folder.files(), base.files()) == ([], [])


def test_a_file_that_is_put_may_come_from_a_store(store: S3Server, tmp_path: Path) -> None:
    store.put("models/w.pt", LARGE)
    weights = folder_of(f"s3://{BUCKET}/models").source("w.pt")
    folder_of().put([("copy.pt", weights)])
    assert store.get("dev/mnist/deploy/new/copy.pt") == LARGE
    StorageFolder.of(tmp_path / "new").put([("copy.pt", weights)])
    assert (tmp_path / "new" / "copy.pt").read_bytes() == LARGE


def test_what_a_console_makes_to_show_a_folder_is_no_file(store: S3Server) -> None:
    store.put("dev/mnist/deploy/new/", b"")
    assert folder_of().files() == []
    folder_of().put(deploy_of())
    assert [each.name for each in folder_of().files()] == NAMES


def test_a_bucket_is_a_folder(store: S3Server) -> None:
    bucket = folder_of(f"s3://{BUCKET}/")
    bucket.put(deploy_of())
    assert store.names() == NAMES
    with pytest.raises(ArchiveExistsError):
        bucket.put(deploy_of())
    assert [each.name for each in bucket.files()] == NAMES


def test_what_is_there_is_neither_touched_nor_added_to(store: S3Server) -> None:
    store.put("dev/mnist/deploy/new/model-store/other.mar", b"earlier")
    store.put("dev/mnist/file", b"earlier")
    for url in (f"s3://{BUCKET}/dev/mnist/deploy/new", f"s3://{BUCKET}/dev/mnist/file"):
        with pytest.raises(ArchiveExistsError, match="choose another folder, or remove it first"):
            folder_of(url).put([("a.bin", b"x")], progress=lambda _: pytest.fail("was read"))
    assert store.names() == ["dev/mnist/deploy/new/model-store/other.mar", "dev/mnist/file"]


def test_what_comes_meanwhile_stays(store: S3Server) -> None:
    def another(_: int) -> None:
        store.put("dev/mnist/deploy/new/theirs", b"theirs")

    with pytest.raises(ArchiveExistsError):
        folder_of().put(deploy_of(), progress=another)
    assert (store.names(), store.unfinished()) == (["dev/mnist/deploy/new/theirs"], [])


def test_a_model_that_is_a_folder_is_refused_before_anything_is_sent(store: S3Server) -> None:
    plan = marpack.plan_archive(model_name="m", handler="base_handler", archive_format="no-archive")
    with pytest.raises(TargetError, match="no-archive is a folder"):
        folder_of().put([("a", b"a"), ("m", plan)])
    assert (store.names(), store.unfinished()) == ([], [])


def requests_of(action: Callable[[str], object], store: S3Server) -> list[tuple[str, str]]:
    """Return the requests that an action makes, by method and path."""
    made: list[tuple[str, str]] = []

    def note(method: str, path: str) -> Literal["pass"]:
        made.append((method, path))
        return "pass"

    with judged(store.endpoint, note) as endpoint:
        action(endpoint)
    return made


def kinds(requests: Sequence[tuple[str, str]]) -> list[str]:
    """Say of each request what it changes, if it does."""
    found = []
    for method, path in requests:
        name = re.sub(".*/new/", "", path.partition("?")[0])
        if method == "POST" or method == "PUT":
            what = "begins" if "uploads" in path else "sends" if "partNumber" in path else "shows"
            found.append(f"{what} {name}")
        elif method == "DELETE":
            found.append(f"calls off {name}" if "uploadId" in path else f"removes {name}")
    return found


def test_all_bytes_are_sent_before_the_first_file_appears(store: S3Server) -> None:
    did = kinds(requests_of(lambda endpoint: through(endpoint).put(deploy_of(LARGE)), store))
    first = min(number for number, each in enumerate(did) if each.startswith("shows"))
    assert sorted(did[:first]) == sorted(
        [
            *(f"begins {name}" for name in NAMES),
            *["sends model-store/a.mar"] * 3,
            "sends model-store/b.mar",
            f"sends {CONFIG}",
        ]
    )
    shows = [each for each in did[first:] if each != "calls off empty"]  # an empty object is made in one request
    assert shows == [f"shows {name}" for name in ("model-store/a.mar", "model-store/b.mar", "empty", CONFIG)]


def failure(folder: StorageFolder) -> str | None:
    """Return what is said when a deploy cannot be put, None when it can."""
    try:
        folder.put([("a.mar", plan_of()), (CONFIG, b"model_snapshot={}")])
    except UploadError as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", ["s3", "gs"])
@pytest.mark.parametrize("for_good", [False, True], ids=["one request", "all requests from one on"])
def test_a_store_that_fails_at_any_request_shows_nothing(
    kind: str, for_good: bool, request: pytest.FixtureRequest
) -> None:
    """Where it refuses all that follows, it cannot be told to remove what it shows: then the error says so."""
    server: S3Server | GoogleServer = request.getfixturevalue("store" if kind == "s3" else "google")
    options = google_options(server) if isinstance(server, GoogleServer) else NO_RETRIES
    place = f"failing/{for_good}"
    refused = count = done = left = 0

    def refuse(method: str, path: str) -> Literal["pass", "refuse"]:
        nonlocal count
        count += 1
        return "refuse" if count == refused or (for_good and count > refused) else "pass"

    with judged(server.endpoint, refuse) as endpoint:
        base = folder_of(f"{kind}://{BUCKET}/{place}", **{**options, "endpoint_url": endpoint})
        while refused <= count:
            refused, count = refused + 1, 0
            before = set(server.names())
            told = failure(base.child(f"{refused}"))
            after = set(server.names())
            assert before <= after
            visible = {name.removeprefix(f"{place}/{refused}/") for name in after - before}
            if told is None:  # none was refused, or it was repeated
                assert visible == {"a.mar", CONFIG}
                continue
            assert visible <= set(re.findall("'([^']*)'", told.partition("left of the attempt")[2]))
            assert for_good or f"{place}/{refused}/a.mar" not in server.unfinished()
            done, left = done + 1, left + bool(visible)
    assert done > 6
    assert (left > 0) is for_good


PUT = """
import sys
from marpack.remote import unseen_file
from tests.differential.test_storage import LARGE, SMALL_PART, deploy_of, through
unseen_file._PART_SIZE = SMALL_PART
through(sys.argv[1]).put(deploy_of(LARGE))
"""


class Stop:
    """Holds the request that fits until it is told what becomes of it."""

    def __init__(self, method: str, pattern: str) -> None:
        self._method, self._pattern = method, re.compile(pattern)
        self._reached, self._released = threading.Event(), threading.Event()
        self._verdict: Literal["pass", "refuse"] = "pass"

    def __call__(self, method: str, path: str) -> Literal["pass", "refuse"]:
        if method != self._method or not self._pattern.search(path):
            return "pass"
        self._reached.set()
        self._released.wait()
        return self._verdict

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        wait_for(lambda: self._reached.is_set() or process.poll() is not None, True)
        assert process.poll() is None, end_of(process)

    def release(self, verdict: Literal["pass", "refuse"]) -> None:
        self._verdict = verdict
        self._released.set()


STAGES = {
    "before the first part": ("POST", r"a\.mar\?uploads"),
    "between two parts": ("PUT", r"a\.mar\?.*partNumber=2"),
    "before the first commit": ("POST", r"a\.mar\?uploadId"),
    "between the commits": ("POST", r"b\.mar\?uploadId"),
    "before the last commit": ("POST", r"config\.properties\?uploadId"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_killed_outright_it_leaves_no_settings(store: S3Server, stage: str) -> None:
    """Between the commits there are archives, and no config.properties to start from."""
    stop = Stop(*STAGES[stage])
    with (
        judged(store.endpoint, stop) as endpoint,
        subprocess.Popen([sys.executable, "-c", PUT, endpoint], stderr=subprocess.PIPE) as process,
    ):
        stop.wait(process)
        process.kill()
        end_of(process)
        names = [name.removeprefix("dev/mnist/deploy/new/") for name in store.names()]
        stop.release("refuse")
    if stage == "between the commits":
        assert names == ["model-store/a.mar"]
    elif stage == "before the last commit":
        assert names == ["empty", "model-store/a.mar", "model-store/b.mar"]
    else:
        assert names == []


@pytest.mark.parametrize(
    ("stage", "times"),
    [
        ("between two parts", 1),
        ("before the first commit", 1),
        ("before the last commit", 1),
        ("before the last commit", 2),
    ],
)
def test_interrupted_it_leaves_nothing(store: S3Server, stage: str, times: int) -> None:
    stop = Stop(*STAGES[stage])
    with (
        judged(store.endpoint, stop) as endpoint,
        subprocess.Popen([sys.executable, "-c", PUT, endpoint], stderr=subprocess.PIPE) as process,
    ):
        stop.wait(process)
        for number in range(times):
            time.sleep(0.5 * number)  # if the first has not been handled yet, this proves less
            process.send_signal(signal.SIGINT)
        stop.release("pass")
        _, err = end_of(process)
    assert process.returncode == -signal.SIGINT, err
    assert (store.names(), store.unfinished()) == ([], [])


MEMORY = (
    PEAK
    + """
import os, sys
from marpack.remote import unseen_file
from tests.differential.test_storage import SMALL_PART, folder_of
unseen_file._PART_SIZE = SMALL_PART
rest = b"x" * (SMALL_PART - 1)
for count in (2, 40):
    folder_of(f"{sys.argv[1]}/{count}").put([(f"{number}.bin", rest) for number in range(count)])
    print(peak())
"""
)


@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_many_archives_take_the_memory_of_one(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(Path("/proc/self/status").exists(), "Linux's /proc to read the peak of memory")
    server = request.getfixturevalue("store" if kind == "s3" else "google")
    if kind == "gs":
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)
        monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    command = [sys.executable, "-c", MEMORY, f"{kind}://{BUCKET}/memory"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    few, many = map(int, done.stdout.split())
    assert many - few < 40 << 10  # of 38 more parts of 5 MiB


def test_options_are_used_and_never_shown(moto: S3Server, direct: None) -> None:
    moto.empty()
    options: dict[str, Any] = {
        "key": "AKIDHUNTER",
        "secret": SECRET,
        "client_kwargs": {"region_name": "eu-west-1"},
    }
    folder = folder_of(endpoint_url=moto.endpoint, **options)
    folder.child("sub").put(deploy_of())
    assert len(moto.names()) == 4
    with pytest.raises(ArchiveExistsError) as caught:
        folder.child("sub").put(deploy_of())
    for text in (repr(folder), str(folder.child("sub")), shown(caught.value), repr(folder.files())):
        assert SECRET not in text
        assert "AKIDHUNTER" not in text


def test_a_store_that_lets_nobody_in(store: S3Server) -> None:
    with store.refusing():
        with pytest.raises(UploadError, match="may not be asked whether it exists: check the credentials"):
            folder_of().put(deploy_of())
        with pytest.raises(DownloadError, match="may not be read: check the credentials"):
            folder_of().files()
        with pytest.raises(DownloadError, match="may not be read: check the credentials"):
            folder_of().read(CONFIG, limit=9)
        with pytest.raises(UploadError, match="may not be written: check the credentials"):
            folder_of().write(CONFIG, b"x")
        with pytest.raises(UploadError, match="may not be written: check the credentials"):
            folder_of().remove([CONFIG])
    assert store.names() == []


def test_google_shows_nothing_of_what_failed(google: GoogleServer) -> None:
    folder = folder_of(f"gs://{BUCKET}/failed", **google_options(google))

    class Stops:
        size = 9

        def open(self) -> Any:
            raise LookupError

    with pytest.raises(LookupError):
        folder.put([("a.bin", LARGE), ("b.bin", b"b"), ("c.bin", Stops())])
    assert folder.files() == []
    assert not [name for name in google.unfinished() if name.startswith("failed/")]
