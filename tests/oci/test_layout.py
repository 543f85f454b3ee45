"""One reader of layouts, for bases, pushes and signatures: what it takes, and what it refuses."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marpack.archive.sources import Source
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
    with pytest.raises(ImageError, match="as which it is named") as raised:
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
    with pytest.raises(ImageError, match="10,000") as raised:
        image_tree(files, only_image(files))
    assert raised.value.code == "too-large"


def big_documents(blobs: Blobs) -> dict[str, Any]:
    """Few, each of a size that is taken by itself, and one named again and again."""
    kind = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "x": "y" * (3 << 20)}
    inner = blobs.add_json(kind, INDEX)
    return blobs.add_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [inner, inner, inner]}, INDEX)


def many_values(blobs: Blobs) -> dict[str, Any]:
    document = document_of(image(blobs)["digest"], blobs.files)
    return blobs.add_json({**document, "x": [[]] * 60_000}, MANIFEST)


@pytest.mark.parametrize(
    ("make", "readers"), [(big_documents, [as_base]), (many_values, [as_base, pushed, attest])]
)
def test_what_takes_long_to_read_is_not_read(
    make: Callable[[Blobs], dict[str, Any]], readers: list[Callable[[Path], object]], tmp_path: Path
) -> None:
    """By I25."""
    blobs = Blobs()
    path = write_files(blobs.index(make(blobs)), tmp_path / "layout")
    for reader in readers:
        with pytest.raises(ImageError) as raised:
            reader(path)
        assert raised.value.code == "too-large"


def test_a_layer_that_is_named_often_is_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs()
    layer = blobs.add(tar_of(SHELL), LAYER)
    config = blobs.add(config_of(tar_of(SHELL)), CONFIG)
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] * 5_000}
    files = open_files(str(write_files(blobs.index(blobs.add_json(document, MANIFEST)), tmp_path / "layout")))
    looked: list[str] = []
    find = files.source

    def source(name: str) -> Source | None:
        looked.append(name)
        return find(name)

    monkeypatch.setattr(files, "source", source)
    assert len(image_tree(files, only_image(files)).blobs) == 2
    assert len(looked) < 10
    layer["size"] += 1  # the second time it is named
    document["layers"] = [{**layer, "size": layer["size"] - 1}, layer]
    (tmp_path / "other").mkdir()
    other = write_files(blobs.index(blobs.add_json(document, MANIFEST)), tmp_path / "other" / "layout")
    with pytest.raises(ImageError) as raised:
        attest(other)
    assert raised.value.code == "size-mismatch"


def header(kind: bytes, size: int = 0, name: str = "a", **more: Any) -> bytes:
    """Return a block as it stands before contents; ``data`` are bytes that stand in it elsewhere."""
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, size
    return made.tobuf(tarfile.GNU_FORMAT)


def record(kind: bytes, text: bytes) -> bytes:
    return header(kind, len(text)) + text + bytes(-len(text) % 512)


def pax(**said: str) -> bytes:
    text = b""
    for key, value in said.items():
        line = f" {key.replace('_', '.')}={value}\n".encode()
        length = len(line) + 2
        text += f"{length + len(str(length)) - 2}".encode() + line
    return text


LONG_NAME, PAX, PAX_FOR_ALL = tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE
SPARSE = bytearray(header(tarfile.GNUTYPE_SPARSE, 512))
SPARSE[482] = 1  # that there are more blocks of it
HOSTILE_TARS = {
    "a name behind names without end": record(LONG_NAME, b"name") * 3_000 + header(b"0"),
    "a name of a gibibyte": header(LONG_NAME, 1 << 30),
    "less than no bytes": record(PAX, pax(size="-5")) + header(b"0", 5, "oci-layout"),
    "a size of many digits": record(PAX, pax(size="9" * 60_000)) + header(b"0"),
    "digits without a record": record(PAX, b"9" * 60_000) + header(b"0"),
    "a sparse file's map that is none": bytes(SPARSE),
}


@pytest.mark.parametrize("name", HOSTILE_TARS)
def test_a_tar_that_not_all_read_alike_is_refused(name: str, tmp_path: Path) -> None:
    """Each cost ``tarfile`` minutes, gibibytes, or an error that is none of its own (I25)."""
    blobs = Blobs()
    path = write_files(blobs.index(image(blobs)), tmp_path / "layout.tar")
    as_base(path)
    path.write_bytes(HOSTILE_TARS[name] + path.read_bytes())
    with pytest.raises(ImageError, match="that all read alike") as raised:
        as_base(path)
    assert raised.value.code == "not-image"


def test_what_is_said_of_all_members_is_read_once(tmp_path: Path) -> None:
    """By ``tarfile`` for each of them anew."""
    blobs = Blobs()
    path = write_files(blobs.index(image(blobs)), tmp_path / "layout.tar")
    said = pax(**{f"k{number}": "v" for number in range(1_000)})
    for_all = b"".join(record(PAX_FOR_ALL, said) + header(b"0", name=f"m{each}") for each in range(500))
    path.write_bytes(for_all + path.read_bytes())
    as_base(path)


def test_headers_of_a_tar_have_an_end(tmp_path: Path) -> None:
    """By I25: each may say much of its member, and all of them together no more than a layout needs."""
    one = record(PAX, pax(comment="x" * ((1 << 20) - 4096))) + header(b"0")
    for count, is_right in ((10, True), (20, False)):
        path = tmp_path / f"{count}.tar"
        path.write_bytes(one * count + bytes(1024))
        if is_right:
            assert open_files(str(path)).read("b") is None
            continue
        with pytest.raises(ImageError, match="headers of more than") as raised:
            open_files(str(path))
        assert raised.value.code == "too-large"


@pytest.mark.parametrize("name", ["x\0y", "x" * 300, "a/" * 3_000])
@pytest.mark.parametrize("kind", ["folder", "folder.tar"])
def test_a_name_that_no_file_has_is_none_of_a_layout(name: str, kind: str, tmp_path: Path) -> None:
    listed = [{"Config": name, "RepoTags": ["base:1"], "Layers": ["layer.tar"]}]
    path = write_files({"manifest.json": json.dumps(listed).encode(), "layer.tar": b""}, tmp_path / kind)
    with pytest.raises(ImageError) as raised:
        as_base(path)
    assert raised.value.code == "bad-document"


def test_a_pipe_is_no_layout(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="neither a folder nor a regular file"):
        as_base(tmp_path / "pipe")
