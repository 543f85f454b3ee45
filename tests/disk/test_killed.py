"""Packers that are killed: what was there stays whole, and nothing is left of a file that was not complete."""

from __future__ import annotations

import errno
import os
import random
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from marpack.disk import atomic, new_file
from marpack.disk.atomic import replacing_file, replacing_files
from marpack.errors import ArchiveExistsError
from tests.support.killed import killed_at

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")]

# Forks of one process, since Python takes longer to start than to pack. They are killed at moments that are spread
# over the time that packing takes; every other one has an archive to replace.
PACKERS = """
import os, random, signal, sys, time
from pathlib import Path
import marpack

weights, store, archive_format, count = sys.argv[1:]
moments = random.Random(16)

def pack(weights, name, force=False):
    plan = marpack.plan_archive(model_name="m", handler="base_handler", serialized_file=weights, timestamp=0,
                                archive_format=archive_format)
    marpack.write_archive(plan, os.path.join(store, name), force=force)

def contents(name):
    path = Path(store, name)
    if path.is_file():
        return path.read_bytes()
    return {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}

pack(None, "old")
pack(weights, "new")
old, new = contents("old"), contents("new")
started = time.monotonic()
for _ in range(3):
    pack(weights, "new", force=True)
duration = (time.monotonic() - started) / 3
killed = tried = 0
while killed < int(count):
    tried += 1
    name = ("old", "other")[killed % 2]
    copy = os.fork()
    if not copy:
        pack(weights, name, force=name == "old")
        os._exit(0)
    time.sleep(moments.uniform(0, duration))
    os.kill(copy, signal.SIGKILL)
    killed += os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == -signal.SIGKILL
    if name == "old":
        found = contents("old")
        assert found in (old, new)
        if found == new:
            pack(None, "old", force=True)
    elif os.path.lexists(os.path.join(store, name)):
        assert contents(name) == new
        os.rename(os.path.join(store, name), os.path.join(store, f"other-{tried}"))
"""


def killed_packers(tmp_path: Path, *, archive_format: str, size: int, count: int) -> list[Path]:
    """Kill so many packers; return what is left in the store but for what is complete."""
    weights, store = tmp_path / "w.pt", tmp_path / "store"
    weights.write_bytes(random.Random(0).randbytes(1 << 20) * (size >> 20))
    store.mkdir()
    command = [sys.executable, "-c", PACKERS, str(weights), str(store), archive_format, str(count)]
    subprocess.run(command, check=True)
    return [path for path in store.iterdir() if path.name.startswith(".")]


def test_nothing_is_left_of_packers_that_are_killed(tmp_path: Path) -> None:
    """But for the instant in which an archive takes the place of another: it has two names, and is complete.

    How many are killed in it hangs on how long a disk that others write to takes for the second name.
    """
    left = killed_packers(tmp_path, archive_format="auto", size=24 << 20, count=100)
    assert len(left) < 20
    assert all(path.read_bytes() == (tmp_path / "store" / "new").read_bytes() for path in left)


def test_of_a_folder_a_hidden_one_is_left(tmp_path: Path) -> None:
    left = killed_packers(tmp_path, archive_format="no-archive", size=4 << 20, count=12)
    assert all(path.is_dir() and new_file.is_temporary_name(path.name) for path in left)


def states_when_killed(folder: Path, *, old: bytes | None) -> list[dict[str, bytes]]:
    """Write a file, killed before each of its changes in turn; return what is there then, and at last unkilled."""
    path = folder / "m.mar"

    def write() -> None:
        with replacing_file(str(path), force=old is not None) as file:
            file.write(b"new")

    states: list[dict[str, bytes]] = []
    was_killed = True
    while was_killed:
        for each in folder.iterdir():
            each.unlink()
        if old is not None:
            path.write_bytes(old)
        was_killed = killed_at(len(states), write)
        states.append({each.name: each.read_bytes() for each in folder.iterdir()})
    return states


def test_killed_before_each_of_its_changes(tmp_path: Path) -> None:
    """It is made, opened and linked; then what is hidden elsewhere would be removed."""
    made = {"m.mar": b"new"}
    assert states_when_killed(tmp_path, old=None) == [{}, {}, {}, made, made]


def test_killed_before_each_of_its_changes_where_something_is_replaced(tmp_path: Path) -> None:
    """Its bits are changed too, a link in vain and a hidden one made, which takes the place of the old."""
    *killed, between, made, unkilled = states_when_killed(tmp_path, old=b"old")
    assert killed == [{"m.mar": b"old"}] * 5
    assert sorted(between.values()) == [b"new", b"old"]
    assert made == unkilled == {"m.mar": b"new"}


def has_no_such_files(file: str, flags: int, mode: int = 0o777, **how: Any) -> int:
    if flags & os.O_TMPFILE == os.O_TMPFILE:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), file)
    return os_open(file, flags, mode, **how)


os_open = os.open
ELSEWHERE: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "here": nullcontext,
    "without such files": lambda: patch.object(os, "open", has_no_such_files),
    "without /proc": lambda: patch.object(new_file, "_name_of", "/nowhere/{}".format),
    "without links": lambda: patch.object(os, "link", side_effect=PermissionError(1, "no hard links")),
}


@pytest.mark.parametrize("elsewhere", ELSEWHERE.values(), ids=ELSEWHERE)
def test_it_is_the_same_file_everywhere(
    tmp_path: Path, elsewhere: Callable[[], AbstractContextManager[Any]]
) -> None:
    """With the bits of any new file, of the one that it replaces, or its owner's alone."""
    (tmp_path / "any").touch()
    replaced = tmp_path / "replaced"
    replaced.touch()
    replaced.chmod(0o640)
    paths = {str(tmp_path / "new"): False, str(tmp_path / "private"): True, str(replaced): False}
    with elsewhere():
        with replacing_files(paths, force=True) as files:
            for file in files:
                file.write(b"x" * 1_000_000)
                file.seek(0)
                file.write(b"y")
        with (
            pytest.raises(ArchiveExistsError),
            patch.object(atomic, "require_replaceable_file"),  # somebody makes it after that has looked
            replacing_file(str(replaced), force=False) as file,
        ):
            file.write(b"z")
        with pytest.raises(KeyError), replacing_file(str(tmp_path / "other"), force=False):
            raise KeyError
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    assert modes == {"any": modes["any"], "new": modes["any"], "private": 0o600, "replaced": 0o640}
    for path in map(Path, paths):
        assert path.read_bytes() == b"y" + b"x" * 999_999
        assert path.stat().st_nlink == 1


def test_a_disk_without_room_for_the_name_says_so(tmp_path: Path) -> None:
    """And the file is not copied, which would take as much again."""
    with (
        patch.object(os, "link", side_effect=OSError(errno.ENOSPC, "full")),
        pytest.raises(OSError, match="full"),
        replacing_file(str(tmp_path / "m.mar"), force=False) as file,
    ):
        file.write(b"new")
    assert list(tmp_path.iterdir()) == []
