from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from marpack.disk.folders import exchange_folders

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
