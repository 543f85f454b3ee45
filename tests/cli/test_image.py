"""What ``marpack image`` prints, refuses and sends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from marpack.cli import main
from tests.images.bases import OCI, Blobs, docker_archive, write_files
from tests.images.bases import image as a_base
from tests.images.layouts import Layout, store
from tests.images.pushing import BASIC, asks_for
from tests.images.registry_peer import Answer, RegistryPeer
from tests.support.archives import check_json, packed

Capture = pytest.CaptureFixture[str]


def image(*words: object) -> int:
    return main(["image", *map(str, words)])


@pytest.fixture(autouse=True)
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)


def test_the_digest_is_printed(tmp_path: Path, capsys: Capture) -> None:
    folder = store(tmp_path, "a")
    assert image(folder, "-o", tmp_path / "image", "--label", "team=vision=1", "--tag", "v1") == 0
    layout = Layout.of(tmp_path / "image")
    out, err = capsys.readouterr()
    assert err == ""
    *layers, last = out.splitlines()
    assert [line.split()[1] for line in layers] == [each["digest"] for each in layout.manifest["layers"]]
    assert f"{layout.top['digest']} (v1, linux/amd64, " in last
    assert layout.config["config"] == {"Labels": {"team": "vision=1"}}


def test_json_has_a_schema(tmp_path: Path, capsys: Capture) -> None:
    base = docker_archive(tmp_path / "base.tar")
    words = [
        packed(tmp_path),
        "-o",
        tmp_path / "image.tar",
        "--base",
        base,
        "--base-name",
        "r.example/base",
        "--json",
    ]
    assert image(*words, "--platform", "linux/amd64") == 0
    document = check_json(capsys.readouterr().out, "image")
    layout = Layout.of(tmp_path / "image.tar")
    assert document["digest"] == layout.top["digest"]
    assert [each["base"] for each in document["layers"]] == [True, False]
    assert document["pushed"] is None
    assert layout.manifest["annotations"]["org.opencontainers.image.base.name"] == "r.example/base"


def test_it_is_pushed(tmp_path: Path, capsys: Capture, direct: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    archive = packed(tmp_path)
    with RegistryPeer.running() as peer:
        name = f"{peer.host}/team/m:v2"
        words = [archive, "-f", "-o", tmp_path / "image", "--plain-http", "--push", name]
        assert image(*words) == 0
        out = capsys.readouterr().out
        digest = Layout.of(tmp_path / "image").top["digest"]
        assert f"{name}: {digest}: 2 blobs sent, " in out
        assert out.endswith(", 0 blobs were there\n")
        assert peer.tags == {"v2": digest}
        # The tag is the layout's too.
        assert Layout.of(tmp_path / "image").top["annotations"]["org.opencontainers.image.ref.name"] == "v2"
        assert image(*words, "--json") == 0
        document = check_json(capsys.readouterr().out, "image")
        assert document["pushed"]["sent"] == []
        assert len(document["pushed"]["kept"]) == 2
        # And a layout that is there is sent as it is, by the tag that it has where none is named.
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "image").rglob("*")}
        alone = [tmp_path / "image", "--plain-http", "--push", f"{peer.host}/other"]
        assert image(*alone) == 0
        assert capsys.readouterr().out.startswith(f"{peer.host}/other:v2: {digest}: 0 blobs sent, ")
        assert image(*alone, "--json") == 0
        document = check_json(capsys.readouterr().out, "image")
        assert (document["digest"], document["pushed"]["name"]) == (digest, f"{peer.host}/other:v2")
        assert (document["tag"], document["platforms"], document["warnings"]) == ("v2", ["linux/amd64"], None)
        assert [(each["title"], each["base"]) for each in document["layers"]] == [("m.mar", False)]
        blobs = (tmp_path / "image" / "blobs" / "sha256").iterdir()
        assert document["size"] == sum(each.stat().st_size for each in blobs)
        assert {path: path.stat().st_mtime_ns for path in (tmp_path / "image").rglob("*")} == before
        peer.before = lambda told: Answer(503)
        assert image(*words) == 1
    out, err = capsys.readouterr()
    assert f"marpack: error: '{name}' does not tell what the tag means: 503" in err
    assert f"; the layout is written, {digest}: send it by marpack image {tmp_path / 'image'} --push" in err
    assert err.endswith(f" --push {name} --plain-http\n")


def test_dockers_folder_is_the_environments(
    tmp_path: Path, capsys: Capture, direct: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with RegistryPeer.running() as peer:
        peer.before = asks_for('Basic realm="x"')
        words = [packed(tmp_path), "-f", "-o", tmp_path / "image", "--plain-http", "--push", f"{peer.host}/m:1"]
        assert image(*words) == 1
        assert "asks for a password" in capsys.readouterr().err
        (tmp_path / "config.json").write_text(
            json.dumps({"auths": {peer.host: {"auth": BASIC}}}), encoding="ascii"
        )
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        assert image(*words) == 0
        # The option comes first; and a variable that is empty says nothing.
        (tmp_path / "none.json").write_text("{}", encoding="ascii")
        assert image(*words, "--docker-config", tmp_path / "none.json") == 1
        monkeypatch.setenv("DOCKER_CONFIG", "")
        assert image(*words) == 1


def test_the_layout_of_somebody_else_is_told_of_as_far_as_it_says(
    tmp_path: Path, capsys: Capture, direct: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    blobs, ref = Blobs(), "org.opencontainers.image.ref.name"
    odd = blobs.add_json(
        {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": blobs.add(b"\0", "application/octet-stream"),
            "layers": [blobs.add(b"a", "text/plain")],
        },
        f"{OCI}.manifest.v1+json",
    )
    layout = write_files(blobs.index(a_base(blobs, annotations={ref: "v1"}), odd), tmp_path / "both")
    with RegistryPeer.running() as peer:
        words = [layout, "--plain-http", "--json", "--push"]
        assert image(*words, f"{peer.host}/m") == 1
        assert "--tag, tag" in capsys.readouterr().err
        assert image(*words, f"{peer.host}/m", "--tag", "v1") == 0
        document = check_json(capsys.readouterr().out, "image")
        assert document["pushed"]["name"] == f"{peer.host}/m:v1"
        assert (document["tag"], document["platforms"]) == ("v1", ["linux/amd64"])
        assert [(each["title"], each["base"]) for each in document["layers"]] == [("base", True)]
        # An artifact says neither a platform nor a tag.
        alone = write_files(blobs.index(odd), tmp_path / "alone")
        assert image(alone, *words[1:], f"{peer.host}/odd:1") == 0
        document = check_json(capsys.readouterr().out, "image")
        assert (document["tag"], document["platforms"]) == (None, [])
        assert [each["media_type"] for each in document["layers"]] == ["text/plain"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--label", "a"], 2, "--label: 'a' is no NAME=VALUE"),
        (["--label", "a=1", "--label", "a=1"], 2, "--label: 'a' is given twice"),
        (["--base-name", "a"], 2, "of which base?"),
        (["-o", "-"], 2, "--output -: a layout is a folder"),
        (["-o", "x.tgz"], 1, "'x.tgz' names no layout"),
        (["--plain-http"], 2, "are for --push"),
        (["--tag", "a b"], 1, "is no tag"),
        (["--platform", "x"], 1, "is no platform"),
        (["--base", "absent"], 1, "absent"),
        (["--push", "m:1"], 1, "names no registry"),
        (["--push", "r.example/m:1", "--docker-config", "absent"], 1, "'absent': No such file"),
        (["--push", "r.example/m:1", "--ca-file", "absent"], 1, "'absent': No such file"),
        (["--push", "r.example/m:1", "--ca-file", __file__], 1, "has no certificate in it"),
        (["--push", "r.example/m:v1_"], 2, "name one for the layout (--tag latest)"),
        (["--modelpack", "--label", "a=b"], 1, "ModelPack knows neither"),
    ],
)
def test_what_cannot_be_is_said(
    words: list[str], status: int, said: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert image(packed(tmp_path), "-o", tmp_path / "image", *words) == status
    assert said in capsys.readouterr().err
    # And before anything is written.
    assert not (tmp_path / "image").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "--output (-o) is missing"),
        (["--push", "r.example/m:1"], 2, "is no layout that could be sent as it is"),
        (
            ["--push", "r.example/m:1", "--label", "a=b", "--base-tag", "b", "-f"],
            2,
            "--force, --label, --base-tag: for a layout that is written",
        ),
        (["--push", "m:1"], 1, "names no registry"),
    ],
)
def test_a_layout_has_to_have_a_place(
    words: list[str], status: int, said: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert image(packed(tmp_path), *words) == status
    assert said in capsys.readouterr().err
    assert image(store(tmp_path, "a"), *words) == status
    assert said in capsys.readouterr().err


def test_a_time_of_making_is_the_environments(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert image(packed(tmp_path), "-o", tmp_path / "image") == 0
    assert Layout.of(tmp_path / "image").config["created"] == "1970-01-02T00:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "x")
    assert image(tmp_path / "m.mar", "-o", tmp_path / "other") == 1
    assert "SOURCE_DATE_EPOCH" in capsys.readouterr().err


def test_what_is_in_the_way_is_said_before_anything_is_written(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "image").write_text("", encoding="ascii")
    assert image(packed(tmp_path), "-o", tmp_path / "image") == 1
    assert "is a file: remove it, or choose another name\n" in capsys.readouterr().err
    assert image(tmp_path / "m.mar", "-o", tmp_path / "absent" / "image.tar") == 1
    assert "does not exist" in capsys.readouterr().err


def test_a_warning_is_shown(tmp_path: Path, capsys: Capture) -> None:
    folder = store(tmp_path, "a")
    config = folder / "config" / "config.properties"
    config.write_bytes(config.read_bytes() + b"keystore_pass=hunter2\n")
    assert image(folder, "-o", tmp_path / "image") == 0
    out, err = capsys.readouterr()
    assert re.search(r"marpack: warning: \S+config.properties:\d+: keystore_pass: has a value, which", err)
    assert "hunter2" not in out + err
