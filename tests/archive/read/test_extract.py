"""Members that several threads unpack, and that share the archive's blocks where the disk lets them."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import ArchiveError
from marpack.archive.read.archive import Archive, container_of
from marpack.disk.range_copy import PART_SIZE
from tests.support import hostile
from tests.support.archives import MANIFEST
from tests.support.sharing import used

NOISE = random.Random(0).randbytes(1 << 20)
# Stored in two parts, and of no whole number of blocks; stored in one; deflated alone; together one task.
FILES = {
    "a/weights.pt": NOISE * (PART_SIZE // len(NOISE)) + NOISE[:5001],
    "b.pt": NOISE * 5,
    "c.txt": NOISE[:70_000] * 70,
    **{f"d/{number}.txt": b"%d\n" % number for number in range(40)},
    "e.pt": NOISE * 4 + b"odd",
}


FILES_SIZE = sum(map(len, FILES.values()))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("archive"))


def packed(folder: Path, **changes: Any) -> Path:
    arguments = {"model_name": "m", "handler": "base_handler", "extra_files": FILES, "archive_format": "auto"}
    plan = marpack.plan_archive(**arguments | changes)
    return Path(marpack.write_archive(plan, folder / plan.file_name).path)


def tree(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != MANIFEST}


def place_of(archive: Archive, name: str) -> int:
    with container_of(archive).region(archive[name]) as region:
        assert region
        return region.offset


def change(path: Path, place: int) -> None:
    """Change a byte where it stands."""
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(threads: int, archive: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with marpack.open_archive(archive) as opened:
        names = opened.extract(
            tmp_path / "out", threads=threads, progress=lambda count: told.append((threading.get_ident(), count))
        )
        assert names == tuple(member.name for member in opened.members)
        assert sum(count for _, count in told) == sum(member.size for member in opened.members)
    assert {thread for thread, _ in told} == {threading.get_ident()}
    assert tree(tmp_path / "out") == FILES


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("first", ["a/weights.pt", "c.txt", "d/7.txt", "e.pt"])
def test_the_first_of_all_damages_is_told(first: str, threads: int, archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    path.write_bytes(archive.read_bytes())
    with marpack.open_archive(path) as opened:
        names = [member.name for member in opened.members]
        for name in names[names.index(first) : -1]:
            change(path, place_of(opened, name) + opened[name].compressed_size - 1)
    with marpack.open_archive(path) as opened:
        with pytest.raises(ArchiveError) as caught:
            opened.extract(tmp_path / "out", threads=threads)
        assert caught.value.member == first
    assert os.listdir(tmp_path) == ["m.mar"]


@pytest.mark.parametrize("threads", [1, 3])
def test_what_the_disk_refuses_has_its_turn(threads: int, tmp_path: Path) -> None:
    """A folder is made before members that lie before it have been read."""
    damaged = hostile.Member("a", NOISE + b"odd", local={"crc": 1}, central={"crc": 1})
    long = hostile.Member("/".join(["b" * 254] * 16 + ["c"]), b"x")
    for members, error in (((damaged, long), ArchiveError), ((long, damaged), OSError)):
        path = tmp_path / "m.mar"
        path.write_bytes(hostile.zipped(*members))
        with marpack.open_archive(path) as opened, pytest.raises(error, match=r"'a'|name too long"):
            opened.extract(tmp_path / "out", threads=threads)
        assert os.listdir(tmp_path) == ["m.mar"]


@pytest.mark.parametrize("threads", [0, -1])
def test_less_than_one_thread_is_refused(threads: int, archive: Path, tmp_path: Path) -> None:
    with marpack.open_archive(archive) as opened, pytest.raises(ValueError, match="whole number from 1 on"):
        opened.extract(tmp_path / "out", threads=threads)


def once(do: Callable[[], object]) -> Callable[[int], None]:
    """Return a function to be told of progress that does something the first time."""
    waiting = [do]

    def tell(_: int) -> None:
        if waiting:
            waiting.pop()()

    return tell


def test_an_archive_that_is_cut_off_meanwhile(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    path.write_bytes(archive.read_bytes())
    with marpack.open_archive(path) as opened:
        end = place_of(opened, "a/weights.pt") + PART_SIZE
        with pytest.raises(ArchiveError, match=f"has {PART_SIZE:,} bytes, not the") as caught:
            opened.extract(tmp_path / "out", threads=1, progress=once(lambda: os.truncate(path, end)))
    assert caught.value.code == "size-lies"
    assert os.listdir(tmp_path) == ["m.mar"]


# --------------------------------------------------------------------------------------------- blocks are shared


# What is deflated, and what is small, is not.
COPIED = sum(len(data) for name, data in FILES.items() if name.endswith(".txt"))


@pytest.mark.parametrize("form", ["auto", "no-archive"])
def test_blocks_are_shared(form: Any, sharing_folder: Path) -> None:
    path = packed(sharing_folder, archive_format=form)
    before = used(sharing_folder)
    with marpack.open_archive(path) as opened:
        opened.extract(sharing_folder / "out")
    assert used(sharing_folder) - before < COPIED + (1 << 20)
    assert tree(sharing_folder / "out") == FILES


def test_damage_of_what_is_shared_leaves_nothing(sharing_folder: Path) -> None:
    path = packed(sharing_folder)
    with marpack.open_archive(path) as opened:
        change(path, place_of(opened, "e.pt"))
        with pytest.raises(ArchiveError, match="CRC") as caught:
            opened.extract(sharing_folder / "out")
    assert caught.value.member == "e.pt"
    assert os.listdir(sharing_folder) == [path.name]


def test_what_is_written_meanwhile_is_not_what_is_summed(sharing_folder: Path) -> None:
    """Shared is what the archive was at one moment; what it is later says nothing of that."""
    path = packed(sharing_folder)
    with marpack.open_archive(path) as opened:
        place = place_of(opened, "a/weights.pt") + PART_SIZE + 1
        spoil = once(lambda: change(path, place))
        opened.extract(sharing_folder / "whole", ["a"], threads=1, progress=spoil)
        assert tree(sharing_folder / "whole") == {"a/weights.pt": FILES["a/weights.pt"]}
        mend = once(lambda: change(path, place))
        with pytest.raises(ArchiveError, match="CRC"):
            opened.extract(sharing_folder / "spoilt", ["a"], threads=1, progress=mend)
        opened.extract(sharing_folder / "mended", ["a"])
    assert sorted(os.listdir(sharing_folder)) == sorted([path.name, "mended", "whole"])


def test_holes(sharing_folder: Path) -> None:
    """An archive of zeros that is nowhere on the disk."""
    path = packed(sharing_folder, extra_files={"a/zeros.pt": bytes(FILES_SIZE)})
    subprocess.run(["fallocate", "--dig-holes", path], check=True)
    before = used(sharing_folder)
    with marpack.open_archive(path) as opened:
        opened.extract(sharing_folder / "out")
        assert opened.verify() == ()
    assert used(sharing_folder) - before < 1 << 20
    assert tree(sharing_folder / "out") == {"a/zeros.pt": bytes(FILES_SIZE)}
