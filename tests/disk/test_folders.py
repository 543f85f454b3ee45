from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from marpack.disk.atomic import replacing_folder
from marpack.disk.folders import exchange_folders, remove_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_who_is_interrupted_removes_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, remove = tmp_path / "folder", shutil.rmtree
    folder.mkdir()
    (folder / "file").touch()
    interrupted: list[int] = []

    def interrupt(*where: Any, **how: Any) -> None:
        if not interrupted:
            interrupted.append(1)
            raise KeyboardInterrupt
        remove(*where, **how)

    monkeypatch.setattr(shutil, "rmtree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        remove_folder(str(folder))
    assert not folder.exists()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted there")
def test_who_has_no_descriptor_left_leaves_no_folder(tmp_path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    path = tmp_path / "folder"

    def fill(more: int, taken: ExitStack) -> None:
        highest = max(map(int, os.listdir("/proc/self/fd")))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + more, limits[1]))
        taken.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        with replacing_folder(str(path), force=False, marker="m") as building:
            os.makedirs(f"{building}/a/b")
            while True:
                taken.enter_context(open(os.devnull))  # noqa: SIM115 - it does

    for more in range(1, 16):
        with ExitStack() as taken, pytest.raises(OSError, match="Too many open files"):
            fill(more, taken)
        assert not os.listdir(tmp_path)


def test_folders_change_places_in_a_python_without_ctypes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    new, old = tmp_path / "new", tmp_path / "old"
    for folder in (new, old):
        folder.mkdir()
        (folder / folder.name).touch()
    assert exchange_folders(str(new), str(old), aside=str(tmp_path / "aside"))
    assert (old / "new").exists()
    assert (new / "old").exists()
    assert not (tmp_path / "aside").exists()
