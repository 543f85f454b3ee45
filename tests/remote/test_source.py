from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
import zipfile
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import SourceChangedError
from marpack.display import hidden_url
from marpack.errors import DownloadError
from marpack.remote.source import RemoteSource
from marpack.remote.urls import is_url

if TYPE_CHECKING:
    from pathlib import Path

URLS = ["s3://bucket/key", "HTTPS://host/x", "file:///x", "abfs://c@a/x", "gopher://x", "simplecache::s3://b/k"]
PATHS = [
    "",
    "model.pt",
    "/a/b.pt",
    "C:\\a\\b.pt",
    "C:/a/b.pt",
    "C://a",
    "s3:/b/k",
    "://x",
    "1s://x",
    "a b://c",
    "./x://y",
]


def shown(error: BaseException) -> str:
    """Return everything that a program could show of an error."""
    assert error.__cause__ is None
    if error.__context__ is not None:
        assert isinstance(error.__context__, marpack.MarpackError)
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return "\n".join([str(error), repr(error), repr(vars(error)), repr(error.args), trace])


@pytest.mark.parametrize("text", URLS)
def test_url(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize("text", PATHS)
def test_path(text: str) -> None:
    assert not is_url(text)
    with pytest.raises(DownloadError, match="is not a URL"):
        RemoteSource.from_url(text)


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("https://host/a/b.pt", "https://host/a/b.pt"),
        ("https://host:8443/a@b.pt", "https://host:8443/a@b.pt"),
        ("https://[::1]:8443/b.pt", "https://[::1]:8443/b.pt"),
        ("s3://bucket/a%20b.pt", "s3://bucket/a%20b.pt"),
        ("s3://bucket", "s3://bucket"),
        ("file:///a/b.pt", "file:///a/b.pt"),
        ("https://SECRET@host/b.pt", "https://host/b.pt"),
        ("https://user:SECRET@host/b.pt", "https://host/b.pt"),
        ("https://user:SE@CRET@[::1]/b.pt", "https://[::1]/b.pt"),
        ("https://host/b.pt?sig=SECRET#SECRET", "https://host/b.pt"),
        ("https://host/b.pt#SECRET?SECRET", "https://host/b.pt"),
        ("https://host?SECRET", "https://host"),
        ("https://user:SE/CRET@host/b.pt", "https://***"),
        ("https:///user:SECRET@host/b.pt", "https://host/b.pt"),
        ("file:///home/me@work/b.pt", "file:///home/me@work/b.pt"),
        ("https://user:SE?CRET@host/b.pt", "https://***"),
        ("https://user:SE#CRET@host/b.pt", "https://***"),
        ("https://[SECRET", "https://***"),
        ("simplecache::https://user:SECRET@host/b.pt", "simplecache::https://host/b.pt"),
        ("zip://a.pt::https://user:SECRET@host/b.zip", "zip://***"),
        ("https://host/https://user:SECRET@other/b.pt", "https://host/https://other/b.pt"),
    ],
)
def test_what_is_shown_of_a_url(url: str, hidden: str) -> None:
    assert hidden_url(url) == hidden
    assert hidden_url(hidden) == hidden


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("simplecache::https://u:SECRET@h/x.pt", "chains file systems"),
        ("zip://x.pt::https://u:SECRET@h/x.zip", "chains file systems"),
        ("https://u:SECRET@h::file:///x.pt", "chains file systems"),
        ("s3://bucket/x.pt?SECRET::file:///y", "chains file systems"),
        ("reference://SECRET@x/y.pt", "cannot be read by its scheme"),
        ("cmd://SECRET@x/y.pt", "cannot be read by its scheme"),
        ("git://u:SECRET@x/y.pt", "cannot be read by its scheme"),
        ("local:///y.pt?SECRET", "cannot be read by its scheme"),
        ("https://u:SECRET@h/?SECRET", "names no file"),
        ("https://u:SECRET@h", "names no file"),
        ("https://u:SECRET@[h/x.pt", "cannot be read"),
        ("gs://bucket/?SECRET/", "names no file"),
        ("file://u:SECRET@host/x.pt", "is on another machine"),
        ("file:///nowhere/x.pt?SECRET", "does not exist"),
    ],
)
def test_refused(url: str, says: str) -> None:
    with pytest.raises(DownloadError, match=says) as caught:
        RemoteSource.from_url(url)
    assert isinstance(caught.value, OSError)
    assert "SECRET" not in shown(caught.value)


def test_an_address_in_brackets_chains_nothing() -> None:
    pytest.importorskip("aiohttp")
    # No server can listen on port 0.
    with pytest.raises(DownloadError, match="cannot be re"):
        RemoteSource.from_url("http://[::1]:0/x.pt?role=arn:aws:iam::1")


def test_file(tmp_path: Path) -> None:
    """The path is encoded in the URL, as ``Path.as_uri`` does it."""
    path = tmp_path / "50% of #1?.pt"
    path.write_bytes(b"weights")
    source = RemoteSource.from_url(path.as_uri())
    assert (source.name, source.size) == (path.name, 7)
    assert RemoteSource.from_url(path.as_uri().replace("file://", "FILE://localhost")).name == path.name
    plan = marpack.plan_archive(model_name="m", handler="base_handler", serialized_file=source)
    marpack.write_archive(plan, tmp_path / "m.mar")
    with zipfile.ZipFile(tmp_path / "m.mar") as archive:
        assert archive.read(path.name) == b"weights"
    path.write_bytes(b"other weights")
    with pytest.raises(SourceChangedError):
        source.open()


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="is not a regular file"):
        RemoteSource.from_url(tmp_path.as_uri())


def test_error_is_pickled() -> None:
    error = DownloadError("https://host/x.pt", "cannot be read")
    again = pickle.loads(pickle.dumps(error))
    assert (again.url, again.reason, str(again)) == (error.url, error.reason, str(error))


def run(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return result.stdout.strip()


@pytest.mark.parametrize(
    ("package", "url"),
    [
        ("fsspec", "http://host/x.pt"),
        ("fsspec", "sftp://host/x.pt"),
        ("aiohttp", "https://u:SECRET@host/x.pt"),
        ("s3fs", "s3://bucket/x.pt"),
        ("gcsfs", "gs://bucket/x.pt"),
    ],
)
def test_package_is_missing(package: str, url: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
import marpack.remote.source as remote
from marpack.errors import MissingExtraError
try:
    remote.RemoteSource.from_url({url!r})
except MissingExtraError as error:
    print(error, error.__context__)
"""
    scheme = url.partition(":")[0]
    says = f"reading {scheme}:// URLs needs an optional dependency: pip install 'marpack[remote]' None"
    assert run(code) == says


def test_package_of_another_store_is_missing() -> None:
    with pytest.raises(DownloadError, match=r"needs another package: .*adlfs"):
        RemoteSource.from_url("abfs://container@account/x.pt")


def test_nothing_is_imported_before_it_is_needed() -> None:
    assert (
        run("import sys, marpack.remote.source; print({'fsspec', 'aiohttp', 'ssl'} & set(sys.modules))") == "set()"
    )
