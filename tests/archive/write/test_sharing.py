"""Blocks are shared with the sources where a file system can, and copied, to the same bytes, where it cannot."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import zipfile
import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack.archive import sources
from marpack.archive.region import OpenFile, Region
from marpack.archive.sources import PlannedFile, Reader, StoredSource
from marpack.archive.write import file_copy, sinks
from marpack.archive.write.file_hasher import FileHasher
from marpack.disk import range_copy
from marpack.disk.clone import clone_range
from tests.support.sharing import used

if TYPE_CHECKING:
    from marpack.typing import ArchiveFormat

MIB = 1 << 20
T = 1_600_000_000
SIZE = 20 * MIB + 4097  # copied by several threads; the last block is not whole, and shared by nobody

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sharing")]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something is left to be summed when progress is told of first."""
    monkeypatch.setattr(range_copy, "PART_SIZE", 4 * MIB)


@pytest.fixture(scope="module")
def noise() -> bytes:
    return random.Random(0).randbytes(SIZE)


@pytest.fixture
def weights(sharing_folder: Path, noise: bytes) -> Path:
    path = sharing_folder / "weights.pt"
    path.write_bytes(noise)
    os.utime(path, (T, T))  # whoever writes to it later writes at another time, however coarse the disk's clock is
    return path


def planned(weights: Path | dict[str, Lying], form: ArchiveFormat) -> marpack.ArchivePlan:
    return marpack.plan_archive(
        model_name="m", handler="base_handler", serialized_file=weights, archive_format=form, timestamp=0
    )


def contents_of(path: Path) -> dict[str, bytes]:
    """Return what an archive holds, and what it is."""
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return {"": path.read_bytes()}


