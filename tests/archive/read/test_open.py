"""What can be opened: files, folders, and what is too large, changes meanwhile or is none."""

from __future__ import annotations

import gc
import io
import os
import struct
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ArchiveError, LimitError
from marpack.archive.read.open import read_manifest
from tests.support import hostile
from tests.support.bounded_memory import bounded
from tests.support.every_form import FILES, FORMS, packed
from tests.support.hostile import zip64

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


@pytest.mark.parametrize("form", FORMS)
def test_an_open_file(form: Any, tmp_path: Path) -> None:
    path = packed(tmp_path, form)
    if form == "no-archive":
        return
    for source in (path.open("rb"), io.BytesIO(path.read_bytes()), Slow(path.read_bytes()), path.open("rb", 0)):
        with source, marpack.open_archive(source) as archive:
            assert {name: archive.read(name) for name in FILES} == FILES
            assert archive.path == (os.fspath(path) if hasattr(source, "name") else "")
            archive.close()
            assert not source.closed


class Slow(io.BytesIO):
    """A file that gives less than it is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1000) if size and size > 0 else size)


def test_a_folder_in_a_folder(tmp_path: Path) -> None:
    packed(tmp_path / "..", "no-archive", force=True)
    inner = tmp_path / "outer" / "m"
    inner.parent.mkdir()
    (tmp_path.parent / "m").rename(inner)
    with marpack.open_archive(inner.parent) as archive:
        assert archive.read("weights.pt") == FILES["weights.pt"]
    (inner.parent / "other").write_bytes(b"")
    with marpack.open_archive(inner.parent) as archive:
        assert "m/weights.pt" in archive
        assert "other" in archive
    (inner.parent / "other").unlink()
    inner.rename(tmp_path / "elsewhere")
    inner.symlink_to("../elsewhere")
    with marpack.open_archive(inner.parent) as archive:
        assert archive.members == ()
        assert [issue.code for issue in archive.issues] == ["link"]


def test_a_file_of_a_folder_that_is_replaced(tmp_path: Path) -> None:
    path = packed(tmp_path, "no-archive")
    with marpack.open_archive(path) as archive:
        (path / "empty").unlink()
        with pytest.raises(FileNotFoundError):
            archive.open("empty")
        os.mkfifo(path / "empty")
        with pytest.raises(ArchiveError) as caught:
            archive.open("empty")
        assert caught.value.code == "device"
        # What could not be opened is not closed once more when it goes: its number is another file's by then.
        other = os.open(path / "text.txt", os.O_RDONLY)
        del caught
        gc.collect()
        os.fstat(other)
        os.close(other)
        (path / "text.txt").write_bytes(b"less")
        with pytest.raises(ArchiveError) as caught:
            archive.read("text.txt")
        assert caught.value.code == "size-lies"


class Counted(io.FileIO):
    """A file that counts the bytes that are read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size) or b""
        self.count += len(data)
        return data


def test_20_gb_are_not_read_for_a_manifest(tmp_path: Path) -> None:
    """A sparse archive, made by hand: the weights are zeros that nobody ever wrote."""
    size = 20 * 10**9
    known = {"size": 0xFFFFFFFF, "compressed": 0xFFFFFFFF, "crc": 0, "extra": zip64(size, size)}
    head, rest = hostile.zipped(hostile.Member("weights.pt", b"@", local=known, central=known)).split(b"@", 1)
    directory = rest.index(b"PK\1\2")
    end = hostile.record(
        hostile.END_64,
        {"signature": b"PK\6\6", "length": 44, "here": 2, "count": 2, "size": len(rest) - directory - 22}
        | {"offset": len(head) + size + directory},
    )
    end += hostile.record(
        hostile.LOCATOR, {"signature": b"PK\6\7", "offset": len(head) + size + len(rest) - 22, "disks": 1}
    )
    # The manifest has moved.
    at = rest.index(b"PK\1\2", directory + 4)
    central = rest[at : len(rest) - 22]
    moved = central[:42] + struct.pack("<L", 0xFFFFFFFF) + central[46:] + zip64(len(head) + size)
    moved = moved[:30] + struct.pack("<H", 12) + moved[32:]
    end = end[:40] + struct.pack("<Q", len(rest) - directory - 22 + 12) + end[48:]
    end = end[: 56 + 8] + struct.pack("<Q", len(head) + size + len(rest) - 22 + 12) + end[56 + 16 :]
    path = tmp_path / "m.mar"
    with path.open("wb") as file:
        file.write(head)
        file.seek(size, 1)
        file.write(rest[:at] + moved + end + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, *[0xFFFFFFFF] * 2, 0))
    with Counted(path) as counted, bounded(4 * MIB), marpack.open_archive(counted) as archive:
        assert archive.manifest.model.model_name == "m"
        assert archive.issues == ()
        with archive.open("weights.pt") as member:
            member.seek(-5, 2)
            assert member.read() == bytes(5)
        assert archive["weights.pt"].size == size
        assert counted.count < MIB


