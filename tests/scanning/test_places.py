"""Which archives ``scan`` finds below a folder or a prefix, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import marpack
from tests.support.archives import packed
from tests.support.object_store import S3Server


def found(*locations: str | Path) -> list[tuple[str, str | None]]:
    """Return the paths and error codes, of archives of which little is asked."""
    scanned = marpack.scan(locations, select="manifest-missing")
    return [(archive.path, archive.error.code if archive.error else None) for archive in scanned]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    return folder


def test_what_counts_and_in_which_order(store: Path) -> None:
    """Files by their suffix, and folders by their manifest, of which nothing is an archive by itself."""
    packed(store, "b")
    packed(store, "c", archive_format="tgz")
    packed(store, "a", archive_format="no-archive")
    (store / "a" / "inner.mar").write_bytes(b"not looked at")
    (store / "b" / "deep" / "er").mkdir(parents=True)
    packed(store / "b" / "deep" / "er")
    workflow = marpack.plan_workflow(workflow_name="w", spec_file={"w.yaml": b"{}"})
    marpack.write_archive(workflow, store / "b" / "w.war")
    (store / "c.tar.gz").rename(store / "c.tgz")
    for name in ("notes.txt", "m.mar.md5", "M.MAR", ".marpack-0123456789abcdef.tmp", ".hidden.mar"):
        (store / name).write_bytes(b"not looked at")
    (store / ".cache").mkdir()
    packed(store / ".cache")
    expected = ["a", "b/deep/er/m.mar", "b/w.war", "b.mar", "c.tgz"]
    assert found("store") == [(f"store/{name}", None) for name in expected]
    assert found("store/b/", "store") == [
        *((f"store/b/{name}", None) for name in ("deep/er/m.mar", "w.war")),
        *((f"store/{name}", None) for name in expected),
    ]
    assert [path for path, _ in found(".")] == [f"./store/{name}" for name in expected]


def test_what_is_named_is_looked_at(store: Path) -> None:
    """Whatever it is called; and what is not there is said."""
    packed(store).rename(store / ".m.mar")
    packed(store, "f", archive_format="no-archive")
    (store / "empty").mkdir()
    assert found(store / ".m.mar", store / "f", store / "gone", store / "empty", f"file://{store}/f") == [
        (f"{store}/.m.mar", None),
        (f"{store}/f", None),
        (f"{store}/gone", "unreadable"),
        (f"{store}/f", None),
    ]


def test_links(store: Path, tmp_path: Path) -> None:
    """They are followed, round in no circle; one that leads nowhere is told, if it is called like an archive.

    What lies there itself is told by its own name.
    """
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    packed(elsewhere)
    (store / "z").symlink_to(elsewhere)
    (store / "linked.mar").symlink_to(elsewhere / "m.mar")
    (elsewhere / "back").symlink_to(store)
    (store / "gone.mar").symlink_to("nowhere")
    (store / "gone").symlink_to("nowhere")
    (store / "self.mar").symlink_to("self.mar")
    (store / "self").symlink_to("self")
    (store / "zz").symlink_to(elsewhere)
    (store / "v1").mkdir()
    packed(store / "v1")
    (store / "latest").symlink_to("v1")
    assert found("store") == [
        ("store/gone.mar", "unreadable"),
        ("store/linked.mar", None),
        ("store/self.mar", "unreadable"),
        ("store/v1/m.mar", None),
        ("store/z/m.mar", None),
    ]


def test_what_is_no_file(store: Path) -> None:
    """A pipe that nobody writes into is no reason to wait."""
    os.mkfifo(store / "pipe.mar")
    (store / "folder.mar").mkdir()
    packed(store / "folder.mar")
    assert found("store") == [("store/folder.mar/m.mar", None), ("store/pipe.mar", "not-a-file")]


def test_a_folder_that_cannot_be_listed(store: Path) -> None:
    """Here by the length of its path, which stops root too."""
    packed(store, "a")
    packed(store, "z")
    here = os.open(store, os.O_RDONLY)
    name = "d" * 250
    try:
        for _ in range(17):
            os.mkdir(name, dir_fd=here)
            inner = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
    finally:
        os.close(here)
    [first, (path, code), last] = found(store)
    assert (first, last) == ((f"{store}/a.mar", None), (f"{store}/z.mar", None))
    assert code == "unreadable"
    assert path.startswith(f"{store}/{name}/{name}")
    assert len(path) > 4000


def test_prefixes(s3: S3Server, tmp_path: Path) -> None:
    """Of a store, archives are files; what is hidden in it, and what is beside the prefix, is left out."""
    path = packed(tmp_path)
    for key in ("scan/b.mar", "scan/a/c.mar", "scan/.d/e.mar", "scan/notes.txt", "scanned/f.mar"):
        s3.put(key, path.read_bytes())
    s3.put("scan/z.mar", b"no archive")
    url = f"s3://{s3.bucket}/scan"
    expected = [(f"{url}/a/c.mar", None), (f"{url}/b.mar", None), (f"{url}/z.mar", "zip-no-end")]
    assert found(url) == expected
    assert found(f"{url}/", f"{url}/b.mar") == [*expected, expected[1]]
    [archive] = marpack.scan(f"{url}/b.mar", digest=True)
    [local] = marpack.scan(path, digest=True)
    assert (archive.name, archive.sha256, archive.weights) == (local.name, local.sha256, local.weights)
    assert found(f"s3://{s3.bucket}/typo/") == [(f"s3://{s3.bucket}/typo/", "unreadable")]
    [gone] = marpack.scan("s3://no-such-bucket/models/")
    assert gone.error is not None


def test_a_folder_of_the_web() -> None:
    """Nobody is asked for it."""
    [archive] = marpack.scan("http://127.0.0.1:1/models/")
    assert archive.error is not None
    assert "the web has no listing; name the archives (--from-file takes many)" in archive.error.message


def test_what_names_no_place_is_a_line(store: Path) -> None:
    """And what is named behind it is looked at."""
    packed(store)
    places = ["file://[x", "file://elsewhere/m.mar", "file:///a%00", "a\0", "\ud800.mar"]
    assert [code for _, code in found(*places, store / "m.mar")] == ["unreadable"] * 5 + [None]
