"""Members that are read where they lie, without a copy."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ArchiveError, NotMappableError
from tests.support import hostile
from tests.support.archives import packed
from tests.support.memory_map import mapped_at

if TYPE_CHECKING:
    from pathlib import Path

    from marpack.archive.forms import ArchiveFormat

# Above what is aligned, and of no whole number of pages.
WEIGHTS = os.urandom((1 << 20) + 1)
FAR = {"size": 1 << 30, "compressed": 1 << 30}


@pytest.mark.parametrize("by_path", [True, False])
@pytest.mark.parametrize("form", ["auto", "zip-store", "no-archive"])
def test_the_buffer_is_the_file(form: ArchiveFormat, by_path: bool, tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    path = packed(tmp_path, serialized_file={"weights.pt": WEIGHTS}, archive_format=form)
    whole = path / "weights.pt" if form == "no-archive" else path
    place = whole.read_bytes().index(WEIGHTS)
    assert form != "auto" or place % 4096 == 0
    with contextlib.ExitStack() as opened:
        source = path if by_path or path.is_dir() else opened.enter_context(path.open("rb"))
        view = opened.enter_context(marpack.open_archive(source)).map("weights.pt")
    # Both are closed, and the file is nobody's any more.
    assert mapped_at(numpy.frombuffer(view, "u1").ctypes.data) == (str(whole), place)
    whole.unlink()
    assert view == WEIGHTS
    assert (view.readonly, view.format) == (True, "B")


@pytest.mark.parametrize("form", ["zip-store", "no-archive"])
def test_what_is_empty(form: ArchiveFormat, tmp_path: Path) -> None:
    path = packed(tmp_path, serialized_file={"weights.pt": b""}, archive_format=form)
    with marpack.open_archive(path) as archive:
        assert bytes(archive.map("weights.pt")) == b""


def test_a_workflow(tmp_path: Path) -> None:
    path = tmp_path / "w.war"
    path.write_bytes(hostile.zipped(hostile.Member("a", b"abc"), hostile.Member("WAR-INF/MANIFEST.json", b"{}")))
    with marpack.open_archive(path) as archive:
        assert bytes(archive.map("a")) == b"abc"


def test_what_cannot_be_mapped(tmp_path: Path) -> None:
    tar = packed(tmp_path, archive_format="tgz")
    path = packed(tmp_path, archive_format="auto")
    (tmp_path / "m.gz").write_bytes(gzip.compress(path.read_bytes()))
    with gzip.open(tmp_path / "m.gz") as unpacked:
        # It has a descriptor: of what it unpacks.
        cases: list[tuple[Any, str, str]] = [
            (path, "handler.py", r"is deflated: .* pack it stored \('zip-store'; 'auto' stores weights\)"),
            (tar, "weights.pt", "lies in a gzip'd tar"),
            (io.BytesIO(path.read_bytes()), "weights.pt", "lies in no file"),
            (unpacked, "weights.pt", "lies in no file"),
        ]
        for source, name, why in cases:
            with marpack.open_archive(source) as archive, pytest.raises(NotMappableError, match=why) as caught:
                archive.map(name)
            assert caught.value.member == name
            assert archive.path in str(caught.value)
    with marpack.open_archive(path) as archive:
        archive.map("weights.pt")  # and where it lies is known from then on
        with pytest.raises(ArchiveError, match="is not in the archive"):
            archive.map("gone")
    for closed in (archive, *closed_archives(path, tmp_path)):
        with pytest.raises(ValueError, match="closed"):
            closed.map("weights.pt")


def closed_archives(path: Path, folder: Path) -> list[Any]:
    """Return archives that can be read no more: of a file that is closed, and of a folder."""
    with path.open("rb") as file:
        of_file = marpack.open_archive(file)
    of_folder = marpack.open_archive(packed(folder, "folder", archive_format="no-archive"))
    of_folder.close()
    return [of_file, of_folder]


@pytest.mark.parametrize(
    ("member", "code"),
    [
        (hostile.Member("x", b"abc", flags=1), "encrypted"),
        (hostile.Member("x", b"abc", local={"size": 2}), "zip-local-header"),
        (hostile.Member("x", b"abc", local={"name": b"y"}), "zip-local-name"),
        (hostile.Member("x", b"abc", central={"size": 2}, local={"size": 2}), "size-lies"),
        (hostile.Member("x", b"abc", central={"offset": 7}), "zip-no-header"),
        (hostile.Member("x", b"abc", local=FAR, central=FAR), "size-lies"),
    ],
)
def test_what_a_hostile_header_says(member: hostile.Member, code: str, tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    path.write_bytes(hostile.zipped(member))
    with marpack.open_archive(path) as archive, pytest.raises(ArchiveError) as caught:
        archive.map("x")
    assert (caught.value.code, caught.value.member) == (code, "x")


def test_a_file_that_is_cut_off_meanwhile(tmp_path: Path) -> None:
    """What is mapped beyond the end of a file kills who reads it."""
    path = packed(tmp_path, serialized_file={"weights.pt": WEIGHTS}, archive_format="auto")
    with marpack.open_archive(path) as archive:
        os.truncate(path, 1 << 20)
        with pytest.raises(ArchiveError, match="of a file of 1,048,576 bytes") as caught:
            archive.map("weights.pt")
    assert caught.value.code == "size-lies"


def test_the_crc_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w", b"abc")
    path.write_bytes(path.read_bytes().replace(b"abc", b"abd"))
    with marpack.open_archive(path) as opened:
        assert bytes(opened.map("w")) == b"abd"
        assert "crc" in {issue.code for issue in opened.verify()}
