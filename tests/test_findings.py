"""The scripts in findings/: each is listed in docs/findings.md, can be run, and says what it installs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "findings").glob("*.sh"))
PINNED = re.compile(r"[A-Za-z0-9._-]+(\[[a-z0-9_,-]+\])?==(\$[0-9]|[0-9][0-9A-Za-z.]*)")
# What a word of a shell line may begin a command after.
COMMAND = re.compile(
    r"(?:^|[;&|(]|\$\()\s*(?:\S*/)?marpack\b|-m\s+marpack\b|\b(?:import|from)\s+marpack\b", re.MULTILINE
)


def rows() -> list[tuple[str, str, str]]:
    """Return name, path and packages of each row of the page."""
    page = (ROOT / "docs" / "findings.md").read_text("utf-8")
    return re.findall(r"^\| \[([^\]]+)\]\(\.\./findings/([^)]+)\) \| ([^|]+) \|", page, re.MULTILINE)


def installs(text: str) -> list[str]:
    """Return what the script has pip install: neither options nor files that they name."""
    joined = text.replace("\\\n", " ")
    found = []
    for line in re.findall(r"^(?!\s*#).*?\bpip\"? install ([^\n;&|>]*)", joined, re.MULTILINE):
        words = iter(line.split())
        for word in words:
            if word in {"-r", "-c", "-f", "2"}:
                next(words, None)
            elif not word.startswith("-"):
                found.append(word.strip("\"'"))
    return found


def test_page_lists_every_script() -> None:
    assert SCRIPTS
    assert [path for _, path, _ in rows()] == sorted(path.name for path in SCRIPTS)
    assert all(path == f"{name}.sh" for name, path, _ in rows())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script(script: Path) -> None:
    text = script.read_text("utf-8")
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], capture_output=True, check=False).returncode == 0
    assert text.startswith("#!/usr/bin/env bash\n# ")
    assert "\nset -euo pipefail\n" in text
    assert "mktemp -d" in text
    assert re.search(r"^trap .*rm -rf", text, re.MULTILINE), "what it makes is removed"
    named = installs(text)
    assert named
    assert [word for word in named if not PINNED.fullmatch(word)] == []
    code = re.sub(r"^\s*#.*", "", text, flags=re.MULTILINE)
    assert not COMMAND.search(code), "it runs without marpack"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_page_says_the_versions(script: Path) -> None:
    packages = next(said for _, path, said in rows() if path == script.name)
    head = script.read_text("utf-8").partition("\nset -euo")[0]
    for word in installs(script.read_text("utf-8")):
        version = word.partition("==")[2]
        if version.startswith("$"):  # a function's, which is called with versions
            continue
        assert version in packages, word
        assert version in head, word


def test_what_a_script_may_not_do() -> None:
    assert [bool(COMMAND.search(text)) for text in ("marpack check x", "a; marpack x", "python -m marpack")] == [
        True
    ] * 3
    assert COMMAND.search("import marpack")
    assert not COMMAND.search("touch marpack-1.mar\nsays='x marpack y'")
    assert installs('"$work/venv/bin/pip" install -q a==1 \\\n  b') == ["a==1", "b"]
    assert not PINNED.fullmatch("torch>=2")
    assert PINNED.fullmatch("ray[serve]==2.9.1")
