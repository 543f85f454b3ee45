"""What the container's issues become."""

from __future__ import annotations

from pathlib import Path

import marpack
from marpack.archive.names import CASE_COLLISION
from tests.support.archives import zipped


def test_names_that_differ_in_case_are_told_once_and_alike(tmp_path: Path) -> None:
    members = [("a/x", b""), ("A/y", b""), ("A/z", b""), ("\u00e9", b""), ("e\u0301", b"")]
    path = zipped(tmp_path / "m.mar", members)
    with marpack.open_archive(path) as archive:
        expected = {f"{path}/{issue.argument}" for issue in archive.issues if issue.code == CASE_COLLISION}
    found = [finding.place for finding in marpack.check(path) if finding.code == "container-case"]
    assert len(found) == len(set(found)) == 2
    assert set(found) == expected
