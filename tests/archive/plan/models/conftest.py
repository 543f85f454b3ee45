"""The files of a model, in the working folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.archives import T


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "handler.py": "handle = print\n",
        "model.py": "class M: pass\n",
        "w.pt": "weights",
        "labels.json": "{}",
        "pkg/__init__.py": "",
        "pkg/sub/deep.py": "x = 1\n",
        "pkg/__pycache__/x.pyc": "x",
        "pkg/.git/config": "x",
        "pkg/.hidden": "x",
        "other/sub/more.py": "x = 2\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (T, T))
    return tmp_path
