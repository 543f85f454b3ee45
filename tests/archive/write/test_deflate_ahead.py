"""Several large members at once: what one thread would make, whatever happens to one of them."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import marpack
from marpack.archive.sources import CHUNK_SIZE
from marpack.archive.write.zip_stream import HELD_SIZE
from tests.conftest import full_disk
from tests.support.processes import WAIT_SECONDS

COUNT = 5

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    before = set(threading.enumerate())  # those of other tests' servers, which may end meanwhile, among them
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture
def plan(tmp_path: Path) -> marpack.ArchivePlan:
    """Large members with small ones between them, and one that is as large as may be held."""
    noise = random.Random(0)
    files = {f"{number}-large.txt": noise.randbytes(2_000_000) + bytes(1_000_000) for number in range(COUNT)}
    files |= {f"{number}-small.txt": noise.randbytes(1000) for number in range(COUNT)}
    files["held"] = bytes(HELD_SIZE)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return marpack.plan_archive(
        model_name="m", handler="base_handler", extra_files={name: tmp_path / name for name in files}, timestamp=0
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("digest", [False, True])
@pytest.mark.parametrize("threads", [2, 3, 50])
def test_the_same_bytes(plan: marpack.ArchivePlan, store: Path, threads: int, digest: bool) -> None:
    alone = marpack.write_archive(plan, store / "alone.mar", threads=1, digest=digest)
    result = marpack.write_archive(plan, store / "m.mar", threads=threads, digest=digest)
    assert Path(result.path).read_bytes() == Path(alone.path).read_bytes()
    assert (result.members, result.sha256) == (alone.members, alone.sha256)


def test_no_file_has_a_name_before_the_archive_is_complete(plan: marpack.ArchivePlan, store: Path) -> None:
    seen: set[str] = set()
    counts: list[int] = []

    def look(count: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        counts.append(count)
        seen.update(os.listdir(store))

    marpack.write_archive(plan, store / "m.mar", threads=3, progress=look)
    assert seen == set()
    assert sum(counts) == plan.size


def shrink(path: Path) -> None:
    os.truncate(path, 10)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize("number", range(COUNT))
@pytest.mark.parametrize("change", [shrink, grow])
def test_one_that_changes(
    plan: marpack.ArchivePlan, tmp_path: Path, store: Path, change: Callable[[Path], None], number: int
) -> None:
    change(tmp_path / f"{number}-large.txt")
    with pytest.raises(marpack.SourceChangedError, match=f"{number}-large"):
        marpack.write_archive(plan, store / "m.mar", threads=3)
    assert os.listdir(store) == []


@pytest.mark.parametrize("failure", [KeyboardInterrupt, LookupError])
@pytest.mark.parametrize("after", [1, 10, 25])
def test_giving_up(plan: marpack.ArchivePlan, store: Path, failure: type[BaseException], after: int) -> None:
    counts = iter(range(1000))

    def progress(_count: int) -> None:
        if next(counts) == after:
            raise failure

    with pytest.raises(failure):
        marpack.write_archive(plan, store / "m.mar", threads=3, progress=progress)
    assert os.listdir(store) == []


def test_giving_up_leaves_the_rest_unread(store: Path, given_up: threading.Event) -> None:
    class Counted:
        size = 10_000_000
        read = 0

        def open(self) -> io.BytesIO:
            outer = self

            class Reader(io.BytesIO):
                def read(self, size: int | None = -1, /) -> bytes:
                    outer.read += 1
                    assert outer.read == 1 or given_up.wait(WAIT_SECONDS)
                    return super().read(size)

            return Reader(bytes(self.size))

    sources = {name: Counted() for name in "abc"}
    plan = marpack.plan_archive(model_name="m", handler="base_handler", extra_files=sources)

    def progress(_count: int) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        marpack.write_archive(plan, store / "m.mar", threads=3, progress=progress)
    assert max(source.read for source in sources.values()) < Counted.size // CHUNK_SIZE


def test_a_disk_that_fills(plan: marpack.ArchivePlan, store: Path) -> None:
    with full_disk(1_500_000), pytest.raises(OSError, match="too large"):
        marpack.write_archive(plan, store / "m.mar", threads=3)
    assert os.listdir(store) == []


@pytest.mark.parametrize(("files", "threads"), [("ab", 1), ("a", 4)])
def test_one_thread_or_one_large_member_needs_none_of_it(tmp_path: Path, files: str, threads: int) -> None:
    code = (
        "import sys, marpack\n"
        f"files = dict.fromkeys({files!r}, bytes(2 << 20))\n"
        f"marpack.pack(model_name='m', handler='base_handler', extra_files=files, threads={threads})\n"
        "print('concurrent.futures' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_large_members_of_a_tgz_beside_large_new_ones(tmp_path: Path, store: Path) -> None:
    """Those of the tgz are read one after another, and are not taken for those that are deflated ahead."""
    noise = random.Random(0)
    files = {f"{number}.bin": noise.randbytes(2_000_000) for number in range(4)}
    old = marpack.pack(
        model_name="m",
        handler="base_handler",
        extra_files={name: files[name] for name in ("0.bin", "2.bin")},
        archive_format="tgz",
        export_path=tmp_path,
    )
    with marpack.open_archive(old.path) as archive:
        added = {name: files[name] for name in ("1.bin", "3.bin")}
        plan = marpack.plan_repack(archive, put=added, archive_format="default")
        result = marpack.write_archive(plan, store / "m.mar", threads=3)
    with marpack.open_archive(result.path) as archive:
        assert {name: archive.read(name) for name in files} == files
