"""Where an image is written: whole or not at all, and over nothing but a layout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marpack.errors import ArchiveExistsError, SourceChangedError, TargetError
from marpack.images import plan_image, write_image
from tests.conftest import full_disk
from tests.images.bases import tar_of
from tests.images.layouts import Layout, store, written
from tests.support.archives import packed
from tests.support.killed import killed_at


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
