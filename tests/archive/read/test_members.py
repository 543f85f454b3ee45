"""What is in an open archive, and reading it, all of a member or a part."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import ArchiveError, LimitError, Limits
from marpack.archive.read.archive import Archive
from tests.support import hostile
from tests.support.archive_bytes import tarred, zipped
from tests.support.archives import MANIFEST as NAME
from tests.support.archives import TEXT
from tests.support.every_form import FILES, packed

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_in_it(archive: Archive) -> None:
    assert {entry.name: entry.size for entry in archive.members} == {
        **{name: len(data) for name, data in FILES.items()},
        NAME: len(archive.manifest_text.encode()),
    }
    assert archive.members[-1].name == NAME or archive.form == "folder"
    assert archive["weights.pt"].size == 1_500_000
    assert "weights.pt" in archive
    assert "folder" not in archive
    assert archive.manifest.model.handler == "base_handler"
    assert archive.issues == archive.verify() == archive.verify(threads=1) == ()
    for name in ("nothing", "folder", "folder/"):
        with pytest.raises(ArchiveError, match="is not in the archive") as caught:
            archive.read(name)
        assert (caught.value.code, caught.value.member) == ("no-member", name)


def test_reading_a_member(archive: Archive) -> None:
    for name, data in FILES.items():
        assert archive.read(name) == data
        with archive.open(name) as file:
            assert (file.readable(), file.seekable(), file.tell()) == (True, True, 0)
            assert file.read() == data
            assert file.read() == file.read(5) == b""
    with archive.open("text.txt") as file:
        # As much as is asked for, which readers of formats rely on.
        assert len(file.read(1_200_000)) == 1_200_000
        assert io.TextIOWrapper(io.BufferedReader(file)).read(20) == "the same again\nthe s"[:20]


def test_seeking_in_a_member(archive: Archive) -> None:
    chance = random.Random(2)
    for name in ("weights.pt", "text.txt", "empty"):
        data = FILES[name]
        with archive.open(name) as file:
            for _ in range(20):
                place = chance.randrange(len(data) + 1)
                whence = chance.randrange(3)
                offset = place - (0, file.tell(), len(data))[whence]
                assert file.seek(offset, whence) == file.tell() == place
                size = chance.choice([0, 1, 1000, 600_000])
                assert file.read(size) == data[place : place + size]
            assert file.seek(-1) == 0
            assert file.seek(5, 2) == len(data)
            with pytest.raises(ValueError, match="whence must be"):
                file.seek(0, 3)
        for use in (file.read, lambda: file.seek(0), lambda: file.read1(1)):
            with pytest.raises(ValueError, match="the member is closed"):
                use()


def test_many_threads_read_at_once(archive: Archive) -> None:
    def read(number: int) -> bool:
        name = sorted(FILES)[number % len(FILES)]
        with archive.open(name) as file:
            half = file.read(len(FILES[name]) // 2)
            return half + file.read() == FILES[name] and archive.issues == ()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(40)))


def test_a_file_that_is_closed(tmp_path: Path) -> None:
    archive = marpack.open_archive(packed(tmp_path))
    archive.close()
    archive.close()
    with pytest.raises(ValueError, match="the archive is closed"):
        archive.read("weights.pt")


def test_limits(archive: Archive) -> None:
    with pytest.raises(LimitError) as caught:
        archive.read("text.txt", limit=1_499_999)
    assert (caught.value.code, caught.value.member) == ("too-large", "text.txt")
    assert len(archive.read("text.txt", limit=1_500_000)) == 1_500_000
    with pytest.raises(LimitError, match="members"):
        marpack.open_archive(archive.path, limits=Limits(members=4)).refuse()
    with pytest.raises(LimitError, match="1,000,000"):
        marpack.open_archive(archive.path, limits=Limits(size=1_000_000)).refuse()
    with pytest.raises(ValueError, match="members must be a whole number"):
        Limits(members=-1)


def test_what_a_reader_of_a_tar_leaves_to_garbage_does_not_block(tmp_path: Path) -> None:
    plan = marpack.plan_archive(
        model_name="m", handler="base_handler", extra_files={"a": b"a" * 9, "b": b"b"}, archive_format="tgz"
    )
    marpack.write_archive(plan, tmp_path / plan.file_name)
    with marpack.open_archive(tmp_path / plan.file_name) as archive:
        for _ in range(3):
            archive.open("a").read(4)
            assert archive.read("b") == b"b"
        reader = archive.open("a")
        assert reader.read1() == b"a" * 9


class CountedHeaders(io.BytesIO):
    """A zip that counts how often each local header, by its place, is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.starts = [found.start() for found in re.finditer(b"PK\3\4", data)]
        self.counts: Counter[int] = Counter()

    def read(self, size: int | None = -1, /) -> bytes:
        at = self.tell()
        data = super().read(size)
        self.counts.update([at] if at in self.starts and 4 <= len(data) < 200 else [])
        return data


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_local_header_is_read_once(method: int, tmp_path: Path) -> None:
    file = CountedHeaders(
        zipped({NAME: TEXT.encode()} | {f"f{number}": b"x" * 100 for number in range(11)}, method)
    )
    with marpack.open_archive(file) as archive:
        archive.extract(tmp_path / "out")
        assert len(file.starts) == 12
        assert file.counts == dict.fromkeys(file.starts, 1)
        assert archive.verify() == ()
        assert archive.read("f3") == b"x" * 100
        assert file.counts == dict.fromkeys(file.starts, 1)


def test_equal_members_are_equal_wherever_they_lie(tmp_path: Path) -> None:
    """A copy of a member opens it, too: what ties it to its record is its place."""
    twice = hostile.zipped(hostile.Member("a", b"x"), hostile.Member("a", b"x"))
    for data in (twice, tarred([("m/a", b"x"), ("m/b", b"y")])):
        path = tmp_path / ("m.mar" if data is twice else "m.tar.gz")
        path.write_bytes(data)
        with marpack.open_archive(path) as archive:
            assert [member.index for member in archive.members] == list(range(len(archive.members)))
            for member in archive.members:
                with archive.open(replace(member)) as reader:
                    assert reader.read()
            assert replace(archive.members[0], index=9) == archive.members[0]