@pytest.mark.parametrize("form", ["auto", "no-archive"])
def test_packing_takes_no_room(
    weights: Path, tmp_path: Path, form: ArchiveFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(weights, form)
    before = used(weights.parent)
    shared = weights.parent / plan.file_name
    result = marpack.write_archive(plan, shared, digest=True)
    assert used(weights.parent) - before < MIB
    # Elsewhere they are copied, which changes nothing else.
    copied = marpack.write_archive(plan, tmp_path / plan.file_name, digest=True)
    assert contents_of(shared) == contents_of(tmp_path / plan.file_name)
    assert (result.members, result.sha256) == (copied.members, copied.sha256)
    [member] = [member for member in result.members if member.name == weights.name]
    noise = weights.read_bytes()
    assert (member.crc32, member.sha256) == (zlib.crc32(noise), hashlib.sha256(noise).hexdigest())
    if form == "auto":
        assert result.sha256 == hashlib.sha256(shared.read_bytes()).hexdigest()
    # What says so can say otherwise.
    monkeypatch.setattr(range_copy, "clone_range", lambda *_: 0)
    marpack.write_archive(plan, shared, force=True)
    assert used(weights.parent) - before > SIZE - MIB


def test_a_form_whose_bytes_lie_where_they_come_is_copied(weights: Path) -> None:
    plan = planned(weights, "zip-store")
    before = used(weights.parent)
    marpack.write_archive(plan, weights.with_name(plan.file_name))
    assert used(weights.parent) - before > SIZE - MIB


@pytest.mark.parametrize("form", ["auto", "no-archive"])
@pytest.mark.parametrize("digest", [False, True])
def test_a_source_that_changes_once_it_is_shared(weights: Path, form: ArchiveFormat, digest: bool) -> None:
    """The sums are of the source, and what is shared is what it was."""

    def progress(_count: int) -> None:
        with weights.open("r+b") as file:
            file.seek(SIZE - 10)
            file.write(b"other")

    plan = planned(weights, form)
    with pytest.raises(marpack.SourceChangedError, match="has changed since"):
        marpack.write_archive(plan, weights.with_name("m.mar"), digest=digest, progress=progress)
    assert os.listdir(weights.parent) == [weights.name]


def test_a_source_that_changes_before_it_is_hashed(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum of the whole archive is of the source too, and may come last."""
    plan = planned(weights, "auto")
    is_changed = threading.Event()
    counts: list[int] = []

    class Late(FileHasher):
        def _follow(self) -> None:
            is_changed.wait()
            super()._follow()

    def progress(count: int) -> None:
        counts.append(count)
        if sum(counts) == plan.size:  # with the manifest, once all else of the weights has been read
            with weights.open("r+b") as file:
                file.write(b"other")
            is_changed.set()

    monkeypatch.setattr(sinks, "FileHasher", Late)
    with pytest.raises(marpack.SourceChangedError, match="has changed since"):
        marpack.write_archive(plan, weights.with_name("m.mar"), digest=True, progress=progress)
    assert os.listdir(weights.parent) == [weights.name]


@pytest.mark.parametrize("form", ["auto", "no-archive"])
def test_a_source_whose_time_is_put_back(
    weights: Path, noise: bytes, form: ArchiveFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive is what was shared: the sums are of that."""
    status = weights.stat()
    # The thread that hashes would refuse a source that has been written to and not got its time back yet.
    turn = threading.Lock()

    class Between(PlannedFile):
        def require_unchanged(self) -> None:
            with turn:
                super().require_unchanged()

    monkeypatch.setattr(sources, "PlannedFile", Between)

    def progress(_count: int) -> None:
        with turn:
            with weights.open("r+b") as file:
                file.seek(SIZE // 2)
                file.write(b"other")
                file.seek(SIZE - 4097)
                file.write(b"other")
            os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))

    plan = planned(weights, form)
    result = marpack.write_archive(
        plan, weights.with_name(plan.file_name), digest=True, progress=progress, threads=1
    )
    [member] = [member for member in result.members if member.name == weights.name]
    with marpack.open_archive(result.path) as archive:
        data = archive.read(weights.name)
    assert data[: SIZE - 4097] == noise[: SIZE - 4097]
    assert (member.crc32, member.sha256) == (zlib.crc32(data), hashlib.sha256(data).hexdigest())
    assert weights.read_bytes() != noise


def test_what_is_changed_later_changes_one_file(weights: Path, noise: bytes) -> None:
    plan = planned(weights, "auto")
    path = weights.with_name("m.mar")
    marpack.write_archive(plan, path)
    with weights.open("r+b") as file:
        file.write(bytes(MIB))
    with zipfile.ZipFile(path) as archive:
        assert archive.read(weights.name) == noise


def test_holes_stay_holes(weights: Path) -> None:
    with weights.open("r+b") as file:
        file.truncate(0)
        file.seek(10 * MIB)
        file.write(b"x" * 4096)
        file.truncate(SIZE)
    plan = planned(weights, "auto")
    path = weights.with_name("m.mar")
    marpack.write_archive(plan, path)
    assert path.stat().st_blocks * 512 < 2 * MIB
    with zipfile.ZipFile(path) as archive:
        assert archive.read(weights.name) == weights.read_bytes()


@dataclass(frozen=True, kw_only=True, slots=True)
class Lying(StoredSource):
    """The bytes of an open file from ``start`` on."""

    file: int
    start: int
    size: int
    crc32: int

    def region(self) -> AbstractContextManager[Region]:
        file = OpenFile.of("", self.file)
        assert file is not None
        return nullcontext(Region(file=file, offset=self.start))

    def open(self) -> Reader:
        raise AssertionError("what lies in a file is taken as it lies there")


def stored(file: Path, descriptor: int, start: int, **changes: int) -> dict[str, Lying]:
    data = file.read_bytes()[start:]
    values = {"size": len(data), "crc32": zlib.crc32(data), **changes}
    return {"weights.pt": Lying(file=descriptor, start=start, **values)}


@pytest.mark.parametrize("start", [0, 4096, 4097])
def test_what_lies_in_a_file_is_shared_and_not_summed(weights: Path, noise: bytes, start: int) -> None:
    with weights.open("rb") as file:
        plan = planned(stored(weights, file.fileno(), start), "auto")
        before = used(weights.parent)
        counts: list[int] = []
        path = weights.with_name("m.mar")
        result = marpack.write_archive(plan, path, digest=True, progress=counts.append)
        assert (used(weights.parent) - before < MIB) == (start != 4097)
    assert sum(counts) == plan.size
    with zipfile.ZipFile(path) as archive:
        assert archive.read("weights.pt") == noise[start:]
    assert result.members[0].sha256 == hashlib.sha256(noise[start:]).hexdigest()
    assert result.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_crc_that_is_known_is_not_taken_again(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_copy, "crc32", None)
    for folder in (weights.parent, tmp_path):
        with weights.open("rb") as file:
            plan = planned(stored(weights, file.fileno(), 0, crc32=123), "auto")
            marpack.write_archive(plan, folder / "m.mar")
        with marpack.open_archive(folder / "m.mar") as archive:
            assert [issue.code for issue in archive.verify()] == ["crc"]


def test_a_file_that_is_cut_short_under_a_source(weights: Path) -> None:
    with weights.open("rb") as file:
        plan = planned(stored(weights, file.fileno(), 9), "auto")
        os.truncate(weights, SIZE - 2 * MIB)
        with pytest.raises(
            marpack.SourceChangedError, match=f"ended {2 * MIB} bytes before the planned {SIZE - 9}"
        ):
            marpack.write_archive(plan, weights.with_name("m.mar"))
    assert os.listdir(weights.parent) == [weights.name]


def test_what_is_not_shared(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        weights.open("rb") as source,
        (weights.parent / "target").open("w+b") as target,
        (tmp_path / "target").open("w+b") as elsewhere,
    ):
        files = source.fileno(), target.fileno()
        assert clone_range(files[0], 0, files[1], 4096, 8191) == 4096
        assert clone_range(files[0], 4096, files[1], 0, 8192) == 8192
        target.seek(0)
        assert target.read() == weights.read_bytes()[4096 : 3 * 4096]
        assert clone_range(files[0], 0, files[1], 0, 4095) == 0
        assert clone_range(files[0], SIZE - 4097, files[1], 8192, 4097) == 4097  # both end there
        assert clone_range(files[0], 1, files[1], 4096, 8192) == 0
        assert clone_range(files[0], 4096, files[1], 1, 8192) == 0
        assert clone_range(files[0], 0, files[1], 0, SIZE + 4096) == 0  # it is shorter
        assert clone_range(files[0], 0, elsewhere.fileno(), 0, 8192) == 0
        assert clone_range(elsewhere.fileno(), 0, elsewhere.fileno(), 4096, 8192) == 0
        monkeypatch.setattr("sys.platform", "darwin")
        assert clone_range(files[0], 0, files[1], 0, 8192) == 0
