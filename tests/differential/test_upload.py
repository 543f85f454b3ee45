"""Archives that go straight to servers that speak the protocols of S3 and of Google Cloud Storage."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ArchiveExistsError, SourceChangedError
from marpack.errors import UploadError
from marpack.remote import unseen_file
from marpack.remote.upload import upload_archive
from tests.archive.write.test_memory import PEAK
from tests.conftest import require
from tests.remote.test_source import shown
from tests.support.object_store import BUCKET, GoogleServer, Page, S3Server, WebServer
from tests.support.processes import end_of, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from marpack.archive.forms import ArchiveFormat

T = 1_600_000_000
SECRET = "hunter2"
FORMS: tuple[ArchiveFormat, ...] = ("default", "zip-store", "tgz", "auto")

# The least that S3 takes but for the last part.
SMALL_PART = 5 << 20
# More than two of them, and nothing that could be deflated.
LARGE = random.Random(0).randbytes(12 << 20)


# aiohttp would rather be given a file than the bytes of a part.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unseen_file, "_PART_SIZE", SMALL_PART)


@pytest.fixture
def store(s3: S3Server) -> S3Server:
    s3.empty()
    s3.abandon()
    return s3


def plan_of(weights: Any, archive_format: ArchiveFormat = "zip-store") -> marpack.ArchivePlan:
    return marpack.plan_archive(
        model_name="m",
        handler={"h.py": b"def handle(data, context): return data\n"},
        serialized_file={"weights.pt": weights},
        archive_format=archive_format,
        timestamp=T,
    )


def at_half(action: Callable[[], object]) -> Callable[[int], None]:
    """Return a progress function that acts once, when one part is on its way and not all has been read."""
    left = SMALL_PART + (4 << 20)

    def progress(count: int) -> None:
        nonlocal left
        if left > 0:
            left -= count
            if left <= 0:
                action()

    return progress


def failure(url: str, **options: Any) -> str:
    with pytest.raises(UploadError) as caught:
        upload_archive(plan_of(b"weights"), url, **options)
    assert SECRET not in shown(caught.value)
    return str(caught.value)


def run(*words: str, files: int | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``marpack pack``, in a process that cannot make a file of more than ``files`` bytes."""

    def limit() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (files, files))

    return subprocess.run(
        [*COMMAND, *words],
        env=os.environ | {"SOURCE_DATE_EPOCH": str(T)} | environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )


