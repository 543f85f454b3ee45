"""An image under the models: taken over as it is."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import ImageError
from marpack.images import plan_image, write_image
from marpack.oci.descriptor import blob_name
from tests.images import bases
from tests.images.bases import DOCKER, OCI, SHELL, Blobs, docker_archive, image, tar_of, write_files
from tests.images.layouts import Layout, files_of, on_base
from tests.support.archives import packed


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", ["base", "base.tar"])
def test_layers_are_appended(name: str, zipped: bool, tmp_path: Path) -> None:
    """By I19."""
    blobs = Blobs()
    descriptor = image(blobs, zipped=zipped)
    base = write_files(blobs.index(descriptor), tmp_path / name)
    layout = on_base(base, tmp_path, labels={"team": "vision"}, base_name="r.example/base:1")
    below = json.loads(blobs.files[blob_name(descriptor["digest"])])
    manifest, config = layout.manifest, layout.config
    assert manifest["layers"][0] == below["layers"][0]
    assert len(manifest["layers"]) == 2
    assert manifest["annotations"]["org.opencontainers.image.base.digest"] == descriptor["digest"]
    assert manifest["annotations"]["org.opencontainers.image.base.name"] == "r.example/base:1"
    told = json.loads(blobs.files[blob_name(below["config"]["digest"])])
    assert config["rootfs"]["diff_ids"] == [*told["rootfs"]["diff_ids"], manifest["layers"][1]["digest"]]
    assert config["config"] == {"Cmd": ["sh"], "Env": ["PATH=/bin"], "Labels": {"of": "base", "team": "vision"}}
    assert [each.get("empty_layer", False) for each in config["history"]] == [False, True, False]
    # That of the base is not when this one was made.
    assert "created" not in config
    if not zipped:
        assert files_of_pax(layout.blob(manifest["layers"][0])) == SHELL


@pytest.mark.parametrize(
    "history", [None, [], [{"empty_layer": True}], [{"created_by": "hand"}, {"created_by": "hand"}]]
)
def test_a_history_that_does_not_tell_of_each_layer_is_not_continued(history: Any, tmp_path: Path) -> None:
    """By I19: umoci and docker pair its entries with layers, in order."""
    told = bases.config_of(tar_of(SHELL), history=history)
    layout = on_base(docker_archive(tmp_path / "saved.tar", config=told), tmp_path)
    assert len(layout.config["rootfs"]["diff_ids"]) == 2
    assert "history" not in layout.config


@pytest.mark.parametrize(
    ("own", "asked", "found"), [("v7", "", "v7"), ("v7", "/v7", "v7"), ("", "/v7", "v7"), ("", "", "")]
)
def test_what_the_base_is_for_is_what_the_image_is_for(own: str, asked: str, found: str, tmp_path: Path) -> None:
    """By I8: the index and the configuration say the same."""
    told = bases.config_of(tar_of(SHELL), "arm", **({"variant": own} if own else {}))
    base = docker_archive(tmp_path / "saved.tar", config=told)
    layout = on_base(base, tmp_path, platforms=[f"linux/arm{asked}"])
    assert layout.config.get("variant", "") == layout.top["platform"].get("variant", "") == found
    both = on_base(base, tmp_path, platforms=["linux/arm/v7", "linux/arm"])
    assert both.top["mediaType"].endswith("index.v1+json" if not own else "manifest.v1+json")


def files_of_pax(layer: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]


def test_dockers_types_become_ocis(tmp_path: Path) -> None:
    blobs = Blobs()
    base = write_files(blobs.index(image(blobs, family=DOCKER)), tmp_path / "base")
    layout = on_base(base, tmp_path)
    assert [each["mediaType"] for each in layout.manifest["layers"]] == [
        f"{OCI}.layer.v1.tar+gzip",
        f"{OCI}.layer.v1.tar",
    ]
    assert layout.manifest["config"]["mediaType"] == f"{OCI}.config.v1+json"


@pytest.mark.parametrize("links", [False, True])
def test_what_docker_save_wrote_is_a_base(links: bool, tmp_path: Path) -> None:
    """By I18."""
    layout = on_base(docker_archive(tmp_path / "saved.tar", links=links), tmp_path, base_tag="1")
    assert files_of_pax(layout.blob(layout.manifest["layers"][0])) == SHELL
    assert "org.opencontainers.image.base.digest" not in layout.manifest["annotations"]


def test_docker_25_wrote_manifests_without_layers(tmp_path: Path) -> None:
    """Beside its own form, in which they are."""
    layer = tar_of(SHELL)
    blobs = Blobs()
    config = bases.config_of(layer)
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": blobs.add(config, f"{OCI}.config.v1+json"),
        "layers": [],
    }
    files = blobs.index(blobs.add_json(manifest, f"{OCI}.manifest.v1+json"))
    at = blob_name(bases.digest_of(layer))
    files |= {at: layer}
    table = [{"Config": blob_name(bases.digest_of(config)), "RepoTags": None, "Layers": [at]}]
    files |= {"manifest.json": json.dumps(table).encode()}
    layout = on_base(write_files(files, tmp_path / "saved.tar"), tmp_path)
    assert len(layout.manifest["layers"]) == 2


def test_of_an_index_the_platforms_own_image_is_taken(tmp_path: Path) -> None:
    blobs = Blobs()
    inner: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.index.v1+json",
        "manifests": [
            image(blobs, architecture=name, platform={"os": "linux", "architecture": name})
            for name in ("amd64", "arm64")
        ],
    }
    unknown = {"os": "unknown", "architecture": "unknown"}
    inner["manifests"].insert(
        0, blobs.add_json({"an": "attestation"}, f"{OCI}.manifest.v1+json", platform=unknown)
    )
    base = write_files(blobs.index(blobs.add_json(inner, f"{OCI}.index.v1+json")), tmp_path / "base")
    one = on_base(base, tmp_path, platforms=["linux/arm64"])
    assert one.config["architecture"] == "arm64"
    both = on_base(base, tmp_path, platforms=["linux/arm64", "linux/amd64"])
    index = both.document(both.top)
    digests = [
        both.document(each)["annotations"]["org.opencontainers.image.base.digest"] for each in index["manifests"]
    ]
    assert len(set(digests)) == 2
    with pytest.raises(ImageError, match="no image for linux/riscv64"):
        on_base(base, tmp_path, platforms=["linux/riscv64"])


@pytest.mark.parametrize(
    ("asked", "found"),
    [("linux/arm/v6", "v6"), ("linux/arm/v7", "v7"), ("linux/arm/v5", None), ("linux/arm", "v6")],
)
@pytest.mark.parametrize("listed", [True, False])
def test_a_variant_counts_where_both_have_one(listed: bool, asked: str, found: str | None, tmp_path: Path) -> None:
    """By I8: of what an index says, and of the configuration where that says nothing."""
    blobs = Blobs()
    top: dict[str, Any] = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": []}
    for variant in ("v6", "v7"):
        layer = tar_of({"bin/sh": variant.encode()})
        platform = {"os": "linux", "architecture": "arm", "variant": variant}
        config = json.loads(bases.config_of(layer, "arm")) | ({} if listed else {"variant": variant})
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": blobs.add(json.dumps(config).encode(), f"{OCI}.config.v1+json"),
            "layers": [blobs.add(layer, f"{OCI}.layer.v1.tar")],
        }
        more = {"platform": platform} if listed else {}
        top["manifests"].append(blobs.add_json(manifest, f"{OCI}.manifest.v1+json", **more))
    base = write_files(blobs.index(blobs.add_json(top, f"{OCI}.index.v1+json")), tmp_path / "base")
    if found is None:
        with pytest.raises(ImageError, match="no image for linux/arm/v5"):
            on_base(base, tmp_path, platforms=[asked])
    else:
        assert on_base(base, tmp_path, platforms=[asked]).merged()["bin/sh"] == found.encode()


def test_one_of_several_is_named_by_its_tag(tmp_path: Path) -> None:
    blobs = Blobs()
    ref = "org.opencontainers.image.ref.name"
    both = [image(blobs, annotations={ref: "plain"}), image(blobs, zipped=True, annotations={ref: "zipped"})]
    base = write_files(blobs.index(*both), tmp_path / "base")
    with pytest.raises(ImageError, match="name one by its tag: plain, zipped"):
        on_base(base, tmp_path)
    layout = on_base(base, tmp_path, base_tag="zipped")
    assert layout.manifest["layers"][0]["mediaType"].endswith("+gzip")
    with pytest.raises(ImageError, match="no image for linux/amd64 of the tag 'other'"):
        on_base(base, tmp_path, base_tag="other")


def test_an_entry_point_is_warned_of(tmp_path: Path) -> None:
    """By I21."""
    told = bases.config_of(tar_of(SHELL), config={"Entrypoint": ["/run"], "Labels": None})
    base = docker_archive(tmp_path / "saved.tar", config=told)
    plan = plan_image(packed(tmp_path), base=base)
    [warning] = plan.warnings
    assert "entry point ['/run']" in warning


def test_a_base_of_models_is_one(tmp_path: Path) -> None:
    """What marpack wrote can be appended to."""
    write_image(plan_image(packed(tmp_path, "first")), tmp_path / "base")
    layout = on_base(tmp_path / "base", tmp_path)
    assert [min(layer) for layer in layout.layers()] == ["models/", "models/"]
    assert len(layout.config["history"]) == 2


def test_a_layer_that_the_base_has_is_one_blob(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    write_image(plan_image(archive), tmp_path / "base")
    write_image(plan_image(archive, base=tmp_path / "base"), tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar", "r:") as tar:
        names = tar.getnames()
    assert len(names) == len(set(names)) == 5
    manifest = Layout.of(tmp_path / "image.tar").manifest
    assert manifest["layers"][0] == manifest["layers"][1]


def test_our_own_layers_are_plain(tmp_path: Path) -> None:
    """What ``files_of`` asserts of them holds for the base's not: that it asserts anything is seen here."""
    with pytest.raises(AssertionError):
        files_of(tar_of({"a": "b"}))
