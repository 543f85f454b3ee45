"""What an image is: layers, documents and digests, the same bytes always; whole, or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.archive.read.archive import ModelArchive
from marpack.archive.sources import BytesSource
from marpack.config.snapshot import ModelSnapshot
from marpack.config.store_listing import read_manifests
from marpack.errors import (
    ArchiveError,
    ArchiveExistsError,
    MarpackError,
    PlanError,
    SourceChangedError,
    TargetError,
    UnsafeArchiveError,
)
from marpack.images import ImageResult, plan_files, plan_image, write_image
from marpack.images.blob_writer import BlobWriter
from marpack.images.open_archives import OpenArchives
from marpack.images.tar_records import file_header
from marpack.oci.descriptor import Platform
from tests.conftest import full_disk
from tests.images.bases import Blobs, image, tar_of, write_files
from tests.images.layouts import HANDLER, Layout, store
from tests.support.archives import MANIFEST, T, packed, zipped
from tests.support.killed import killed_at
from tests.support.sharing import used


def written(source: Path, target: Path, **options: Any) -> Layout:
    result = write_image(plan_image(source, **options), target)
    layout = Layout.of(target)
    assert result.digest == layout.top["digest"]
    assert result.path == str(target) == os.fspath(result)
    return layout


def test_a_store_becomes_a_layer_an_archive_and_one_of_settings(tmp_path: Path) -> None:
    """By I3, I6, I9, I10 and I15."""
    folder = store(tmp_path, "b", "a")
    layout = written(folder, tmp_path / "image")
    manifest = layout.manifest
    assert [each["mediaType"] for each in manifest["layers"]] == ["application/vnd.oci.image.layer.v1.tar"] * 3
    assert [list(layer) for layer in layout.layers()] == [
        ["models/", "models/model-store/", "models/model-store/a.mar"],
        ["models/", "models/model-store/", "models/model-store/b.mar"],
        ["models/", "models/config/", "models/config/config.properties"],
    ]
    merged = layout.merged()
    assert merged["models/model-store/a.mar"] == (folder / "model-store" / "a.mar").read_bytes()
    assert merged["models/config/config.properties"] == (folder / "config" / "config.properties").read_bytes()
    assert layout.config == {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [each["digest"] for each in manifest["layers"]]},
        "history": [
            {"created_by": "marpack image", "comment": title} for title in ("a.mar", "b.mar", "config.properties")
        ],
    }
    assert layout.top["annotations"] == {"org.opencontainers.image.ref.name": "latest"}
    assert layout.top["platform"] == {"architecture": "amd64", "os": "linux"}
    assert "annotations" not in manifest


def test_an_archive_becomes_its_members(tmp_path: Path) -> None:
    """By I10 and I11."""
    for archive_format in ("default", "tgz", "no-archive"):
        folder = tmp_path / archive_format
        folder.mkdir()
        archive = packed(folder, "m", archive_format=archive_format)
        layout = written(archive, folder / "image")
        [layer] = layout.layers()
        with marpack.open_archive(archive) as opened:
            assert {f"models/{each.name}": opened.read(each.name) for each in opened.members} == layout.merged()
        assert list(layer)[:2] == ["models/", "models/MAR-INF/"]
        files = [name.removeprefix("models/") for name in layer if not name.endswith("/")]
        with marpack.open_archive(archive) as opened:
            own = [each.name for each in opened.members]
        assert own != sorted(own)
        assert files == (own if archive_format == "tgz" else sorted(own))
        annotations = layout.manifest["annotations"]
        assert annotations["org.opencontainers.image.title"] == "m"
        assert annotations["org.opencontainers.image.version"] == "1.0"


def test_a_declaration_is_packed_into_its_layers(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text(HANDLER, encoding="ascii")
    declared = {"models": [{"model_name": name, "version": "1.0", "handler": "handler.py"} for name in "ab"]}
    (tmp_path / "models.json").write_text(json.dumps(declared), encoding="ascii")
    layout = written(tmp_path / "models.json", tmp_path / "image")
    # Without a time of its own nothing in it tells when it was packed, or of which file.
    os.utime(tmp_path / "handler.py", (T, T))
    (tmp_path / "handler.py").chmod(0o600)
    other = written(tmp_path / "models.json", tmp_path / "other")
    assert layout.top == other.top
    assert sorted(layout.merged()) == [
        "models/config/config.properties",
        "models/model-store/a.mar",
        "models/model-store/b.mar",
    ]
    config = marpack.ServerConfig.loads(layout.merged()["models/config/config.properties"])
    assert config.model_store == "/mnt/models/model-store"
    (tmp_path / "a.mar").write_bytes(layout.merged()["models/model-store/a.mar"])
    with marpack.open_archive(tmp_path / "a.mar") as archive:
        assert archive.verify() == ()
    # One that is to be a folder is one in the image too.
    declared["models"][0]["archive_format"] = "no-archive"
    (tmp_path / "models.json").write_text(json.dumps(declared), encoding="ascii")
    found = written(tmp_path / "models.json", tmp_path / "folders").merged()
    assert f"models/model-store/a/{MANIFEST}" in found
    assert found["models/model-store/a/handler.py"] == HANDLER.encode()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_the_preset_torchserve_is_told_where_the_image_is_mounted(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text(HANDLER, encoding="ascii")
    declared = {"preset": "torchserve", "models": [{"model_name": "a", "version": "1.0", "handler": "handler.py"}]}
    (tmp_path / "models.json").write_text(json.dumps(declared), encoding="ascii")
    found = written(tmp_path / "models.json", tmp_path / "image").merged()
    assert b"model_store=/mnt/models/model-store\n" in found["models/config/config.properties"]


def test_a_store_without_settings_gets_those_of_kserve(tmp_path: Path) -> None:
    packed(tmp_path, "a")
    packed(tmp_path, "b", archive_format="no-archive")
    found = written(tmp_path, tmp_path / "image").merged()
    config = marpack.ServerConfig.loads(found["models/config/config.properties"])
    assert config.model_snapshot is not None
    assert sorted(entry.mar_name for _, _, entry in config.model_snapshot) == ["a.mar", "b"]
    assert f"models/model-store/b/{MANIFEST}" in found


def test_the_same_inputs_make_the_same_bytes(tmp_path: Path) -> None:
    """Also in another folder, later, by another user, and as a tar."""
    first = written(store(tmp_path / "one", "a", "b"), tmp_path / "first")
    again = store(tmp_path / "two", "a", "b")
    for path in again.rglob("*"):
        os.utime(path, (1, 1))
        if path.is_file():
            path.chmod(0o640)
    assert written(again, tmp_path / "second").files == first.files
    assert written(again, tmp_path / "second.tar").files == first.files
    assert written(again, tmp_path / "third.tar").files == first.files
    assert (tmp_path / "second.tar").read_bytes() == (tmp_path / "third.tar").read_bytes()


def test_a_tar_begins_with_what_it_is_and_ends_with_its_index(tmp_path: Path) -> None:
    """By I16."""
    written(store(tmp_path, "a"), tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar", "r:") as tar:
        names = tar.getnames()
    assert names[0] == "oci-layout"
    assert names[-1] == "index.json"
    assert (tmp_path / "image.tar").stat().st_size % 512 == 0


def test_a_changed_model_changes_one_layer(tmp_path: Path) -> None:
    folder = store(tmp_path, "a", "b", "c")
    before = written(folder, tmp_path / "before")
    packed(folder / "model-store", "b", force=True)
    after = written(folder, tmp_path / "after")
    pairs = zip(before.manifest["layers"], after.manifest["layers"], strict=True)
    assert [one == other for one, other in pairs] == [True, False, True, True]


def test_labels_tags_times_and_platforms_are_said(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    layout = written(
        archive,
        tmp_path / "image",
        labels={"team": "vision"},
        tag="1.0-rc.1",
        timestamp=0,
        platforms="linux/arm64/v8",
    )
    assert layout.top["annotations"] == {"org.opencontainers.image.ref.name": "1.0-rc.1"}
    config = layout.config
    assert config["config"] == {"Labels": {"team": "vision"}}
    assert config["created"] == config["history"][0]["created"] == "1970-01-01T00:00:00Z"
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm64", "v8")


def test_several_platforms_make_an_index_and_share_layers(tmp_path: Path) -> None:
    """By I8."""
    layout = written(packed(tmp_path), tmp_path / "image", platforms=["linux/amd64", "linux/arm64", "linux/amd64"])
    index = layout.document(layout.top)
    assert layout.top["mediaType"] == index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert [each["platform"]["architecture"] for each in index["manifests"]] == ["amd64", "arm64"]
    one, other = map(layout.document, index["manifests"])
    assert one["layers"] == other["layers"]
    assert [layout.document(each["config"])["architecture"] for each in (one, other)] == ["amd64", "arm64"]


def test_modelpack_has_archives_as_they_are(tmp_path: Path) -> None:
    folder = store(tmp_path, "a", "b")
    layout = written(folder, tmp_path / "image", modelpack=True)
    manifest = layout.manifest
    assert manifest["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.model.config.v1+json"
    weight, settings = (
        "application/vnd.cncf.model.weight.v1.raw",
        "application/vnd.cncf.model.weight.config.v1.raw",
    )
    assert [each["mediaType"] for each in manifest["layers"]] == [weight, weight, settings]
    paths = [each["annotations"]["org.cncf.model.filepath"] for each in manifest["layers"]]
    assert paths == ["a.mar", "b.mar", "config.properties"]
    assert layout.blob(manifest["layers"][0]) == (folder / "model-store" / "a.mar").read_bytes()
    assert layout.config == {
        "descriptor": {},
        "config": {"format": "mar"},
        "modelfs": {"type": "layers", "diffIds": [each["digest"] for each in manifest["layers"]]},
    }
    single = written(folder / "model-store" / "a.mar", tmp_path / "single", modelpack=True)
    assert single.config["descriptor"] == {"name": "a", "version": "1.0"}
    [layer] = single.manifest["layers"]
    assert single.blob(layer) == (folder / "model-store" / "a.mar").read_bytes()


def test_a_result_tells_of_it(tmp_path: Path) -> None:
    plan = plan_image(store(tmp_path, "a"))
    told: list[int] = []
    result = write_image(plan, tmp_path / "image", progress=told.append)
    assert isinstance(result, ImageResult)
    layout = Layout.of(tmp_path / "image")
    assert [each.title for each in result.layers] == ["a.mar", "config.properties"]
    assert [each.digest for each in result.layers] == [each["digest"] for each in layout.manifest["layers"]]
    assert [each.size for each in plan.layers] == [each.size for each in result.layers]
    assert plan.size == sum(each.size for each in result.layers)
    assert result.size == sum(len(data) for name, data in layout.files.items() if name.startswith("blobs/"))
    assert sum(told) == sum(each.size or 0 for layer in plan.layers for each in layer.files)
    assert result.platforms == (Platform("linux", "amd64"),)
    assert "models/model-store/a.mar" in str(plan)


@pytest.mark.parametrize("size", [1 << 33, (1 << 33) - 1, 1 << 40])
def test_sizes_that_octal_digits_do_not_hold_are_read_back(size: int) -> None:
    header = file_header("models/model-store/large.mar", size)
    assert len(header) == 512
    assert header[257:265] == b"ustar  \0"  # GNU's
    found = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
    assert (found.name, found.size, found.pax_headers) == ("models/model-store/large.mar", size, {})


def test_names_of_any_length_and_letters_are_read_back(tmp_path: Path) -> None:
    name = "é" * 60 + "/" + "n" * 120 + ".json"
    archive = packed(tmp_path, extra_files={name: b"{}"})
    assert written(archive, tmp_path / "image").merged()[f"models/{name}"] == b"{}"


def test_a_name_that_would_take_a_file_away_is_refused(tmp_path: Path) -> None:
    """By I14."""
    archive = packed(tmp_path, extra_files={"labels/.wh.a.json": b"{}"})
    with pytest.raises(MarpackError, match="rename it"):
        plan_image(archive)


def test_an_archive_that_nobody_should_unpack_is_no_image(tmp_path: Path) -> None:
    """By its members' names, which would be those of files beside ``models``; and a workflow's has no model."""
    path = zipped(tmp_path / "m.mar", [("../up", b"x")])
    with pytest.raises(UnsafeArchiveError, match=r"\.\./up"):
        plan_image(path)
    workflow = json.dumps({"workflow": {"workflowName": "w", "specFile": "w.yaml"}})
    path = zipped(tmp_path / "w.war", [("w.yaml", b"")], manifest=workflow)
    with pytest.raises(MarpackError, match="is a workflow's archive"):
        plan_image(path)


def test_names_that_are_no_unicode_are_refused(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    os.rename(archive, os.fsencode(tmp_path) + b"/\xff.mar")
    with pytest.raises(MarpackError, match="rename it"):
        plan_image(tmp_path)
    # Of a single archive the name is for people alone.
    [odd] = tmp_path.glob("*.mar")
    assert "udcff" in written(odd, tmp_path / "image").config["history"][0]["comment"]


def test_an_archive_behind_a_url_is_one(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    first = write_image(plan_image(archive), tmp_path / "image")
    assert write_image(plan_image(f"file://{archive}"), tmp_path / "other").digest == first.digest
    with pytest.raises(MarpackError, match="download it first"):
        plan_image(f"file://{archive}", modelpack=True)


def test_what_a_manifest_says_may_be_anything(tmp_path: Path) -> None:
    hostile = json.dumps({"model": {"modelName": "a\ud800\n", "modelVersion": "1.0", "handler": "h"}})
    with zipfile.ZipFile(tmp_path / "m.mar", "w") as archive:
        archive.writestr(MANIFEST, hostile)
    layout = written(tmp_path / "m.mar", tmp_path / "image")
    assert layout.manifest["annotations"] == {"org.opencontainers.image.version": "1.0"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tag": "a:b"}, "'a:b' is no tag"),
        ({"tag": "v" * 129}, "is no tag"),
        ({"tag": "-a"}, "is no tag"),
        ({"platforms": ["amd64"]}, "is no platform"),
        ({"labels": {"a": "x\ny"}}, "the label 'a'"),
        ({"labels": {"a": 1}}, "the label 'a'"),
        ({"modelpack": True, "labels": {"a": "b"}}, "ModelPack knows neither"),
        ({"platforms": "linux/x86_64"}, "write linux/amd64$"),
        ({"platforms": ["linux/amd64", "linux/aarch64"]}, "write linux/arm64$"),
        ({"base_tag": "a"}, "give base, too"),
        ({"model_store": "x"}, "goes with a config.properties"),
        ({"timestamp": 1e20}, "is no time"),
    ],
)
def test_what_cannot_be_is_said_before(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    archive = packed(tmp_path)
    with pytest.raises(MarpackError, match=said):
        plan_image(archive, **options)


def test_what_is_no_source_is_said(tmp_path: Path) -> None:
    with pytest.raises(MarpackError, match="holds no archive"):
        plan_image(tmp_path)
    (tmp_path / "models.json").write_text('{"models": []}', encoding="ascii")
    with pytest.raises(PlanError, match="declare a model"):
        plan_image(tmp_path / "models.json")
    folder = store(tmp_path / "of", "a")
    (folder / "model-store" / "a.mar").rename(folder / "a.mar")
    with pytest.raises(MarpackError, match="holds no archive"):
        plan_image(folder)
    with pytest.raises(marpack.ConfigError, match=r"a\.mar"):
        plan_image(folder, model_store=packed(tmp_path, "other").parent)


@pytest.mark.parametrize("name", ["notes.txt", "handler.py", "empty"])
def test_a_file_of_another_kind_is_no_archive(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("" if name == "empty" else "def handle(): ...\n", encoding="ascii")
    with pytest.raises(MarpackError, match="is nothing that an image is made of"):
        plan_image(tmp_path / name)
    # What is called like one is a broken one.
    (tmp_path / name).rename(tmp_path / "m.tar.gz")
    with pytest.raises(ArchiveError):
        plan_image(tmp_path / "m.tar.gz")


@pytest.mark.parametrize("name", ["image", "image.tar"])
def test_a_layout_is_no_source(name: str, tmp_path: Path) -> None:
    written(packed(tmp_path), tmp_path / name)
    with pytest.raises(MarpackError, match="is an image's layout already"):
        plan_image(tmp_path / name)


def test_settings_are_named_alone_or_with_their_store(tmp_path: Path) -> None:
    folder = store(tmp_path / "of", "a")
    whole = plan_image(folder)
    config = folder / "config" / "config.properties"
    for plan in (plan_image(config), plan_image(config, model_store=folder / "model-store")):
        assert [layer.files for layer in plan.layers] == [layer.files for layer in whole.layers]
    # Another's store that lies above is none of theirs.
    alone = tmp_path / "of" / "alone"
    alone.mkdir()
    config.rename(alone / "config.properties")
    (folder / "model-store").rename(tmp_path / "of" / "model-store")
    with pytest.raises(MarpackError, match="holds no archive"):
        plan_image(alone)


def test_the_store_is_the_one_that_the_settings_are_about(tmp_path: Path) -> None:
    """Of two it is said which is meant."""
    folder = store(tmp_path / "of", "a")
    config, beside = folder / "config" / "config.properties", folder / "model-store"
    data = config.read_bytes().replace(b"model_store=/mnt/models/model-store\n", b"")
    assert data != config.read_bytes()
    other = tmp_path / "other"
    shutil.copytree(beside, other)
    packed(other, "b")
    for source in (folder, config):
        config.write_bytes(data + f"model_store={other}\n".encode())
        with pytest.raises(MarpackError) as raised:
            plan_image(source)
        assert all(text in str(raised.value) for text in (repr(str(other)), repr(str(beside)), "--model-store"))
        assert len(plan_image(source, model_store=other).layers) == 3
        assert len(plan_image(source, model_store=beside).layers) == 2
        # Of a path that is not here, as one of the image, or that is the same folder, nothing is to be said.
        for told in ("/mnt/models/not-here", str(beside), "model-store", f"{other}/../of/deploy/model-store"):
            config.write_bytes(data + f"model_store={told}\n".encode())
            assert len(plan_image(source).layers) == 2


def test_a_relative_store_is_looked_for_where_a_server_would_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not where this process happens to work."""
    folder = store(tmp_path / "of", "a")
    config = folder / "config" / "config.properties"
    data = config.read_bytes().replace(b"model_store=/mnt/models/model-store\n", b"model_store=models\n")
    config.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder / "model-store", tmp_path / "models")
    packed(tmp_path / "models", "b")
    assert len(plan_image(folder).layers) == 2
    packed(folder, "c")
    (folder / "models").mkdir()
    with pytest.raises(MarpackError, match="say which of them is meant"):
        plan_image(folder)
    (folder / "models").rmdir()
    (folder / "model-store").rename(folder / "models")
    for source in (folder, config):
        assert [layer.title for layer in plan_image(source).layers] == ["a.mar", "config.properties"]