COMMAND = [
    sys.executable,
    "-m",
    "marpack",
    "pack",
    "--check",
    "off",
    "--model-name",
    "m",
    "-v1",
    "--handler",
    "base_handler",
]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("weights", [b"weights", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("form", FORMS)
def test_s3_gets_the_bytes_of_the_file(
    store: S3Server, tmp_path: Path, form: ArchiveFormat, weights: bytes
) -> None:
    plan = plan_of(weights, form)
    written = marpack.write_archive(plan, tmp_path / plan.file_name, digest=True)
    url = f"s3://{BUCKET}/runs/a b/{plan.file_name}"
    done: list[int] = []
    result = upload_archive(plan, url, digest=True, progress=done.append)
    assert store.get(f"runs/a b/{plan.file_name}") == (tmp_path / plan.file_name).read_bytes()
    assert store.parts(f"runs/a b/{plan.file_name}") == (3 if weights is LARGE else 1)
    assert store.unfinished() == []
    assert (result.path, result.size, result.sha256) == (url, written.size, written.sha256)
    assert (result.members, result.warnings) == (written.members, ())
    assert sum(done) == plan.size


def test_s3_in_parts_of_the_usual_size(store: S3Server, tmp_path: Path) -> None:
    with (tmp_path / "zeros.pt").open("wb") as file:
        file.truncate(70 << 20)
    plan = plan_of(tmp_path / "zeros.pt")
    marpack.write_archive(plan, tmp_path / "m.mar")
    upload_archive(plan, f"s3://{BUCKET}/m.mar")
    assert store.get("m.mar") == (tmp_path / "m.mar").read_bytes()
    assert store.parts("m.mar") == 3


def test_s3_by_options(moto: S3Server, direct: None) -> None:
    moto.empty()
    result = upload_archive(
        plan_of(b"weights"), f"s3://{BUCKET}/m.mar", endpoint_url=moto.endpoint, key="k", secret=SECRET
    )
    assert SECRET not in repr(result)
    assert moto.get("m.mar") == b"".join(marpack.iter_archive(plan_of(b"weights")))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("force", [False, True])
def test_s3_source_that_changes_half_way(store: S3Server, tmp_path: Path, force: bool) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(LARGE)
    if force:
        store.put("m.mar", b"old")

    def change() -> None:
        wait_for(store.unfinished, ["m.mar"])
        weights.write_bytes(LARGE[::-1])

    with pytest.raises(SourceChangedError):
        upload_archive(plan_of(weights, "tgz"), f"s3://{BUCKET}/m.mar", force=force, progress=at_half(change))
    assert store.unfinished() == []
    assert store.names() == ["m.mar"] * force
    assert not force or store.get("m.mar") == b"old"


@pytest.mark.usefixtures("small_parts")
def test_s3_progress_that_fails(store: S3Server) -> None:
    def stop() -> None:
        wait_for(store.unfinished, ["m.mar"])
        raise LookupError

    with pytest.raises(LookupError):
        upload_archive(plan_of(LARGE, "tgz"), f"s3://{BUCKET}/m.mar", progress=at_half(stop))
    assert (store.names(), store.unfinished()) == ([], [])


def test_s3_existing_archive_needs_force(store: S3Server) -> None:
    store.put("m.mar", b"old")
    with pytest.raises(ArchiveExistsError, match=r"'s3://models/m\.mar' already exists"):
        upload_archive(plan_of(b"weights"), f"s3://{BUCKET}/m.mar", progress=lambda _: pytest.fail("was read"))
    assert store.get("m.mar") == b"old"
    upload_archive(plan_of(b"weights"), f"s3://{BUCKET}/m.mar", force=True)
    assert store.get("m.mar") == b"".join(marpack.iter_archive(plan_of(b"weights")))


@pytest.mark.usefixtures("small_parts")
def test_s3_archive_that_comes_meanwhile(store: S3Server) -> None:
    with pytest.raises(ArchiveExistsError):
        upload_archive(
            plan_of(LARGE, "tgz"),
            f"s3://{BUCKET}/m.mar",
            progress=at_half(lambda: store.put("m.mar", b"another's")),
        )
    assert store.get("m.mar") == b"another's"
    assert store.unfinished() == []


def test_s3_places_that_take_nothing(store: S3Server) -> None:
    store.put("folder/m.mar", b"x")
    assert "is a folder" in failure(f"s3://{BUCKET}/folder")
    assert "bucket or folder that does not exist" in failure("s3://no-such-bucket/m.mar")
    assert "bucket or folder that does not exist" in failure("s3://no-such-bucket/m.mar", force=True)
    assert store.names() == ["folder/m.mar"]


def test_s3_refused(store: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with store.refusing():
        says = failure(f"s3://{BUCKET}/m.mar")
        assert "may not be asked whether it exists: check the credentials" in says
        assert "--force" in says
        assert "may not be written: check the credentials" in failure(f"s3://{BUCKET}/m.mar", force=True)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "check the credentials" in failure(f"s3://{BUCKET}/m.mar", force=True)
    assert store.names() == []


@pytest.mark.usefixtures("small_parts")
def test_s3_that_refuses_half_way(store: S3Server) -> None:
    """It then cannot be told either to forget the parts that it has."""
    refusing = store.refusing()
    try:
        with pytest.raises(UploadError, match="may not be written") as caught:
            upload_archive(plan_of(LARGE, "tgz"), f"s3://{BUCKET}/m.mar", progress=at_half(refusing.__enter__))
    finally:
        refusing.__exit__(None, None, None)
    assert shown(caught.value)
    assert store.names() == []
    store.abandon()


def test_s3_unreachable(store: S3Server, nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{nobody}")
    no_retries = {"retries": {"max_attempts": 0}}
    for force in (False, True):
        says = failure(f"s3://{BUCKET}/m.mar", config_kwargs=no_retries, force=force)
        assert f"cannot be reached at {nobody}: Connection refused" in says


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_s3_ended_by_a_signal(store: S3Server, tmp_path: Path, number: int, status: int) -> None:
    with (tmp_path / "huge.pt").open("wb") as file:
        file.truncate(1 << 30)
    words = ["--archive-format", "zip-store", "--serialized-file", str(tmp_path / "huge.pt")]
    with subprocess.Popen(
        [*COMMAND, *words, "--output", f"s3://{BUCKET}/m.mar"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        wait_for(store.unfinished, ["m.mar"])
        assert process.poll() is None
        process.send_signal(number)
        out, err = end_of(process)
    assert (process.returncode, out) == (status, b"")
    assert b"Traceback" not in err
    assert (store.names(), store.unfinished()) == ([], [])


MEMORY = (
    PEAK
    + """
import sys
import marpack.remote.unseen_file as unseen_file
import marpack.remote.upload as upload
from tests.differential.test_upload import plan_of
unseen_file._PART_SIZE = 5 << 20
for path in sys.argv[1:]:
    upload.upload_archive(plan_of(path), f"s3://models/{path[-1]}.mar")
    print(peak())
"""
)


@pytest.mark.slow
def test_s3_takes_the_memory_it_takes(store: S3Server, tmp_path: Path) -> None:
    require(Path("/proc/self/status").exists(), "Linux's /proc to read the peak of memory")
    sizes = [20 << 20, 120 << 20]
    for number, size in enumerate(sizes):
        with (tmp_path / f"{number}").open("wb") as file:
            file.truncate(size)
    command = [sys.executable, "-c", MEMORY, *(str(tmp_path / f"{number}") for number in range(len(sizes)))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    few_parts, many_parts = map(int, done.stdout.split())
    assert many_parts - few_parts < 40 << 10


@pytest.mark.slow
def test_s3_interrupted_before_the_upload_has_a_name(store: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the answer to the request that begins an upload tells how to call it off."""
    released = threading.Event()
    with store.answering_late(released) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        words = ["--force", "--output", f"s3://{BUCKET}/m.mar"]
        with subprocess.Popen([*COMMAND, *words], stderr=subprocess.PIPE) as process:
            wait_for(store.unfinished, ["m.mar"])
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)  # if it were answered before the signal is handled, this would prove less
            released.set()
            _, err = end_of(process)
    assert (process.returncode, err) == (130, b"marpack: error: interrupted\n")
    assert (store.names(), store.unfinished()) == ([], [])


@pytest.mark.slow
def test_s3_on_the_command_line(store: S3Server, tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(LARGE)
    words = ["--serialized-file", str(weights)]
    assert run(*words, "--output", str(tmp_path / "m.mar"), "--quiet").returncode == 0
    archive = (tmp_path / "m.mar").read_bytes()
    url = f"s3://{BUCKET}/m.mar"

    done = run(*words, "--output", url, files=0)  # it needs no disk
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == f"{url}: 2 members, {len(archive):,} bytes"
    assert store.get("m.mar") == archive

    done = run(*words, "--output", url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"marpack: error: '{url}' already exists")

    done = run(*words, "--output", f"s3://{BUCKET}/m.zip", "--json", "--digest")
    assert done.returncode == 0
    assert json.loads(done.stdout)["path"] == f"s3://{BUCKET}/m.zip"
    assert json.loads(done.stdout)["warnings"] == [
        "TorchServe reads 's3://models/m.zip' as another form: give the archive a name that ends in '.mar'; "
        "what is written is a zip, unless --archive-format names another form"
    ]
    assert done.stderr.count("as another form") == 1
    assert store.get("m.zip") == archive

    done = run(*words, "--output", url, "--quiet", "--force")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def google_options(google: GoogleServer) -> dict[str, Any]:
    return {"endpoint_url": google.endpoint, "token": "anon"}


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("weights", [b"weights", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("form", FORMS)
def test_google_gets_the_bytes_of_the_file(google: GoogleServer, form: ArchiveFormat, weights: bytes) -> None:
    plan = plan_of(weights, form)
    url = f"gs://{BUCKET}/runs/{len(weights)}/{form}/{plan.file_name}"
    result = upload_archive(plan, url, **google_options(google))
    archive = b"".join(marpack.iter_archive(plan))
    assert google.get(url.removeprefix(f"gs://{BUCKET}/")) == archive
    assert (result.path, result.size) == (url, len(archive))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("size", [1 << 18, SMALL_PART, SMALL_PART + (1 << 18), 2 * SMALL_PART])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_google_parts_that_fit_exactly(google: GoogleServer, size: int, more: int) -> None:
    """Google's parts are of whole 256 KiB, but for the last."""
    overhead = len(b"".join(marpack.iter_archive(plan_of(b""))))
    plan = plan_of(LARGE[: size + more - overhead])
    archive = b"".join(marpack.iter_archive(plan))
    assert len(archive) == size + more
    upload_archive(plan, f"gs://{BUCKET}/{len(archive)}.mar", **google_options(google))
    assert google.get(f"{len(archive)}.mar") == archive


@pytest.mark.usefixtures("small_parts")
def test_google_source_that_changes_half_way(google: GoogleServer, tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(LARGE)
    google.put("kept.mar", b"old")

    def change() -> None:
        wait_for(google.unfinished, [f"{name}.mar"])
        weights.write_bytes(LARGE[::-1])

    for name in ("new", "kept"):
        with pytest.raises(SourceChangedError):
            upload_archive(
                plan_of(weights, "tgz"),
                f"gs://{BUCKET}/{name}.mar",
                force=True,
                progress=at_half(change),
                **google_options(google),
            )
        weights.write_bytes(LARGE)
    assert google.unfinished() == []
    assert "new.mar" not in google.names()
    assert google.get("kept.mar") == b"old"


def test_google_existing_archive_needs_force(google: GoogleServer) -> None:
    google.put("there.mar", b"old")
    url = f"gs://{BUCKET}/there.mar"
    with pytest.raises(ArchiveExistsError):
        upload_archive(plan_of(b"weights"), url, **google_options(google))
    assert google.get("there.mar") == b"old"
    upload_archive(plan_of(b"weights"), url, force=True, **google_options(google))
    assert google.get("there.mar") == b"".join(marpack.iter_archive(plan_of(b"weights")))


def test_google_refused(google: GoogleServer, web: WebServer) -> None:
    for path in ("o/m.mar", "o?delimiter=/&prefix=m.mar/&maxResults=1"):
        web.pages[f"/storage/v1/b/{BUCKET}/{path}"] = Page(status=403)
    says = failure(f"gs://{BUCKET}/m.mar", endpoint_url=f"http://{web.host}", token="anon")
    assert "may not be asked whether it exists: check the credentials" in says
