"""The examples of docs/scan.md: each runs as it stands, and tells what the caller's own thread would tell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import marpack
from tests.support.archives import packed, zipped
from tests.support.documents import blocks

EXAMPLES = {block.note.removeprefix("example: "): block.text for block in blocks("docs/scan.md") if block.runs}
RAY = ("from multiprocessing import Pool  # or: from ray", "from ray")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "model-store"
    folder.mkdir()
    for number in range(20):
        packed(folder, f"m{number}")
    zipped(folder / "broken.mar", [], manifest=None)
    monkeypatch.chdir(tmp_path)
    return folder


def test_all_that_runs_is_one_of_these() -> None:
    assert set(EXAMPLES) == {"processes", "dask", "pool"}


def printed(example: str) -> list[str]:
    Path("example.py").write_text(example, encoding="utf-8")
    done = subprocess.run([sys.executable, "example.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_processes(store: Path) -> None:
    expected = [
        " ".join(map(str, (each.path, each.name, each.version, each.error, len(each.findings))))
        for each in marpack.scan("model-store")
    ]
    assert printed(EXAMPLES["processes"]) == expected


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["pool", "dask", "ray"])
def test_engines(engine: str, store: Path) -> None:
    """Dask's executor over two worker processes, given or to be made; pools of two, also Ray's."""
    example = EXAMPLES["pool" if engine == "ray" else engine]
    if engine == "ray":
        assert RAY[0] in example
        example = example.replace(*RAY)
    expected = [archive.to_json() for archive in marpack.scan("model-store")]
    assert len(expected) == 21
    if engine == "dask":
        given = re.search(r"^ +for archive in .*\n.*\n", example, re.MULTILINE)
        assert given
        example += given[0].replace("get_executor()", "get_executor")
        expected *= 2
    assert printed(example) == expected
