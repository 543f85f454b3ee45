"""What an archive is repacked from: damaged, written to, replaced meanwhile, read once, copied by the kernel."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ArchiveError, SourceChangedError, open_archive
from marpack.archive.plan.repack import plan_repack
from marpack.archive.read.archive import container_of
from marpack.disk import range_copy
from tests.support.repacked import HANDLER, LARGE_NOISE, NOISE, SUFFIXES, TEXT, contents, packed
from tests.support.sharing import used

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marpack.archive.forms import ArchiveFormat

MANIFEST_TEXT = json.dumps({"model": {"modelName": "m", "handler": "base_handler", "serializedFile": "w.pt"}})


def damaged(path: Path, name: str) -> None:
    """Change a byte in the middle of a member."""
    with open_archive(path) as archive, container_of(archive).region(archive[name]) as region:
        assert region
        place = region.offset + archive[name].compressed_size // 2
    data = bytearray(path.read_bytes())
    data[place] ^= 0x55
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["words/all.txt", "weights.pt"])  # deflated, stored
def test_damage_is_carried_on_with_the_crc_that_shows_it(name: str, tmp_path: Path) -> None:
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    damaged(path, name)
    new = tmp_path / "new.mar"
    with open_archive(path) as archive:
        with pytest.raises(ArchiveError):
            marpack.write_archive(plan_repack(archive, version="2", verify=True), new)
        assert not new.exists()
        marpack.write_archive(plan_repack(archive, version="2"), new)
        before = archive[name]
    with open_archive(new) as archive:
        assert archive[name].crc32 == before.crc32
        assert [issue.argument for issue in archive.verify()] == [name]


@pytest.mark.parametrize("form", ["tgz", "no-archive", "default"])
def test_damage_is_found_where_nothing_would_show_it_any_more(form: ArchiveFormat, tmp_path: Path) -> None:
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    damaged(path, "weights.pt")
    with open_archive(path) as archive:
        plan = plan_repack(archive, version="2", archive_format=form)
        with pytest.raises(ArchiveError) as caught:
            marpack.write_archive(plan, tmp_path / f"new{SUFFIXES.get(form, '.mar')}")
    assert caught.value.code == "crc"
    assert os.listdir(tmp_path) == [path.name]


def overwritten(path: Path) -> None:
    """Have the same bytes written once more, later by the clock by which disks say when."""
    before = path.stat().st_mtime_ns
    while path.stat().st_mtime_ns == before:
        path.write_bytes(path.read_bytes())


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("member", ["weights.pt", "words/all.txt"])  # stored, deflated
@pytest.mark.parametrize("change", [overwritten, cut_off])
def test_an_archive_that_is_written_to_is_not_carried_on(
    change: Callable[[Path], None], member: str, tmp_path: Path
) -> None:
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    with open_archive(path) as archive:
        put = {each.name: b"" for each in archive.members[:-1] if each.name != member}
        plan = plan_repack(archive, version="2", put=put)
        change(path)
        with pytest.raises(SourceChangedError, match=re.escape(str(path))):
            marpack.write_archive(plan, tmp_path / "new.mar")
    assert os.listdir(tmp_path) == [path.name]


def test_an_archive_that_is_replaced_is_carried_on_as_it_was(tmp_path: Path) -> None:
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    before = contents(path)
    with open_archive(path) as archive:
        plan = plan_repack(archive)
        other = packed(tmp_path, "zip-store", weights=b"other", force=True)
        assert other == path
        marpack.write_archive(plan, tmp_path / "new.mar")
    assert contents(tmp_path / "new.mar") == before


def test_an_archive_that_is_closed(tmp_path: Path) -> None:
    """Its descriptor may be another file's by then."""
    with open_archive(packed(tmp_path, "auto", weights=LARGE_NOISE)) as archive:
        plan = plan_repack(archive, version="2", put={"handler.py": b""}, drop=["words"])
    with pytest.raises(ValueError, match="closed"):
        marpack.write_archive(plan, tmp_path / "new.mar")


