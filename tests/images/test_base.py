"""An image under the models: taken over as it is, once every byte of it is what is said of it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import ImageError, MarpackError
from marpack.images import plan_image, write_image
from marpack.oci.descriptor import Descriptor, blob_name
from marpack.oci.layout import require_same
from tests.images import bases
from tests.images.bases import DOCKER, OCI, SHELL, Blobs, docker_archive, image, tar_of, write_files
from tests.images.layouts import Layout, files_of
from tests.support.archives import packed

Files = dict[str, bytes | str]


def on_base(base: Path, folder: Path, **options: Any) -> Layout:
    plan = plan_image(packed(folder, force=True), base=base, **options)
    write_image(plan, folder / "image", force=True)
    return Layout.of(folder / "image")


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


def test_bytes_are_held_against_both(tmp_path: Path) -> None:
    descriptor = Descriptor(media_type="x/y", digest=bases.digest_of(b"a"), size=1)
    require_same("p", descriptor, descriptor.digest, 1)
    for digest, size, code in (
        (descriptor.digest, 2, "size-mismatch"),
        (bases.digest_of(b"b"), 1, "digest-mismatch"),
    ):
        with pytest.raises(ImageError) as raised:
            require_same("p", descriptor, digest, size)
        assert raised.value.code == code


# What is wrong, by its code: how the files of a layout are changed.
Change = Callable[[Files, dict[str, Any]], None]


def blob_of(files: Files, descriptor: dict[str, Any], *path: Any) -> str:
    """Return the name of the blob that a path in the manifest leads to."""
    found: Any = json.loads(files[blob_name(descriptor["digest"])])
    for key in path:
        found = found[key]
    return blob_name(found["digest"])


def other_bytes(files: Files, descriptor: dict[str, Any]) -> None:
    name = blob_of(files, descriptor, "layers", 0)
    data = files[name]
    assert isinstance(data, bytes)
    files[name] = b"\1" + data[1:]


def longer(files: Files, descriptor: dict[str, Any]) -> None:
    name = blob_of(files, descriptor, "layers", 0)
    files[name] += bytes(512)  # type: ignore[operator]


def missing(files: Files, descriptor: dict[str, Any]) -> None:
    del files[blob_of(files, descriptor, "layers", 0)]


def other_config(files: Files, descriptor: dict[str, Any]) -> None:
    name = blob_of(files, descriptor, "config")
    data = files[name]
    assert isinstance(data, bytes)
    files[name] = data.replace(b"amd64", b"arm64")


def linked_blob(files: Files, descriptor: dict[str, Any]) -> None:
    files[blob_of(files, descriptor, "layers", 0)] = "/etc/hostname"


def linked_index(files: Files, descriptor: dict[str, Any]) -> None:
    files["index.json"] = "/etc/hostname"


def in_index(change: Callable[[dict[str, Any]], object]) -> Change:
    def changed(files: Files, descriptor: dict[str, Any]) -> None:
        document = json.loads(files["index.json"])
        change(document["manifests"][0])
        files["index.json"] = json.dumps(document).encode()

    return changed


def endless(files: Files, descriptor: dict[str, Any]) -> None:
    """An index in an index, and so on."""
    kind = f"{OCI}.index.v1+json"
    blobs = Blobs()
    for _ in range(20):
        descriptor = blobs.add_json({"schemaVersion": 2, "mediaType": kind, "manifests": [descriptor]}, kind)
    files |= blobs.index(descriptor)


def many(files: Files, descriptor: dict[str, Any]) -> None:
    """More manifests than anybody has, none of which says what it is for."""
    blobs = Blobs()
    listed = [image(blobs, architecture=f"a{number}") for number in range(200)]
    files |= blobs.index(*listed)


def huge(files: Files, descriptor: dict[str, Any]) -> None:
    files["index.json"] = b" " * (5 << 20) + b'{"manifests": []}'


def no_json(files: Files, descriptor: dict[str, Any]) -> None:
    files["index.json"] = b"[" * 100_000


HOSTILE: dict[str, list[Change]] = {
    "digest-mismatch": [other_bytes, other_config],
    "size-mismatch": [longer, in_index(lambda told: told.update(size=told["size"] - 1))],
    "missing-blob": [missing, in_index(lambda told: told.update(digest=f"sha256:{'0' * 64}"))],
    "link": [linked_blob, linked_index],
    "bad-descriptor": [
        in_index(lambda told: told.update(digest=f"sha256:../../{'0' * 58}")),
        in_index(lambda told: told.update(digest=f"sha512:{'0' * 128}")),
        in_index(lambda told: told.update(digest=f"sha256:{'A' * 64}")),
        in_index(lambda told: told.update(digest=None)),
        in_index(lambda told: told.update(size=-1)),
        in_index(lambda told: told.update(size=True)),
        in_index(lambda told: told.update(size=1 << 63)),
        in_index(lambda told: told.pop("mediaType")),
        in_index(lambda told: told.update(annotations={"a": 1})),
    ],
    "loop": [endless],
    "too-large": [many, huge],
    "bad-document": [no_json],
}


@pytest.mark.parametrize("name", ["base", "base.tar"])
@pytest.mark.parametrize(
    ("code", "change"), [(code, change) for code, changes in HOSTILE.items() for change in changes]
)
def test_a_layout_that_lies_is_refused(code: str, change: Change, name: str, tmp_path: Path) -> None:
    """By I22, I23, I24, I25 and I26."""
    blobs = Blobs()
    descriptor = image(blobs)
    files = blobs.index(descriptor)
    change(files, descriptor)
    base = write_files(files, tmp_path / name)
    with pytest.raises(ImageError) as raised:
        on_base(base, tmp_path)
    assert raised.value.code == code
    assert not (tmp_path / "image").exists()
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_folders_of_blobs_are_no_links(tmp_path: Path) -> None:
    blobs = Blobs()
    base = write_files(blobs.index(image(blobs)), tmp_path / "base")
    (base / "blobs").rename(tmp_path / "elsewhere")
    (base / "blobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ImageError, match="'blobs', which is a link") as raised:
        on_base(base, tmp_path)
    assert raised.value.code == "link"


@pytest.mark.parametrize("kind", ["+zstd", ".nondistributable.v1.tar", ""])
def test_layers_that_kserve_passes_over_are_refused(kind: str, tmp_path: Path) -> None:
    """By I20."""
    blobs = Blobs()
    base = write_files(
        blobs.index(image(blobs, layer_type=f"{OCI}.layer.v1.tar{kind}" if kind else "x/y")), tmp_path / "base"
    )
    with pytest.raises(ImageError, match="KServe's fetch") as raised:
        on_base(base, tmp_path)
    assert raised.value.code == "layer-type"


@pytest.mark.parametrize(
    ("links", "code"),
    [
        ({"0123/layer.tar": "../../../etc/hostname"}, "link"),
        ({"0123/layer.tar": "/etc/hostname"}, "link"),
        ({"0123/layer.tar": "layer.tar"}, "link"),
        ({"0123/layer.tar": "nowhere.tar"}, "missing-blob"),
    ],
)
def test_links_of_a_tar_lead_to_its_members(links: dict[str, str], code: str, tmp_path: Path) -> None:
    """By I24."""
    told = bases.config_of(tar_of(SHELL))
    table = [{"Config": "config.json", "RepoTags": [], "Layers": ["0123/layer.tar"]}]
    files: Files = {"config.json": told, "manifest.json": json.dumps(table).encode(), **links}
    with pytest.raises(ImageError) as raised:
        on_base(write_files(files, tmp_path / "saved.tar"), tmp_path)
    assert raised.value.code == code


@pytest.mark.parametrize("tags", [1, "base:1", {"base:1": 1}, [1], [None]])
def test_names_of_a_docker_archive_that_are_none_name_nothing(tags: object, tmp_path: Path) -> None:
    with pytest.raises(ImageError) as raised:
        on_base(docker_archive(tmp_path / "saved.tar", RepoTags=tags), tmp_path, base_tag="1")
    assert raised.value.code == "several"


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"Layers": ["0123/layer.tar"] * 2}, "bad-document"),
        ({"Layers": "0123/layer.tar"}, "bad-document"),
        ({"Config": "other.json"}, "bad-document"),
        ({"Layers": ["other/layer.tar"]}, "missing-blob"),
    ],
)
def test_a_docker_archive_that_lies_is_refused(table: dict[str, Any], code: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError) as raised:
        on_base(docker_archive(tmp_path / "saved.tar", **table), tmp_path)
    assert raised.value.code == code


@pytest.mark.parametrize("key", ["Config", "Layers"])
@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../secret", "./secret", "a//secret"])
def test_a_docker_archive_in_a_folder_leads_nowhere(key: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bases.config_of(tar_of(SHELL)))
    table = {"Config": "config.json", "Layers": ["layer.tar"]} | {key: [name] if key == "Layers" else name}
    files: Files = {"config.json": bases.config_of(tar_of(SHELL)), "layer.tar": tar_of(SHELL)}
    base = write_files({**files, "manifest.json": json.dumps([table]).encode(), "a/b": b""}, tmp_path / "saved")
    with pytest.raises(ImageError, match="leads elsewhere") as raised:
        on_base(base, tmp_path)
    assert raised.value.code == "link"


def test_a_configuration_that_lies_is_refused(tmp_path: Path) -> None:
    layer = tar_of(SHELL)
    for config, code in (
        (bases.config_of(b"another"), "digest-mismatch"),
        (bases.config_of(layer, rootfs={"diff_ids": []}), "bad-document"),
        (bases.config_of(layer, rootfs=None), "bad-document"),
        (bases.config_of(layer, history={}), "no-error"),
        (bases.config_of(layer, history={"a": 1}), "bad-document"),
        (bases.config_of(layer, history=["a"]), "bad-document"),
        (bases.config_of(layer, variant=None), "no-error"),
        (bases.config_of(layer, config=[1]), "bad-document"),
        (bases.config_of(layer, os="windows"), "no-platform"),
        (bases.config_of(layer, author=float("nan")), "bad-document"),
        (bases.config_of(layer, comment="\ud800"), "bad-document"),
        (b"[]", "bad-document"),
    ):
        base = docker_archive(tmp_path / "saved.tar", config=config)
        if code == "no-error":
            on_base(base, tmp_path)
            continue
        with pytest.raises(ImageError) as raised:
            on_base(base, tmp_path)
        assert raised.value.code == code


def test_a_configuration_tells_of_the_layers_that_are_there(tmp_path: Path) -> None:
    """By I6 a layer that is not compressed is its own diff_id, and engines refuse an image that says otherwise."""
    blobs = Blobs()
    layer = blobs.add(tar_of(SHELL), f"{OCI}.layer.v1.tar")
    config = blobs.add(bases.config_of(b"another"), f"{OCI}.config.v1+json")
    kind = f"{OCI}.manifest.v1+json"
    document = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}
    base = write_files(blobs.index(blobs.add_json(document, kind)), tmp_path / "base")
    with pytest.raises(ImageError, match="tells of") as raised:
        on_base(base, tmp_path)
    assert raised.value.code == "digest-mismatch"


def test_a_tar_that_breaks_off_is_refused(tmp_path: Path) -> None:
    blobs = Blobs()
    base = write_files(blobs.index(image(blobs)), tmp_path / "base.tar")
    data = base.read_bytes()
    for size in (600, 2000, 5000, 9000):
        base.write_bytes(data[:size])
        with pytest.raises(ImageError, match="breaks off") as raised:
            on_base(base, tmp_path)
        assert raised.value.code == "size-mismatch"


def test_what_is_no_image_is_no_base(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="neither an OCI layout nor what docker save writes"):
        on_base(tmp_path / "empty", tmp_path)
    with pytest.raises(ImageError, match="nor a plain tar"):
        on_base(packed(tmp_path, "other"), tmp_path)
    with pytest.raises(OSError, match="absent"):
        on_base(tmp_path / "absent", tmp_path)
    with pytest.raises(MarpackError, match="neither platforms nor a base"):
        plan_image(packed(tmp_path, force=True), base=tmp_path / "empty", modelpack=True)


def test_our_own_layers_are_plain(tmp_path: Path) -> None:
    """What ``files_of`` asserts of them holds for the base's not: that it asserts anything is seen here."""
    with pytest.raises(AssertionError):
        files_of(tar_of({"a": "b"}))