def test_a_directory_is_not_read_that_no_members_need(tmp_path: Path) -> None:
    """It is sparse, or another one's network: 100,000 names of 60,000 characters are 12 GB in memory."""
    path = tmp_path / "m.mar"
    for size, code in ((100_000 * 1024, "zip-directory"), (100_000 * 1024 + 1, "too-many-members")):
        with path.open("wb") as file:
            file.truncate(size)
            file.seek(size)
            file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0))
        with pytest.raises(ArchiveError) as caught:
            marpack.open_archive(path)
        assert caught.value.code == code


@pytest.mark.slow
def test_many_folders_do_not_fill_the_memory() -> None:
    """Each of these names is of 2,000 bytes, and needs a thousand folders that no other needs."""
    names = [f"{number}/" + "a/" * 250 + "b" * 200 for number in range(3000)]
    archive = marpack.open_archive(io.BytesIO(hostile.zipped(*map(hostile.Member, names))))
    with bounded(96 * MIB), pytest.raises(LimitError) as caught:
        archive.refuse()
    assert caught.value.code == "too-many-members"


def test_an_open_file_is_what_its_bytes_say(tmp_path: Path) -> None:
    """A temporary file's name says nothing, as those of uploads."""
    for form in ("default", "tgz"):
        plan = marpack.plan_archive(model_name="m", handler="base_handler", archive_format=form)
        path = tmp_path / f"{form}-upload-7f3a"
        with path.open("w+b") as file:
            marpack.write_archive(plan, file)
            with marpack.open_archive(file) as archive:
                assert archive.manifest.model.model_name == "m"
                assert archive.file_name == ""


def test_a_folder_whose_files_change_behind_its_back(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    marpack.pack(
        model_name="m",
        handler="base_handler",
        extra_files={"a": b"a", "b": b"b", "c": b"c"},
        archive_format="no-archive",
        export_path=tmp_path,
    )
    secret = tmp_path / "secret"
    secret.write_bytes(b"s")
    with marpack.open_archive(folder) as archive:
        (folder / "a").unlink()
        (folder / "a").symlink_to(secret)
        (folder / "b").write_bytes(b"grown")
        with pytest.raises(ArchiveError, match="not the file any more"):
            archive.read("a")
        with pytest.raises(ArchiveError, match="has 5 bytes, not the 1"):
            archive.read("b")
        assert archive.read("c") == b"c"
        with pytest.raises(ArchiveError):
            archive.extract(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="closed"):
        archive.read("c")


def test_links_that_multiply(tmp_path: Path) -> None:
    for one in range(12):
        (tmp_path / f"d{one}").mkdir()
        for other in range(12):
            if one != other:
                (tmp_path / f"d{one}" / f"l{other}").symlink_to(tmp_path / f"d{other}")
    with pytest.raises(LimitError, match="links lead"):
        marpack.open_archive(tmp_path)


@pytest.mark.parametrize("source", [3, b"PK", None, io.StringIO("text")])
def test_what_cannot_be_opened_at_all(source: Any) -> None:
    with pytest.raises(TypeError, match=r"binary file|mode 'rb'"):
        marpack.open_archive(source)


def test_a_path_that_no_disk_has() -> None:
    for ask in (marpack.open_archive, read_manifest):
        with pytest.raises(ArchiveError, match="'a\\\\x00b' is no path"):
            ask("a\0b")
    [finding] = marpack.check("a\0b")
    assert (finding.severity, finding.code) == ("error", "container-structure")
