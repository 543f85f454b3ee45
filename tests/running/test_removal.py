"""Folders that a handler has left are removed, whatever is in them, and nothing else is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from marpack.running.removal import remove_folder
from tests.conftest import require

if TYPE_CHECKING:
    from collections.abc import Iterator

# More than Python may call, and more bytes of a path than the system takes.
DEPTH = 1_100
# Nobody's, by convention.
_NOBODY = 65_534


@pytest.fixture
def place(temporary: Path) -> Iterator[Path]:
    """Give a folder, and for the test the rights of nobody: to root, no rights can be taken away."""
    with tempfile.TemporaryDirectory(dir=temporary) as made:
        if os.geteuid() != 0:
            yield Path(made)
            return
        for folder in (made, temporary):
            os.chown(folder, _NOBODY, -1)
        os.seteuid(_NOBODY)
        try:
            yield Path(made)
        finally:
            os.seteuid(0)


def test_a_deep_folder(place: Path) -> None:
    folder = place / "folder"
    folder.mkdir()
    top = os.open(folder, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("deep", dir_fd=top)
        below = os.open("deep", os.O_RDONLY, dir_fd=top)
        os.close(top)
        top = below
    os.close(top)
    assert remove_folder(str(folder))
    assert not folder.exists()


def test_what_links_lead_to_stays(place: Path) -> None:
    kept = place / "kept"
    (kept / "below").mkdir(parents=True)
    folder = place / "folder"
    (folder / "one" / "two").mkdir(parents=True)
    for number, each in enumerate([folder, folder / "one", folder / "one" / "two"]):
        (each / "link").symlink_to(kept, target_is_directory=True)
        (each / "file").write_text(str(number))
    os.mkfifo(folder / "one" / "fifo")
    assert remove_folder(str(folder))
    assert not folder.exists()
    kept.chmod(0o755)
    link = place / "link"
    link.symlink_to(kept, target_is_directory=True)
    assert not remove_folder(str(link))
    assert [*kept.iterdir()] == [kept / "below"]
    assert kept.stat().st_mode & 0o777 == 0o755
    assert remove_folder(str(place / "nowhere"))


def test_rights_that_were_taken_away(place: Path) -> None:
    folder = place / "folder"
    (folder / "one" / "two").mkdir(parents=True)
    for each in (folder / "one" / "two", folder / "one", folder):
        (each / "file").write_text("")
        each.chmod(0)
    with pytest.raises(PermissionError):
        os.listdir(folder)
    assert remove_folder(str(folder))
    assert not folder.exists()


def test_what_cannot_be_removed_keeps_nothing_else(place: Path) -> None:
    """As another's files in another's folders: the rest goes, and it is said that something is left."""
    require(os.getuid() == 0, "root, who makes files that are another's")
    folder = place / "folder"
    for name in ("a", "b", "c"):
        for each in ("below", "own"):
            (folder / name / each).mkdir(parents=True)
            (folder / name / each / "file").write_text("")
        for number in range(8):
            (folder / name / f"file-{number}").write_text("")
    (folder / "closed").mkdir(mode=0o700)
    (folder / "closed" / "file").write_text("")
    kept = [folder / "closed", *(folder / name / "below" for name in ("a", "b", "c"))]
    os.seteuid(0)
    for each_kept in kept:
        os.chown(each_kept, 0, 0)
    os.seteuid(_NOBODY)
    assert not remove_folder(str(folder))
    os.seteuid(0)
    assert {*folder.rglob("file*")} == {each_kept / "file" for each_kept in kept}
    assert {*folder.iterdir()} == {folder / name for name in ("a", "b", "c", "closed")}
