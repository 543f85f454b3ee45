"""The folder that an archive is extracted to: whole, in part, replaced, or as it was after an error."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import ArchiveError, TargetError, UnsafeArchiveError
from marpack.archive.read.archive import Archive
from tests.conftest import full_disk
from tests.support import hostile
from tests.support.archive_bytes import zipped
from tests.support.archives import MANIFEST as NAME
from tests.support.every_form import FILES, packed

if TYPE_CHECKING:
    from pathlib import Path


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_extract(archive: Archive, tmp_path: Path) -> None:
    whole = {**FILES, NAME: archive.manifest_text.encode()}
    progress: list[int] = []
    target = tmp_path / "new"
    assert set(archive.extract(target, progress=progress.append)) == set(whole)
    assert tree(target) == whole
    assert sum(progress) == sum(map(len, whole.values()))
    assert {path.stat().st_mode & 0o111 for path in target.rglob("*") if path.is_file()} == {0}

    with pytest.raises(marpack.ArchiveExistsError):
        archive.extract(target)
    (target / "more").write_bytes(b"")
    archive.extract(f"{target}/", force=True)
    assert tree(target) == whole

    empty = tmp_path / "empty"
    empty.mkdir()
    archive.extract(empty)
    assert tree(empty) == whole

    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_bytes(b"")
    with pytest.raises(TargetError, match="is nothing that could be replaced"):
        archive.extract(other, force=True)
    assert tree(other) == {"mine": b""}


def test_extract_some(archive: Archive, tmp_path: Path) -> None:
    names = archive.extract(tmp_path / "some", ["folder", "empty"])
    assert set(names) == {"folder/sub-folder/config.json", "empty"}
    assert tree(tmp_path / "some") == {name: FILES[name] for name in names}
    assert archive.extract(tmp_path / "none", []) == ()
    with pytest.raises(ArchiveError) as caught:
        archive.extract(tmp_path / "bad", ["empty", "fold"])
    assert (caught.value.code, caught.value.member) == ("no-member", "fold")
    with pytest.raises(TypeError, match="not one"):
        archive.extract(tmp_path / "bad", "empty")
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize("name", ["m.mar", "m.tar.gz"])
def test_nothing_is_left_after_an_error(name: str, tmp_path: Path) -> None:
    form = "zip-store" if name == "m.mar" else "tgz"
    path = packed(tmp_path, form)
    if form == "tgz":
        opened = marpack.open_archive(path)
        data = bytearray(path.read_bytes())
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    else:
        data = bytearray(path.read_bytes())
        data[data.index(b"the same") + 5] ^= 1
    path.write_bytes(data)
    if form != "tgz":
        opened = marpack.open_archive(path)
    before = sorted(tmp_path.iterdir())
    with opened, pytest.raises(ArchiveError):
        opened.extract(tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with marpack.open_archive(packed(tmp_path, form, force=True)) as archive:
        with pytest.raises(KeyboardInterrupt):
            archive.extract(tmp_path / "out", progress=stop)
        assert sorted(tmp_path.iterdir()) == before
        with full_disk(10_000), pytest.raises(OSError, match="File too large"):
            archive.extract(tmp_path / "out")
        assert sorted(tmp_path.iterdir()) == before


def test_a_deep_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    deep = hostile.Member("/".join(["d"] * 256), b"x")
    broken = hostile.Member("e", b"x", local={"crc": 1}, central={"crc": 1})
    for members, code in (((deep, broken), "crc"), ((hostile.Member("/".join(["d"] * 257), b"x"),), "name-long")):
        archive = marpack.open_archive(io.BytesIO(hostile.zipped(*members)))
        with pytest.raises(ArchiveError) as caught:
            archive.extract(tmp_path / "out")
        assert caught.value.code == code
        assert not list(tmp_path.iterdir())


def test_names_that_differ_in_case(tmp_path: Path) -> None:
    archive = marpack.open_archive(io.BytesIO(zipped({"a": b"1", "A": b"2", "d/x": b"3", "D/x": b"4"})))
    with pytest.raises(UnsafeArchiveError) as caught:
        archive.extract(tmp_path / "out")
    assert caught.value.code == "case-collision"
    archive.extract(tmp_path / "out", case_sensitive=True)
    assert tree(tmp_path / "out") == {"a": b"1", "A": b"2", "d/x": b"3", "D/x": b"4"}
