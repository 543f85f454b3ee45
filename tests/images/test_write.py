"""What an image is: layers, documents and digests, the same bytes always."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import marpack
from marpack.images import ImageResult, plan_image, write_image
from marpack.images.blob_writer import BlobWriter
from marpack.images.tar_records import file_header
from marpack.oci.descriptor import Platform
from tests.images.layouts import HANDLER, Layout, store, written
from tests.support.archives import MANIFEST, T, packed
from tests.support.sharing import used


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