def test_what_is_read_is_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes an archive anew after its manifest has been read is seen."""
    folder = store(tmp_path / "of", "a")
    archive = folder / "model-store" / "a.mar"
    snapshot_of = ModelSnapshot.from_archives

    def changed(of: Callable[..., Any], paths: list[str]) -> Any:
        found = of(paths)
        packed(archive.parent, "a", version="2.0", force=True)
        return found

    monkeypatch.setattr("marpack.images.contents.read_manifests", partial(changed, read_manifests))
    monkeypatch.setattr(ModelSnapshot, "from_archives", partial(changed, snapshot_of))
    for number, source in enumerate((folder, archive.parent)):
        with pytest.raises(SourceChangedError):
            write_image(plan_image(source), tmp_path / f"image-{number}")


def test_a_plan_closes_its_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is told to, and when it comes to nothing."""
    archive = packed(tmp_path, "a")
    with plan_image(archive) as made:
        write_image(made, tmp_path / "image")
    with pytest.raises(ValueError, match="closed"):
        write_image(made, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    known: list[ModelArchive] = []  # whoever is known is not closed because nobody knows it

    class Noting(OpenArchives):
        def open(self, source: str) -> ModelArchive:
            known.append(super().open(source))
            return known[-1]

    monkeypatch.setattr("marpack.images.plan.OpenArchives", Noting)
    with pytest.raises(MarpackError, match="no time"):
        plan_image(archive, timestamp=1e20)
    [opened] = known
    with pytest.raises(ValueError, match="closed"):
        opened.read("handler.py")


def test_any_files_are_an_image_on_a_base(tmp_path: Path) -> None:
    with plan_image(packed(tmp_path), tag="base") as below:
        write_image(below, tmp_path / "base")
    files = {"app/b": BytesSource(data=b"b"), "app/a": BytesSource(data=b"a")}
    runs = {"Entrypoint": ["/app/a"]}
    plan = plan_files(files, tmp_path / "base", title="app", labels={"a": "b"}, tag="v1", base_name="b", runs=runs)
    write_image(plan, tmp_path / "image")
    layout = Layout.of(tmp_path / "image")
    assert list(layout.layers()[1]) == ["app/", "app/a", "app/b"]
    assert layout.config["config"] == {"Entrypoint": ["/app/a"], "Labels": {"a": "b"}}
    assert [each["comment"] for each in layout.config["history"]] == ["m.mar", "app"]
    wrong: dict[str, dict[str, Any]] = {
        "is no tag": {"tag": "a:b"},
        "the label 'a'": {"labels": {"a": "\n"}},
        "rename it": {"files": {".wh.a": BytesSource(data=b"")}},
    }
    given: dict[str, Any] = {"files": files, "base": tmp_path / "base", "title": "app"}
    for said, changes in wrong.items():
        with pytest.raises(MarpackError, match=said):
            plan_files(**given | changes)


def test_what_files_are_made_of(tmp_path: Path) -> None:
    """What packing takes: paths, bytes, open files; and one of several bases by its tag."""
    blobs = Blobs()
    key = "org.opencontainers.image.ref.name"
    tops = [image(blobs, zipped=tag == "two", annotations={key: tag}) for tag in ("one", "two")]
    write_files(blobs.index(*tops), tmp_path / "base")
    (tmp_path / "b").write_bytes(b"path")
    files: dict[str, Any] = {
        "a": b"bytes",
        "b": tmp_path / "b",
        "c": io.BytesIO(b"file"),
        "d": str(tmp_path / "b"),
        "e": BytesSource(data=b"source"),
    }
    plan = plan_files(files, tmp_path / "base", title="t", base_tag="one")
    write_image(plan, tmp_path / "image")
    found = Layout.of(tmp_path / "image").layers()[1]
    assert found == {"a": b"bytes", "b": b"path", "c": b"file", "d": b"path", "e": b"source"}
    for given, error, message in (
        (3, TypeError, "'a': cannot take 3: give a path, bytes"),
        (None, TypeError, "'a': cannot take None"),
        (io.StringIO("text"), TypeError, "'a': the file is open for text"),
        (tmp_path, MarpackError, "'a' cannot be .* which is no regular file"),
        (tmp_path / "gone", FileNotFoundError, "gone"),
    ):
        wrong: Any = {"a": given}
        with pytest.raises(error, match=message):
            plan_files(wrong, tmp_path / "base", title="t", base_tag="one")


@pytest.mark.parametrize("name", ["image", "image.tar"])
def test_what_stands_there_stays_unless_it_is_replaced(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    first = written(packed(tmp_path, "a"), target)
    plan = plan_image(packed(tmp_path, "b"))
    with pytest.raises(ArchiveExistsError):
        write_image(plan, target)
    assert Layout.of(target).files == first.files
    write_image(plan, target, force=True)
    assert Layout.of(target).manifest["annotations"]["org.opencontainers.image.title"] == "b"


@pytest.mark.parametrize("contents", [b"notes\n", tar_of({"index.json": b"{}"})])
def test_a_file_that_is_no_layout_is_not_replaced(contents: bytes, tmp_path: Path) -> None:
    target = tmp_path / "image.tar"
    target.write_bytes(contents)
    plan = plan_image(packed(tmp_path))
    with pytest.raises(TargetError, match="is a file without oci-layout"):
        write_image(plan, target, force=True)
    assert target.read_bytes() == contents
    target.write_bytes(b"")
    with pytest.raises(ArchiveExistsError):
        write_image(plan, target)
    write_image(plan, target, force=True)
    Layout.of(target)


def test_a_file_that_comes_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "image.tar"
    plan = plan_image(packed(tmp_path))
    with pytest.raises(TargetError, match="is a file without oci-layout"):
        write_image(plan, target, force=True, progress=lambda _: target.write_bytes(b"notes") * 0)
    assert target.read_bytes() == b"notes"


@pytest.mark.parametrize("name", ["image.TAR", "image.tar.gz", "image.tgz", "image.Tar.zst"])
def test_a_layout_is_not_called_like_another_tar(name: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"one that ends in \.tar"):
        write_image(plan_image(packed(tmp_path)), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_folder_that_is_no_layout_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("", encoding="ascii")
    with pytest.raises(TargetError, match="oci-layout"):
        write_image(plan_image(packed(tmp_path)), tmp_path / "mine", force=True)
    (tmp_path / "empty").mkdir()
    write_image(plan_image(tmp_path / "m.mar"), tmp_path / "empty")


@pytest.mark.parametrize("name", ["image", "image.tar"])
def test_nothing_is_left_of_what_fails(name: str, tmp_path: Path) -> None:
    archive = packed(tmp_path, serialized_file={"weights.pt": os.urandom(1 << 20)}, archive_format="zip-store")
    before = sorted(os.listdir(tmp_path))
    plan = plan_image(archive)
    with full_disk(1 << 18), pytest.raises(OSError, match="large"):
        write_image(plan, tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == before
    store_of = plan_image(tmp_path)
    packed(tmp_path, version="2.0", force=True)
    with pytest.raises(SourceChangedError):
        write_image(store_of, tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("name", ["image", "image.tar"])
def test_who_is_killed_leaves_no_half_layout(name: str, tmp_path: Path) -> None:
    plan = plan_image(store(tmp_path / "of", "a"))
    target = tmp_path / "in" / name
    target.parent.mkdir()
    number = 0
    while killed_at(number, lambda: write_image(plan, target)):
        if target.exists():
            Layout.of(target)
        assert all(each.startswith(".marpack-") for each in os.listdir(target.parent) if each != name)
        number += 1
        if target.exists():
            break
    assert number > 1


def test_a_blob_is_hashed_as_it_stands_in_the_file(tmp_path: Path) -> None:
    with (tmp_path / "blob").open("w+b") as file:
        writer = BlobWriter(file, 512)
        try:
            writer.write(b"a" * (3 << 20))
            writer.write(b"b")
            assert writer.finish() == f"sha256:{hashlib.sha256(b'a' * (3 << 20) + b'b').hexdigest()}"
        finally:
            writer.close()
        assert writer.size == (3 << 20) + 1


def test_importing_the_room_imports_nothing_of_it_yet() -> None:
    code = (
        "import sys, marpack.images; print([name for name in sys.modules if name.startswith('marpack.images.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_time_of_packing_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text(HANDLER, encoding="ascii")
    declared = {"model_name": "a", "version": "1.0", "handler": "handler.py"}
    (tmp_path / "models.json").write_text(json.dumps(declared), encoding="ascii")
    found = written(tmp_path / "models.json", tmp_path / "image", timestamp=T)
    (tmp_path / "a.mar").write_bytes(found.merged()["models/model-store/a.mar"])
    with marpack.open_archive(tmp_path / "a.mar") as archive:
        assert archive.manifest.created_on == "13/09/2020 12:26:40"


@pytest.mark.slow
@pytest.mark.xdist_group("sharing")
def test_blocks_are_shared_where_a_blob_is_a_file(sharing_folder: Path) -> None:
    """ModelPack's archives, and the layers of a base; what is hashed is what the source has."""
    weights = os.urandom(24 << 20)
    archive = packed(sharing_folder, serialized_file={"weights.pt": weights}, archive_format="zip-store")
    before = used(sharing_folder)
    write_image(plan_image(archive, modelpack=True), sharing_folder / "pack")
    assert used(sharing_folder) - before < 1 << 20
    Layout.of(sharing_folder / "pack")
    write_image(plan_image(archive), sharing_folder / "base")
    before = used(sharing_folder)
    (sharing_folder / "settings").mkdir()
    small = packed(sharing_folder / "settings", "small")
    write_image(plan_image(small, base=sharing_folder / "base"), sharing_folder / "image")
    assert used(sharing_folder) - before < 1 << 20
    Layout.of(sharing_folder / "image")
