"""What is stated of archives, folders and images, without model-signing."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.errors import ImageError, MarpackError, UnsafeArchiveError
from marpack.signing import Resource, Statement, attest
from tests.support.archives import packed, zipped
from tests.support.signatures import FILES, image_layout, model_folder

ZERO = "0" * 64


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_files_are_in_the_order_of_their_components(tmp_path: Path) -> None:
    found = attest(model_folder(tmp_path / "m"))
    assert [each.name for each in found.resources] == [
        *("MAR-INF/MANIFEST.json", "a/b", "a/z/1", "a-b/c", "a.b", "empty", "sub/.gitignore"),
        "\u00e9/\u00fc \u65e5",
    ]
    assert found.name == "m"
    assert {each.name: each.sha256 for each in found.resources} == {n: sha256(data) for n, data in FILES.items()}
    assert found.root == sha256(b"".join(bytes.fromhex(each.sha256) for each in found.resources))


def test_a_file_is_one_resource(tmp_path: Path) -> None:
    path = packed(tmp_path)
    with marpack.open_archive(path) as archive:
        statements = [attest(path), attest(str(path)), attest(archive)]
    [first, *others] = statements
    assert all(each == first for each in others)
    assert first == Statement.of("m.mar", [Resource(name=".", sha256=sha256(path.read_bytes()))])
    assert first.is_of_one_file
    assert first.root == sha256(bytes.fromhex(sha256(path.read_bytes())))
    # Whatever it is.
    other = tmp_path / "weights.pt"
    other.write_bytes(b"no archive")
    assert attest(other).resources[0].sha256 == sha256(b"no archive")


@pytest.mark.parametrize("form", ["default", "zip-store", "auto", "tgz"])
def test_contents_are_those_of_the_unpacked_folder(form: Any, tmp_path: Path) -> None:
    path = packed(tmp_path, archive_format=form)
    with marpack.open_archive(path) as archive:
        archive.extract(tmp_path / "out")
        assert attest(archive, contents=True).resources == attest(path, contents=True).resources
    assert attest(path, contents=True).resources == attest(tmp_path / "out").resources
    assert len(attest(path, contents=True).resources) == 4


def test_what_is_git_s_own_is_ignored_at_the_top(tmp_path: Path) -> None:
    files = FILES | {
        ".git/HEAD": b"x",
        ".gitignore": b"y",
        ".github/a": b"z",
        ".gitattributes": b"w",
        ".hid": b"v",
    }
    model_folder(tmp_path / "m", files)
    found = attest(tmp_path / "m")
    assert {each.name for each in found.resources} == {*FILES, ".hid"}
    assert found.asdict()["predicate"]["serialization"]["ignore_paths"] == list(found.ignored)
    every = attest(tmp_path / "m", git_files=True)
    assert {each.name for each in every.resources} == {*files}
    assert "ignore_paths" not in every.asdict()["predicate"]["serialization"]


def test_a_signature_in_the_folder_is_not_stated_and_one_elsewhere_is(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", {"m.sig": b"", "sub/m.sig": b""})
    assert [each.name for each in attest(folder, ignore=[folder / "m.sig"]).resources] == ["sub/m.sig"]
    assert len(attest(folder, ignore=[tmp_path / "m.sig"]).resources) == 2
    assert [each.name for each in attest(folder, ignore=[folder / "sub" / "m.sig"]).resources] == ["m.sig"]
    assert len(attest(folder, ignore=[folder, tmp_path, "/"]).resources) == 2


def test_the_text_is_the_same_each_time(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    text = attest(folder).to_json()
    assert text == attest(folder, threads=3).to_json()
    assert text.isascii()
    assert text.endswith("}\n")
    assert json.loads(text)["subject"] == [{"name": "m", "digest": {"sha256": attest(folder).root}}]


def test_a_link_is_no_file_of_a_folder(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "link").symlink_to("a.b")
    with pytest.raises(MarpackError, match="'link' is a link"):
        attest(folder)
    (folder / "link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(MarpackError, match="'pipe' is neither"):
        attest(folder)


def test_what_others_would_unpack_otherwise_has_no_contents(tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchiveError):
        attest(zipped(tmp_path / "m.mar", [("../up", b"")]), contents=True)


@pytest.mark.parametrize("name", ["", "/a", "../a", "a/../b", "a//b", "a/", "./a", "\ud800", "a\0b", "x" * 300])
def test_names_that_lead_elsewhere_are_of_no_resource(name: str) -> None:
    with pytest.raises(ValueError, match=r" is | has | leads | holds "):
        Resource(name=name, sha256=ZERO)


def test_values_refuse_what_they_are_not() -> None:
    for digest in ("", "0" * 63, "A" * 64, "g" * 64):
        with pytest.raises(ValueError, match="64 hexadecimal"):
            Resource(name="a", sha256=digest)
    one, other, whole = (Resource(name=name, sha256=ZERO) for name in ("a", "b", "."))
    with pytest.raises(ValueError, match="twice"):
        Statement.of("m", [one, one])
    with pytest.raises(ValueError, match="in its place"):
        Statement(name="m", resources=(other, one))
    with pytest.raises(ValueError, match="stands alone"):
        Statement.of("m", [one, whole])
    for path in (".", "..", "/a", ""):
        with pytest.raises(ValueError, match="ignored"):
            Statement.of("m", [one], [path])


def test_an_image_is_stated_by_its_digest() -> None:
    found = attest(f"sha256:{'a' * 64}")
    assert found.resources == (Resource(name=".", sha256="a" * 64),)
    with pytest.raises(MarpackError, match="no digest of an image"):
        attest("sha256:abc")


def test_a_file_of_a_digest_s_name_is_named_by_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever puts a file there does not choose what a digest is of."""
    monkeypatch.chdir(tmp_path)
    name = f"sha256:{'a' * 64}"
    (tmp_path / name).write_bytes(b"other")
    assert attest(name).resources[0].sha256 == "a" * 64
    assert attest(f"./{name}").resources[0].sha256 == sha256(b"other")


