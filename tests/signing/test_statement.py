"""What is stated of archives, folders and images, without model-signing."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.errors import MarpackError, UnsafeArchiveError
from marpack.signing import Resource, Statement, attest
from tests.support.archives import packed, zipped
from tests.support.signatures import FILES, model_folder

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
    with pytest.raises(OSError, match="sha256"):
        attest("sha256:abc")


def layout(folder: Path) -> tuple[Path, str]:
    """Write an OCI layout of one image of one layer, and return the image's digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(data: bytes, kind: str) -> dict[str, Any]:
        digest = sha256(data)
        (blobs / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    oci = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{oci}.manifest.v1+json",
        "config": blob(b"{}", f"{oci}.config.v1+json"),
        "layers": [blob(b"layer" * 1000, f"{oci}.layer.v1.tar")],
    }
    listed = blob(json.dumps(manifest).encode(), f"{oci}.manifest.v1+json")
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [listed]}))
    return folder, listed["digest"]


def test_a_layout_is_stated_by_the_digest_of_its_image(tmp_path: Path) -> None:
    folder, digest = layout(tmp_path / "image")
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
    folder, digest = layout(tmp_path / "image")
    index = (folder / "index.json").read_bytes()
    for blob in sorted((folder / "blobs" / "sha256").iterdir()):
        data = blob.read_bytes()
        for other in (data + b"x", data[:-1], bytes([data[0] ^ 1]) + data[1:], None):
            blob.unlink()
            if other is not None:
                blob.write_bytes(other)
            with pytest.raises((MarpackError, FileNotFoundError), match=blob.name):
                attest(folder)
            blob.write_bytes(data)
    assert attest(folder) == attest(digest)
    listed = json.loads(index)["manifests"][0]
    # Whoever changes the index does not choose what is looked into.
    oci = "application/vnd.oci.image"
    for kind in ("application/json", f"{oci}.index.v1+json", f"{oci}.layer.v1.tar", f"{oci}.config.v1+json"):
        (folder / "index.json").write_text(json.dumps({"manifests": [listed | {"mediaType": kind}]}))
        with pytest.raises(MarpackError, match=listed["digest"].partition(":")[2]):
            attest(folder)
    manifests: Any
    for manifests in (
        [],
        [listed, listed],
        [{}],
        None,
        [listed | {"digest": "sha256:../x"}],
        [listed | {"size": -1}],
    ):
        (folder / "index.json").write_text(json.dumps({"manifests": manifests}))
        with pytest.raises(MarpackError, match=r"image|blob"):
            attest(folder)
    for text in ("", "[]", "[" * 100_000, '{"a": 1, "a": 2}', " " * (5 << 20)):
        (folder / "index.json").write_text(text)
        with pytest.raises(MarpackError, match=r"index\.json"):
            attest(folder)


def test_a_signature_whose_name_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a").write_bytes(b"a")
    with pytest.raises(MarpackError, match="is no text"):
        attest(tmp_path / "m", ignore=[tmp_path / "m" / "\udcff.sig"])
