"""Remote files, packed from servers that speak the real protocols."""

from __future__ import annotations

import zipfile
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import aiohttp
import fsspec  # type: ignore[import-untyped]
import pytest

import marpack
from marpack import SourceChangedError
from marpack.errors import DownloadError
from marpack.remote.source import RemoteSource
from tests.remote.test_source import shown
from tests.support.object_store import BUCKET, GoogleServer, Page, S3Server, WebServer, judged

if TYPE_CHECKING:
    from pathlib import Path

# More than one chunk, no two of them alike.
WEIGHTS = b"".join(number.to_bytes(4, "big") for number in range(200_000))
SECRET = "hunter2"


pytestmark = pytest.mark.usefixtures("direct")


def pack(source: RemoteSource, target: Path) -> dict[str, bytes]:
    """Write an archive and return its members."""
    plan = marpack.plan_archive(model_name="m", handler="base_handler", serialized_file=source)
    marpack.write_archive(plan, target / "m.mar")
    assert b"".join(marpack.iter_archive(plan)) == (target / "m.mar").read_bytes()
    with zipfile.ZipFile(target / "m.mar") as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.startswith("MAR-INF/")}


def failure(url: str, **options: Any) -> str:
    with pytest.raises(DownloadError) as caught:
        RemoteSource.from_url(url, **options)
    assert SECRET not in shown(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("key", ["model.pt", "runs/a b/50%25 é#1.pt"])
def test_s3(s3: S3Server, tmp_path: Path, key: str) -> None:
    s3.put(key, WEIGHTS)
    source = RemoteSource.from_url(f"s3://{BUCKET}/{key}")
    assert source.size == len(WEIGHTS)
    assert pack(source, tmp_path) == {key.rpartition("/")[2]: WEIGHTS}


def test_s3_by_options(moto: S3Server, tmp_path: Path) -> None:
    moto.put("by-options.pt", WEIGHTS)
    source = RemoteSource.from_url(
        f"s3://{BUCKET}/by-options.pt", endpoint_url=moto.endpoint, key="k", secret=SECRET
    )
    assert SECRET not in repr(source)
    assert pack(source, tmp_path) == {"by-options.pt": WEIGHTS}


def test_s3_empty(s3: S3Server, tmp_path: Path) -> None:
    s3.put("empty.pt", b"")
    assert pack(RemoteSource.from_url(f"s3://{BUCKET}/empty.pt"), tmp_path) == {"empty.pt": b""}


def test_s3_missing(s3: S3Server) -> None:
    s3.put("folder/model.pt", b"x")
    assert "does not exist" in failure(f"s3://{BUCKET}/missing.pt")
    assert "does not exist" in failure("s3://no-such-bucket/model.pt")
    assert "is a folder" in failure(f"s3://{BUCKET}/folder")
    assert "names no file" in failure(f"s3://{BUCKET}")


def test_s3_refused(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    s3.put("guarded.pt", b"x")
    with s3.refusing():
        assert "check the credentials" in failure(f"s3://{BUCKET}/guarded.pt")


def test_s3_unreachable(s3: S3Server, nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{nobody}")
    no_retries = {"retries": {"max_attempts": 0}}
    says = failure(f"s3://{BUCKET}/model.pt", config_kwargs=no_retries)
    assert f"cannot be reached at {nobody}: Connection refused" in says


@pytest.mark.parametrize("new", [b"old weights", b"new weights", b"longer weights"])
def test_s3_changed_after_planning(s3: S3Server, tmp_path: Path, new: bytes) -> None:
    s3.put("changing.pt", b"old weights")
    source = RemoteSource.from_url(f"s3://{BUCKET}/changing.pt")
    s3.put("changing.pt", new)
    if new == b"old weights":  # the ETag says that it is the same
        assert pack(source, tmp_path) == {"changing.pt": new}
        return
    with pytest.raises(SourceChangedError, match=r"s3://models/changing\.pt"):
        pack(source, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_s3_changed_while_reading(s3: S3Server) -> None:
    s3.put("changing.pt", WEIGHTS)
    source = RemoteSource.from_url(f"s3://{BUCKET}/changing.pt")
    with closing(source.open()) as reader:
        s3.put("changing.pt", WEIGHTS[::-1])
        with pytest.raises(SourceChangedError):
            reader.read(1)


def test_s3_deleted_after_planning(s3: S3Server) -> None:
    s3.put("deleted.pt", WEIGHTS)
    source = RemoteSource.from_url(f"s3://{BUCKET}/deleted.pt")
    s3.delete("deleted.pt")
    with pytest.raises(DownloadError, match="does not exist"):
        source.open()


def test_s3_archive_where_it_lies(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the store nothing is asked but parts of the one object."""
    path = marpack.pack(
        model_name="m", handler="base_handler", serialized_file={"w.pt": WEIGHTS}, export_path=tmp_path
    ).path
    with open(path, "rb") as file:
        s3.put("archives/m.mar", file.read())
    asked: list[tuple[str, str]] = []

    def judge(method: str, url: str) -> Literal["pass"]:
        asked.append((method, url.partition("?")[0]))
        return "pass"

    with judged(s3.endpoint, judge) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        by_url = marpack.inspect_archive(f"s3://{BUCKET}/archives/m.mar")
        assert len(asked) <= 4
        assert set(asked) == {("GET", f"/{BUCKET}/archives/m.mar")}
        s3.put("empty.mar", b"")
        for name, says in (("archives", "is a folder"), ("none.mar", "does not exist"), ("empty.mar", "is empty")):
            with pytest.raises((DownloadError, marpack.ArchiveError), match=says):
                marpack.open_archive(f"s3://{BUCKET}/{name}")
    assert replace(by_url, path=path) == marpack.inspect_archive(path)


def test_s3_is_asked_anew(s3: S3Server) -> None:
    """A listing that the program has made before, and fsspec keeps, is out of date."""
    s3.put("listed/model.pt", b"weights")
    assert fsspec.filesystem("s3").ls(f"{BUCKET}/listed") == [f"{BUCKET}/listed/model.pt"]
    s3.put("listed/model.pt", b"longer weights")
    assert RemoteSource.from_url(f"s3://{BUCKET}/listed/model.pt").size == 14


@pytest.mark.parametrize("scheme", ["gs", "gcs"])
def test_google(google: GoogleServer, tmp_path: Path, scheme: str) -> None:
    google.put("runs/model.pt", WEIGHTS)
    source = RemoteSource.from_url(
        f"{scheme}://{BUCKET}/runs/model.pt", endpoint_url=google.endpoint, token="anon"
    )
    assert pack(source, tmp_path) == {"model.pt": WEIGHTS}
    google.put("runs/model.pt", WEIGHTS[::-1])
    with pytest.raises(SourceChangedError):
        source.open()


def test_google_archive_where_it_lies(google: GoogleServer, tmp_path: Path) -> None:
    path = marpack.pack(
        model_name="m",
        handler="base_handler",
        serialized_file={"w.pt": WEIGHTS},
        export_path=tmp_path,
        archive_format="zip-store",
    ).path
    with open(path, "rb") as file:
        google.put("archives/m.mar", file.read())
    options = {"endpoint_url": google.endpoint, "token": "anon"}
    with marpack.open_archive(f"gs://{BUCKET}/archives/m.mar", storage_options=options) as archive:
        assert replace(marpack.inspect_archive(archive), path=path) == marpack.inspect_archive(path)
        assert archive.verify() == ()
    archive = marpack.open_archive(f"gs://{BUCKET}/archives/m.mar", storage_options=options)
    google.put("archives/m.mar", bytes(archive.size))
    assert archive.verify() != ()  # the emulator does not say of which generation a part is
    with pytest.raises(SourceChangedError):
        archive.close()
    with pytest.raises(DownloadError, match="is a folder"):
        marpack.open_archive(f"gs://{BUCKET}/archives", storage_options=options)


def test_google_missing(google: GoogleServer) -> None:
    assert "does not exist" in failure(f"gs://{BUCKET}/missing.pt", endpoint_url=google.endpoint, token="anon")


def test_web(web: WebServer, tmp_path: Path) -> None:
    web.pages["/runs/7/my%20model.pt"] = Page(WEIGHTS, etag='"1"')
    source = RemoteSource.from_url(f"http://{web.host}/runs/7/my%20model.pt")
    assert ("GET", "/runs/7/my%20model.pt") not in web.requests  # planning reads no contents
    assert pack(source, tmp_path) == {"my model.pt": WEIGHTS}


def test_web_address_that_is_not_encoded(web: WebServer, tmp_path: Path) -> None:
    web.pages["/my%20mod%C3%A9l.pt"] = Page(WEIGHTS)
    assert pack(RemoteSource.from_url(f"http://{web.host}/my modél.pt"), tmp_path) == {"my modél.pt": WEIGHTS}


@pytest.mark.parametrize("sized", ["chunked", "close"])
def test_web_without_a_size(web: WebServer, tmp_path: Path, sized: Literal["chunked", "close"]) -> None:
    data = WEIGHTS * 2  # more than is kept in memory
    web.pages["/model.pt"] = Page(data, sized=sized)
    source = RemoteSource.from_url(f"http://{web.host}/model.pt")
    web.pages.clear()  # it has been fetched
    assert source.size == len(data)
    assert pack(source, tmp_path) == {"model.pt": data}


def test_web_redirect(web: WebServer, tmp_path: Path) -> None:
    web.pages["/latest.pt"] = Page(status=302, location="/v7/weights.pt")
    web.pages["/v7/weights.pt"] = Page(WEIGHTS)
    assert pack(RemoteSource.from_url(f"http://{web.host}/latest.pt"), tmp_path) == {"latest.pt": WEIGHTS}


def test_web_proxy(web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{web.host}")
    web.pages["http://behind.invalid/model.pt"] = Page(WEIGHTS)
    assert pack(RemoteSource.from_url("http://behind.invalid/model.pt"), tmp_path) == {"model.pt": WEIGHTS}


def test_web_password(web: WebServer, tmp_path: Path) -> None:
    web.pages["/model.pt"] = Page(WEIGHTS, authorization="Basic dXNlcjpodW50ZXIy")
    source = RemoteSource.from_url(f"http://user:{SECRET}@{web.host}/model.pt")
    assert SECRET not in repr(source)
    assert pack(source, tmp_path) == {"model.pt": WEIGHTS}
    assert failure(f"http://user:{SECRET}x@{web.host}/model.pt") == (
        f"'http://{web.host}/model.pt' may not be read: check the credentials (HTTP 401)"
    )


def test_web_signed(web: WebServer, tmp_path: Path) -> None:
    """A signature holds for one spelling, and often for GET alone."""
    path = f"/model.pt?X-Amz-Credential=k%2Fs3&X-Amz-Signature={SECRET}%2B%3d"
    web.pages[path] = Page(WEIGHTS, takes_head=False)
    source = RemoteSource.from_url(f"http://{web.host}{path}")
    assert SECRET not in repr(source)
    assert pack(source, tmp_path) == {"model.pt": WEIGHTS}


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "may not be read: check the credentials (HTTP 401)"),
        (403, "may not be read: check the credentials (HTTP 403)"),
        (404, "does not exist: correct the URL (HTTP 404)"),
        (410, "does not exist: correct the URL (HTTP 410)"),
        (500, "cannot be read: the server answered with HTTP 500"),
    ],
)
def test_web_refused(web: WebServer, status: int, says: str) -> None:
    path = f"/model.pt?signature={SECRET}"
    web.pages[path] = Page(status=status)
    assert failure(f"http://user:{SECRET}@{web.host}{path}#{SECRET}") == f"'http://{web.host}/model.pt' {says}"


def test_web_unreachable(web: WebServer, nobody: str) -> None:
    assert "TLS" in failure(f"https://user:{SECRET}@{web.host}/model.pt?{SECRET}")
    assert "host is not known" in failure(f"http://user:{SECRET}@nowhere.invalid/model.pt?{SECRET}")
    assert "cannot be reached: Connection refused" in failure(f"http://user:{SECRET}@{nobody}/m.pt?{SECRET}")


def test_web_silent(web: WebServer) -> None:
    web.silent.set()
    impatient = {"timeout": aiohttp.ClientTimeout(sock_read=0.2)}
    assert "did not answer in time" in failure(f"http://{web.host}/model.pt?{SECRET}", client_kwargs=impatient)


@pytest.mark.parametrize(
    "new",
    [Page(WEIGHTS[::-1], etag='"2"'), Page(WEIGHTS + b"x", etag='"1"'), Page(WEIGHTS, etag='"1"', sized="close")],
    ids=["mark", "size", "size no longer stated"],
)
def test_web_changed_after_planning(web: WebServer, tmp_path: Path, new: Page) -> None:
    path = f"/model.pt?signature={SECRET}"
    web.pages[path] = Page(WEIGHTS, etag='"1"')
    source = RemoteSource.from_url(f"http://{web.host}{path}")
    web.pages[path] = new
    with pytest.raises(SourceChangedError) as caught:
        pack(source, tmp_path)
    assert f"'http://{web.host}/model.pt' has changed" in str(caught.value)
    assert SECRET not in shown(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_web_changed_while_reading(web: WebServer) -> None:
    web.pages["/model.pt"] = Page(WEIGHTS, etag='"1"')
    with closing(RemoteSource.from_url(f"http://{web.host}/model.pt").open()) as reader:
        web.pages["/model.pt"] = Page(WEIGHTS, etag='"2"')
        with pytest.raises(SourceChangedError):
            list(iter(lambda: reader.read(1 << 16), b""))


def test_web_broken_off(web: WebServer, tmp_path: Path) -> None:
    path = f"/model.pt?signature={SECRET}"
    web.pages[path] = Page(WEIGHTS, stop_at=1000)
    source = RemoteSource.from_url(f"http://{web.host}{path}")
    with pytest.raises(DownloadError, match=f"http://{web.host}/model.pt' cannot be read") as caught:
        pack(source, tmp_path)
    assert SECRET not in shown(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_only_what_can_be_read_in_parts_says_so(web: WebServer, s3: S3Server) -> None:
    data = bytes(range(256)) * 5
    web.pages["/w.pt"] = Page(data=data, etag='"1"')
    s3.put("w.pt", data)
    reader = RemoteSource.from_url(f"http://{web.host}/w.pt").open()
    assert not reader.seekable()  # type: ignore[attr-defined]
    assert reader.read(2000) == data
    reader.close()
    with RemoteSource.from_url(f"s3://{BUCKET}/w.pt").open() as reader:  # type: ignore[attr-defined]
        assert reader.seekable()
        reader.seek(-4, 2)
        assert (reader.tell(), reader.read(9)) == (len(data) - 4, data[-4:])
        reader.seek(1)
        assert reader.read(2) == data[1:3]
