"""Folders that a handler has left are removed, whatever is in them, and nothing else is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.running.removal import remove_folder

if TYPE_CHECKING:
    from pathlib import Path

# More than Python may call, and more bytes of a path than the system takes.
DEPTH = 1_100


def test_a_deep_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    place = os.open(folder, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("deep", dir_fd=place)
        below = os.open("deep", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    assert remove_folder(str(folder))
    assert not folder.exists()


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "below").mkdir(parents=True)
    folder = tmp_path / "folder"
    (folder / "one" / "two").mkdir(parents=True)
    for number, place in enumerate([folder, folder / "one", folder / "one" / "two"]):
        (place / "link").symlink_to(kept, target_is_directory=True)
        (place / "file").write_text(str(number))
    os.mkfifo(folder / "one" / "fifo")
    for place in (folder / "one" / "two", folder / "one", folder):
        place.chmod(0)
    assert remove_folder(str(folder))
    assert not folder.exists()
    link = tmp_path / "link"
    link.symlink_to(kept, target_is_directory=True)
    assert not remove_folder(str(link))
    assert [*kept.iterdir()] == [kept / "below"]
    assert remove_folder(str(tmp_path / "nowhere"))
