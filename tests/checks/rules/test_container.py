"""What the container's issues become."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack.archive.names import CASE_COLLISION
from tests.support.archives import zipped
from tests.support.checking import codes

if TYPE_CHECKING:
    from marpack.archive.forms import ArchiveFormat


def test_names_that_differ_in_case_are_told_once_and_alike(tmp_path: Path) -> None:
    members = [("a/x", b""), ("A/y", b""), ("A/z", b""), ("\u00e9", b""), ("e\u0301", b"")]
    path = zipped(tmp_path / "m.mar", members)
    with marpack.open_archive(path) as archive:
        expected = {f"{path}/{issue.argument}" for issue in archive.issues if issue.code == CASE_COLLISION}
    found = [finding.place for finding in marpack.check(path) if finding.code == "container-case"]
    assert len(found) == len(set(found)) == 2
    assert set(found) == expected


@pytest.mark.parametrize("form", ["default", "tgz"])
def test_a_limit_says_how_it_is_raised(form: ArchiveFormat, tmp_path: Path) -> None:
    """An archive of much that repeats is whole: packing it again would change nothing."""
    zeros, handler = {"zeros.bin": bytes(65 << 20)}, {"h.py": b"def handle(data, context):\n    return data\n"}
    path = marpack.pack(
        model_name="m", handler=handler, extra_files=zeros, archive_format=form, export_path=tmp_path
    ).path
    [finding] = [each for each in marpack.check(path) if each.code == "container-structure"]
    assert "(too-large)" in finding.message
    assert "--max-ratio" in finding.message
    assert "marpack.Limits(ratio=" in finding.message
    assert "again" not in f"{finding.message}{finding.fix}"
    if form == "default":  # of a tgz nobody knows the size before it is read
        [ratio] = re.findall("--max-ratio ([0-9]+)", finding.message)
        assert codes(path, limits=marpack.Limits(ratio=int(ratio))) == {}
        assert codes(path, limits=marpack.Limits(ratio=int(ratio) - 1)) == {"container-structure": "warning"}
    assert codes(path, limits=marpack.Limits(ratio=5000)) == {}


def test_each_limit_names_its_own_option(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.mar", [(f"{number}.txt", b"1234") for number in range(9)])
    for limits, option in (
        (marpack.Limits(size=20), "--max-size 88, limits=marpack.Limits(size=88)"),
        (marpack.Limits(members=4), "--max-members 10, limits=marpack.Limits(members=10)"),
    ):
        [finding] = [each for each in marpack.check(path, limits=limits) if each.code == "container-structure"]
        assert option in finding.message
        assert "again" not in f"{finding.message}{finding.fix}"
    deep = zipped(tmp_path / "deep.mar", [("a/b/c/d/e/f/g/h.txt", b"1")])
    [finding] = [
        each
        for each in marpack.check(deep, limits=marpack.Limits(members=3))
        if each.code == "container-structure"
    ]
    assert "--max-members N, limits=marpack.Limits(members=...)" in finding.message
    path.write_bytes(path.read_bytes()[:-30])
    assert any("pack it again" in each.fix for each in marpack.check(path))