def test_nothing_is_stated_of_nothing(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m", {".git/HEAD": b"x"})
    (folder / "empty").mkdir()
    with pytest.raises(MarpackError, match=r"holds no file but what is ignored \('\.git', "):
        attest(folder)
    assert len(attest(folder, git_files=True).resources) == 1
    with pytest.raises(MarpackError, match=r"ignored \('\.git/HEAD'\): there is nothing to state"):
        attest(folder, git_files=True, ignore=[folder / ".git" / "HEAD"])
    with pytest.raises(MarpackError, match="holds no file"):
        attest(folder / "empty", git_files=True)


def test_a_layout_is_stated_by_the_digest_of_its_image(tmp_path: Path) -> None:
    folder, digest = image_layout(tmp_path / "image")
    assert attest(folder) == attest(digest)
    # Through an index of several platforms.
    blob = json.loads((folder / "index.json").read_text())
    data = json.dumps(blob).encode()
    (folder / "blobs" / "sha256" / sha256(data)).write_bytes(data)
    outer = {
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": f"sha256:{sha256(data)}",
        "size": len(data),
    }
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [outer]}))
    assert attest(folder).resources[0].sha256 == sha256(data)


def test_a_layout_that_is_not_what_it_says_is_not_stated(tmp_path: Path) -> None:
    folder, digest = image_layout(tmp_path / "image")
    index = (folder / "index.json").read_bytes()
    for blob in sorted((folder / "blobs" / "sha256").iterdir()):
        data = blob.read_bytes()
        for other, code in (
            (data + b"x", "size-mismatch"),
            (data[:-1], "size-mismatch"),
            (bytes([data[0] ^ 1]) + data[1:], "digest-mismatch"),
            (None, "missing-blob"),
        ):
            blob.unlink()
            if other is not None:
                blob.write_bytes(other)
            assert blob.name in refused(folder, code)
            blob.write_bytes(data)
    assert attest(folder) == attest(digest)
    listed = json.loads(index)["manifests"][0]
    # Whoever changes the index does not choose what is looked into.
    oci = "application/vnd.oci.image"
    for kind in ("application/json", f"{oci}.index.v1+json", f"{oci}.layer.v1.tar", f"{oci}.config.v1+json"):
        (folder / "index.json").write_text(json.dumps({"manifests": [listed | {"mediaType": kind}]}))
        assert listed["digest"] in refused(folder, "bad-document")
    manifests: Any
    for manifests, code in (
        ([], "several"),
        ([listed, listed], "several"),
        ([{}], "bad-descriptor"),
        (None, "bad-document"),
        ([listed | {"digest": "sha256:../x"}], "bad-descriptor"),
        ([listed | {"size": -1}], "bad-descriptor"),
    ):
        (folder / "index.json").write_text(json.dumps({"manifests": manifests}))
        refused(folder, code)
    for text, code in (
        ("", "bad-document"),
        ("[]", "bad-document"),
        ("[" * 100_000, "bad-document"),
        ('{"a": 1, "a": 2}', "bad-document"),
        (" " * (5 << 20), "too-large"),
    ):
        (folder / "index.json").write_text(text)
        assert "index.json" in refused(folder, code)


def refused(folder: Path, code: str) -> str:
    """Return what is said of a layout that is not stated, for a reason that has a code."""
    with pytest.raises(ImageError) as caught:
        attest(folder)
    assert caught.value.code == code
    return str(caught.value)


def test_a_signature_whose_name_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a").write_bytes(b"a")
    with pytest.raises(MarpackError, match="is no text"):
        attest(tmp_path / "m", ignore=[tmp_path / "m" / "\udcff.sig"])
