"""What an image is made of, and what is none: archives, stores with their settings, declarations."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.archive.read.archive import ModelArchive
from marpack.config.snapshot import ModelSnapshot
from marpack.config.store_listing import read_manifests
from marpack.errors import ArchiveError, MarpackError, PlanError, SourceChangedError, UnsafeArchiveError
from marpack.images import plan_image, write_image
from marpack.images.open_archives import OpenArchives
from tests.images.layouts import store, written
from tests.support.archives import MANIFEST, packed, zipped


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
