"""One reader of layouts, for bases, pushes and signatures: what it takes, and what it refuses."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import ImageError, RegistryError
from marpack.images import push_image
from marpack.images.stored import open_image
from marpack.oci.descriptor import Platform
from marpack.oci.layout import image_tree, only_image
from marpack.oci.layout_files import open_files
from marpack.signing import attest
from tests.images.bases import OCI, SHELL, Blobs, config_of, digest_of, image, tar_of, write_files

INDEX, MANIFEST = f"{OCI}.index.v1+json", f"{OCI}.manifest.v1+json"
CONFIG, LAYER = f"{OCI}.config.v1+json", f"{OCI}.layer.v1.tar"
AMD64 = Platform("linux", "amd64")


def as_base(path: Path) -> None:
    if open_image(str(path), AMD64) is None:
        raise AssertionError


def pushed(path: Path) -> None:
    """Nobody is asked: the layout is read first, and nothing answers at this port."""
    push_image(path, "localhost:1/team/models:1", plain_http=True)


def document_of(digest: str, files: dict[str, bytes | str]) -> dict[str, Any]:
    data = files[f"blobs/{digest.replace(':', '/')}"]
    assert isinstance(data, bytes)
    found: dict[str, Any] = json.loads(data)
    return found


def another_type(kind: str) -> Callable[[Blobs], dict[str, Any]]:
    """The index, which nothing pins, names the manifest as something else."""
    return lambda blobs: image(blobs) | {"mediaType": kind}


def own_type_otherwise(blobs: Blobs) -> dict[str, Any]:
    document = document_of(image(blobs)["digest"], blobs.files) | {"mediaType": INDEX}
    return blobs.add_json(document, MANIFEST)


def two_in_one(blobs: Blobs) -> dict[str, Any]:
    """A manifest for some readers, and an index for others."""
    descriptor = image(blobs)
    document = document_of(descriptor["digest"], blobs.files)
    return blobs.add_json({**document, "manifests": [descriptor]}, MANIFEST)


def without_config(blobs: Blobs) -> dict[str, Any]:
    document = document_of(image(blobs)["digest"], blobs.files)
    del document["config"]
    return blobs.add_json(document, MANIFEST)


def key_twice(blobs: Blobs) -> dict[str, Any]:
    data = json.dumps(document_of(image(blobs)["digest"], blobs.files))
    return blobs.add(f'{data[:-1]}, "layers": []}}'.encode(), MANIFEST)


def not_a_number(blobs: Blobs) -> dict[str, Any]:
    data = json.dumps(document_of(image(blobs)["digest"], blobs.files))
    return blobs.add(f'{data[:-1]}, "x": NaN}}'.encode(), MANIFEST)


def nested(blobs: Blobs) -> dict[str, Any]:
    descriptor = image(blobs)
    for _ in range(6):
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]}
        descriptor = blobs.add_json(document, INDEX)
    return descriptor


def many_documents(blobs: Blobs) -> dict[str, Any]:
    """Each is read, also by who looks for one that fits, and fits nobody."""
    listed = [image(blobs, architecture=f"a{number}") for number in range(257)]
    return blobs.add_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, INDEX)


def manifest_without(key: str) -> Callable[[Blobs], dict[str, Any]]:
    def made(blobs: Blobs) -> dict[str, Any]:
        descriptor = image(blobs)
        [layer] = document_of(descriptor["digest"], blobs.files)["layers"]
        config = document_of(descriptor["digest"], blobs.files)["config"]
        del blobs.files[f"blobs/{(layer if key == 'layers' else config)['digest'].replace(':', '/')}"]
        return descriptor

    return made


REFUSED: list[tuple[str, Callable[[Blobs], dict[str, Any]]]] = [
    ("bad-document", another_type(INDEX)),
    ("bad-document", own_type_otherwise),
    ("bad-document", two_in_one),
    ("bad-document", without_config),
    ("bad-document", key_twice),
    ("bad-document", not_a_number),
    ("loop", nested),
    ("too-large", many_documents),
    ("missing-blob", manifest_without("layers")),
    ("missing-blob", manifest_without("config")),
]


@pytest.mark.parametrize("reader", [as_base, pushed, attest])
@pytest.mark.parametrize(("code", "make"), REFUSED)
def test_every_reader_refuses_it_alike(
    code: str, make: Callable[[Blobs], dict[str, Any]], reader: Callable[[Path], object], tmp_path: Path
) -> None:
    """By I5, I22 and I25."""
    blobs = Blobs()
    descriptor = make(blobs)
    path = write_files(blobs.index(descriptor), tmp_path / "layout")
    with pytest.raises(ImageError) as raised:
        reader(path)
    assert raised.value.code == code


@pytest.mark.parametrize(
    "kind", ["application/json", LAYER, CONFIG, f"{MANIFEST}; charset=utf-8", MANIFEST.upper()]
)
@pytest.mark.parametrize("reader", [pushed, attest])
def test_what_the_index_calls_by_another_type_is_not_taken(
    kind: str, reader: Callable[[Path], object], tmp_path: Path
) -> None:
    blobs = Blobs()
    path = write_files(blobs.index(another_type(kind)(blobs)), tmp_path / "layout")
    with pytest.raises(ImageError, match="as it is named") as raised:
        reader(path)
    assert raised.value.code == "bad-document"


def test_what_is_right_is_read_by_all(tmp_path: Path) -> None:
    """Without which the tests above would hold for a reader that refuses everything."""
    blobs = Blobs()
    descriptor = image(blobs)
    path = write_files(blobs.index(descriptor), tmp_path / "layout")
    as_base(path)
    assert attest(path).resources[0].sha256 == descriptor["digest"].partition(":")[2]
    with pytest.raises(RegistryError):  # it came to asking
        pushed(path)


def test_a_tree_has_everything_once_and_the_whole_last(tmp_path: Path) -> None:
    blobs = Blobs()
    listed = [image(blobs, architecture=each) for each in ("amd64", "arm64", "amd64")]
    top = blobs.add_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, INDEX)
    files = open_files(str(write_files(blobs.index(top), tmp_path / "layout")))
    tree = image_tree(files, only_image(files))
    assert [each.digest for each in tree.documents] == [listed[0]["digest"], listed[1]["digest"], top["digest"]]
    layer = digest_of(tar_of(SHELL))
    configs = [digest_of(config_of(tar_of(SHELL), each)) for each in ("amd64", "arm64")]
    assert [each.digest for each in tree.blobs] == [layer, *configs]


def test_an_image_of_more_blobs_than_any_has_is_refused(tmp_path: Path) -> None:
    """By I25."""
    blobs = Blobs()
    config = blobs.add(config_of(b""), CONFIG)
    layers = [blobs.add(str(number).encode(), LAYER) for number in range(10_001)]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    path = write_files(blobs.index(blobs.add_json(document, MANIFEST)), tmp_path / "layout.tar")
    files = open_files(str(path))
    with pytest.raises(ImageError, match="10,000 blobs") as raised:
        image_tree(files, only_image(files))
    assert raised.value.code == "too-large"


def test_headers_of_a_tar_have_an_end(tmp_path: Path) -> None:
    """By I25: each may say much of its member, and all of them together no more than a layout needs."""
    record = io.BytesIO()
    with tarfile.open(fileobj=record, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("a")
        member.pax_headers = {"comment": "x" * ((1 << 20) - 4096)}
        tar.addfile(member)
    one = record.getvalue()[: record.tell()].rstrip(b"\0")
    one += bytes(-len(one) % 512)
    for count, is_right in ((20, True), (40, False)):
        path = tmp_path / f"{count}.tar"
        with path.open("wb") as file:
            for _ in range(count):
                file.write(one)
            file.write(bytes(1024))
        if is_right:
            assert open_files(str(path)).read("b") is None
            continue
        with pytest.raises(ImageError, match="headers of more than") as raised:
            open_files(str(path))
        assert raised.value.code == "too-large"
