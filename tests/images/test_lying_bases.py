"""A base of which anything is not what is said of it, or that leads elsewhere, is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import ImageError, MarpackError
from marpack.images import plan_image
from marpack.oci.descriptor import Descriptor, blob_name
from marpack.oci.layout import require_same
from tests.images import bases
from tests.images.bases import OCI, SHELL, Blobs, docker_archive, image, tar_of, write_files
from tests.images.layouts import on_base
from tests.support.archives import packed

Files = dict[str, bytes | str]


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
