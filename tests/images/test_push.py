"""What reaches a registry, in which order, and what of it is left where something fails."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from pathlib import Path

import pytest

import marpack
from marpack.errors import ImageError, MissingExtraError, RegistryError
from marpack.images import PushResult, plan_image, push_image, write_image
from marpack.images.reference import NoReferenceError, Reference
from tests.images.bases import Blobs, image, write_files
from tests.images.layouts import Layout
from tests.images.pushing import BASIC, PASSWORD, asks_for, layout_of, push
from tests.images.registry_peer import Answer, RegistryPeer, Told
from tests.support.archives import packed


@pytest.mark.parametrize("target", ["image", "image.tar"])
def test_blobs_then_the_manifest_by_its_tag(target: str, peer: RegistryPeer, tmp_path: Path) -> None:
    """By I28."""
    layout = layout_of(tmp_path, "a", "b", target=target)
    told: list[int] = []
    result = push(layout, peer, progress=told.append)
    files = Layout.of(layout).files
    assert {f"blobs/{digest.replace(':', '/')}": data for digest, data in peer.blobs.items()} == {
        name: data for name, data in files.items() if name.startswith("blobs/")
    }
    assert peer.tags == {"1.0": result.digest}
    puts = [each.path for each in peer.told if each.method == "PUT"]
    # By its digest first: what comes back is held against it before anything has the tag.
    assert puts[-2:] == [f"/v2/team/models/manifests/{name}" for name in (result.digest, "1.0")]
    assert all("/blobs/uploads/1?state=x&digest=sha256%3A" in each for each in puts[:-2])
    assert len(result.sent) == 4
    assert result.kept == ()
    assert sum(told) == result.size
    assert result.name == f"{peer.host}/team/models:1.0"


def test_progress_is_what_was_just_sent(peer: RegistryPeer, tmp_path: Path) -> None:
    """Of a blob that is more than one read."""
    with plan_image(packed(tmp_path, serialized_file={"weights.pt": os.urandom(3 << 20)})) as plan:
        write_image(plan, tmp_path / "image")
    told: list[int] = []
    result = push(tmp_path / "image", peer, progress=told.append)
    assert len(told) > 3
    assert sum(told) == result.size > 3 << 20


def test_without_a_tag_it_is_the_layouts(peer: RegistryPeer, tmp_path: Path) -> None:
    assert push(layout_of(tmp_path, tag="2.0"), peer, "models").name.endswith("/models:2.0")
    assert list(peer.tags) == ["2.0"]


@pytest.mark.parametrize("tag", ["../../../victim/manifests/latest", "a/b", "a?b", "a#b", "", "-", "x" * 129])
def test_a_tag_of_the_layout_that_is_a_path_is_none(tag: str, peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"][0].setdefault("annotations", {})["org.opencontainers.image.ref.name"] = tag
    (layout / "index.json").write_text(json.dumps(index))
    with pytest.raises(RegistryError, match="is none: name a tag"):
        push(layout, peer, "models")
    assert not peer.told
    assert push(layout, peer, "models:1.0").digest == peer.tags["1.0"]


def test_what_is_there_is_not_sent(peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path, "a", "b", "c")
    first = push(layout, peer)
    peer.told.clear()
    assert push(layout, peer) == PushResult(name=first.name, digest=first.digest, sent=(), kept=first.sent, size=0)
    assert [each.method for each in peer.told] == ["HEAD"]
    # Another tag of the same asks for each blob, and sends the manifest alone.
    again = push(layout, peer, "team/models:2.0")
    assert again.sent == ()
    assert peer.tags["2.0"] == first.digest


def test_an_index_comes_after_its_manifests(peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path, platforms=["linux/amd64", "linux/arm64"])
    result = push(layout, peer)
    manifests = [each.path.rpartition("/")[2] for each in peer.told if "/manifests/" in each.path][1:]
    index = Layout.of(layout)
    assert manifests == [*(each["digest"] for each in index.manifest["manifests"]), index.top["digest"], "1.0"]
    assert result.digest == index.top["digest"]


# Three blobs are asked for and sent, and the manifest twice.
@pytest.mark.parametrize("number", range(1, 9))
def test_nothing_is_tagged_before_all_is_there(number: int, peer: RegistryPeer, tmp_path: Path) -> None:
    """Whichever request that changes something fails: of that layout there are eight."""
    asked = 0

    def fail(told: Told) -> Answer | None:
        nonlocal asked
        asked += told.method in ("PUT", "POST")
        return Answer(500) if told.method in ("PUT", "POST") and asked == number else None

    layout = layout_of(tmp_path)
    peer.before = fail
    with pytest.raises(RegistryError) as raised:
        push(layout, peer)
    assert raised.value.status == 500
    assert asked == number
    assert peer.tags == {}
    # What was sent stays, and is not sent again.
    there = peer.blobs.keys()
    peer.before, before = lambda told: None, {*there}
    peer.told.clear()
    result = push(layout, peer)
    assert {*result.kept} == before - {result.digest}
    assert sum(each.method in ("PUT", "POST") for each in peer.told) == 8 - 2 * len(result.kept)
    assert peer.tags == {"1.0": result.digest}


@pytest.mark.parametrize("what", ["/blobs/", "/manifests/"])
def test_a_digest_that_comes_back_different_is_an_error(what: str, peer: RegistryPeer, tmp_path: Path) -> None:
    """By I29."""
    other = f"sha256:{'0' * 64}"
    layout = layout_of(tmp_path)
    manifest = Layout.of(layout).top["digest"]
    peer.digest = lambda digest: other if (digest == manifest) == (what == "/manifests/") else digest
    with pytest.raises(RegistryError, match=f"has stored {other}"):
        push(layout, peer)
    assert peer.tags == {}


@pytest.mark.parametrize("how", ["bytes", "size", "missing"])
def test_a_layout_that_lies_is_not_tagged(how: str, peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    digest = Layout.of(layout).manifest["layers"][0]["digest"]
    blob = layout / "blobs" / digest.replace(":", "/")
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    if how == "missing":
        blob.unlink()
    else:
        blob.write_bytes(data if how == "bytes" else data[:-1])
    code = {"bytes": "digest-mismatch", "size": "size-mismatch", "missing": "missing-blob"}[how]
    with pytest.raises(ImageError) as raised:
        push(layout, peer)
    assert raised.value.code == code
    assert peer.tags == {}
    assert digest not in peer.blobs


def test_what_is_no_layout_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no OCI layout"):
        push_image(tmp_path, "r.example/m:1")
    with pytest.raises(ImageError, match="neither a layout's folder nor a plain tar"):
        push_image(packed(tmp_path), "r.example/m:1")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("models:1", "names no registry"),
        ("team/models:1", "names no registry"),
        ("https://r.example/m:1", "is a URL"),
        (f"r.example/m@sha256:{'0' * 64}", "names a digest"),
        ("r.example/Models:1", "lower-case"),
        ("r.example/a//b:1", "lower-case"),
        ("r.example/m:", "has a tag"),
        ("r.example/m:-x", "has a tag"),
        ("ali:secret@r.example/m:1", "holds a user or a password"),
        (f"ali:secret@r.example/m@sha256:{'0' * 64}", "names a digest"),
    ],
)
def test_a_name_that_no_registry_takes_is_said_before(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(NoReferenceError, match=said):
        Reference.parse(name)
    with pytest.raises(RegistryError, match=said):
        push_image(layout_of(tmp_path), name)


def test_names_that_registries_have() -> None:
    for name in ("localhost/m:1", "r.example:5000/a/b__c.d-e:V_1", "[::1]:5000/m:1", "docker.io/library/m:1"):
        assert str(Reference.parse(name)) == name


def test_without_requests_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = layout_of(tmp_path)
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(MissingExtraError, match=r"marpack\[oci\]"):
        push_image(layout, "r.example/m:1")
    assert marpack.images.push_image is push_image


def test_a_blob_that_is_sent_again_counts_once(peer: RegistryPeer, tmp_path: Path) -> None:
    """As where a password is asked for once its bytes have come."""
    layout = layout_of(tmp_path)
    told: list[int] = []
    asks = asks_for("Basic realm=x")
    peer.before = lambda told: asks(told) if told.method == "PUT" else None
    result = push(layout, peer, username="ali", password=PASSWORD, progress=told.append)
    assert [each.authorization for each in peer.told if each.method == "PUT"][:2] == [None, f"Basic {BASIC}"]
    assert sum(told) == result.size


def test_a_disk_that_fails_is_not_the_registrys_fault(
    peer: RegistryPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = layout_of(tmp_path)

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            opened.append(self)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    class FailingSource:
        size = 0

        def open(self) -> io.BytesIO:
            return Failing()

    opened: list[io.BytesIO] = []
    monkeypatch.setattr("marpack.images.push.blob_source", lambda *_: FailingSource())
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as raised:
        push(layout, peer)
    assert not isinstance(raised.value, RegistryError)
    assert [each.closed for each in opened] == [True]
    assert peer.tags == {}


def _of_two(folder: Path) -> Path:
    blobs = Blobs()
    ref = "org.opencontainers.image.ref.name"
    both = [image(blobs, annotations={ref: "v1"}), image(blobs, zipped=True, annotations={ref: "v2"})]
    return write_files(blobs.index(*both), folder / "both")


def test_one_of_several_is_chosen_by_its_tag(peer: RegistryPeer, tmp_path: Path) -> None:
    layout = _of_two(tmp_path)
    with pytest.raises(ImageError, match=r"holds 2 images where one is meant: .*\(--tag, tag\): v1, v2") as raised:
        push(layout, peer)
    assert raised.value.code == "several"
    with pytest.raises(ImageError, match="no image of the tag 'v3': its tags are v1, v2") as raised:
        push(layout, peer, tag="v3")
    assert raised.value.code == "no-platform"
    assert not peer.told
    zipped = push(layout, peer, "team/models", tag="v2")
    assert zipped.name.endswith("/team/models:v2")
    assert push(layout, peer, "team/models:stable", tag="v1").digest != zipped.digest
    assert peer.tags["v2"] == zipped.digest
    # And of one without tags there is none.
    bare = Blobs()
    one = write_files(bare.index(image(bare), image(bare, zipped=True)), tmp_path / "bare")
    with pytest.raises(ImageError, match="give a layout of one"):
        push(one, peer)
    with pytest.raises(ImageError, match="it has no tags"):
        push(one, peer, tag="v1")


def test_plain_http_to_a_server_of_tls_is_told_of(peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    peer.before = lambda told: Answer(400, body=b"Client sent an HTTP request to an HTTPS server.\n")
    with pytest.raises(RegistryError, match="400: where it speaks TLS, leave plain HTTP out"):
        push(layout, peer)
    body = b'{"errors": [{"code": "NAME_INVALID", "message": "no such name"}]}'
    peer.before = lambda told: Answer(400, body=body) if told.method == "POST" else Answer(404)
    with pytest.raises(RegistryError, match=r"400 NAME_INVALID no such name$"):
        push(layout, peer)