def place_of(path: Path, name: str) -> int:
    with open_archive(path) as archive, container_of(archive).region(archive[name]) as region:
        assert region
        return region.offset


@pytest.mark.parametrize("source", ["path", "file", "memory"])
def test_stored_members_begin_at_a_block_from_then_on(source: str, tmp_path: Path) -> None:
    """An archive of ``auto`` that is of before, or of another tool."""
    path = tmp_path / "m.mar"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("w.pt", LARGE_NOISE)
        made.writestr("MAR-INF/MANIFEST.json", MANIFEST_TEXT, zipfile.ZIP_DEFLATED)
    with path.open("rb") as file:
        sources: dict[str, Any] = {"path": path, "file": file, "memory": io.BytesIO(path.read_bytes())}
        marpack.write_archive(plan_repack(sources[source]), tmp_path / "new.mar", threads=2)
    assert place_of(path, "w.pt") % 4096
    assert place_of(tmp_path / "new.mar", "w.pt") % 4096 == 0
    assert contents(tmp_path / "new.mar") == contents(path)


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="a system whose kernel copies nothing")
@pytest.mark.parametrize("most", [0, 300_001])
def test_the_kernel_copies_as_far_as_it_can(most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system may copy less than is asked for, nothing, or not at all."""
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    copy = os.copy_file_range
    copied: list[int] = []

    def copy_file_range(source: int, target: int, count: int, *offsets: int) -> int:
        if len(copied) == 2:
            raise OSError(errno.EXDEV, "not between these")
        copied.append(copy(source, target, min(count, most), *offsets) if most else 0)
        return copied[-1]

    monkeypatch.setattr(os, "copy_file_range", copy_file_range)
    monkeypatch.setattr(range_copy, "clone_range", lambda *_: 0)
    marpack.write_archive(plan_repack(path), tmp_path / "new.mar")
    assert sum(copied) == 2 * most
    assert (tmp_path / "new.mar").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("verify", [False, True])
def test_blocks_are_shared(verify: bool, sharing_folder: Path) -> None:
    weights = NOISE * 100 + b"odd"
    path = packed(sharing_folder, "auto", weights=weights)
    before = used(sharing_folder)
    with open_archive(path) as archive:
        plan = plan_repack(archive, version="2", drop=["words/few.txt"], verify=verify)
        result = marpack.write_archive(plan, sharing_folder / "new.mar", digest=True)
    assert used(sharing_folder) - before < 1 << 20
    data = (sharing_folder / "new.mar").read_bytes()
    assert data == b"".join(marpack.iter_archive(plan_repack(sharing_folder / "new.mar")))
    assert result.sha256 == hashlib.sha256(data).hexdigest()
    sums = {member.name: member.sha256 for member in result.members}
    assert sums["weights.pt"] == hashlib.sha256(weights).hexdigest()
    assert contents(sharing_folder / "new.mar")["weights.pt"] == weights


def test_a_tar_is_read_once_by_all_threads(tmp_path: Path) -> None:
    """Each thread that deflates ahead would begin the tar anew."""
    files = {f"{number}.txt": TEXT for number in range(6)}
    plan = marpack.plan_archive(model_name="m", handler={"h.py": HANDLER}, extra_files=files, archive_format="tgz")
    marpack.write_archive(plan, tmp_path / plan.file_name)

    class Counting:
        def __init__(self, data: bytes) -> None:
            self._file = io.BytesIO(data)
            self.count = 0

        def read(self, size: int, /) -> bytes:
            self.count += 1
            return self._file.read(size)

        def seek(self, offset: int, whence: int = 0, /) -> int:
            return self._file.seek(offset, whence)

        def tell(self) -> int:
            return self._file.tell()

    source = Counting((tmp_path / plan.file_name).read_bytes())
    with open_archive(source) as archive:
        indexing = source.count
        marpack.write_archive(plan_repack(archive, archive_format="default"), tmp_path / "m.mar", threads=4)
    assert source.count - indexing < 2 * indexing + 10
    assert contents(tmp_path / "m.mar").keys() == files.keys() | {"h.py", "MAR-INF/MANIFEST.json"}
