"""Names of members in errors, issues and what is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import UnsafeArchiveError
from marpack.cli import main
from marpack.display import printable, showable
from marpack.findings import Issue
from tests.support import hostile
from tests.support.archive_bytes import tarred, zipped
from tests.support.archives import MANIFEST as NAME
from tests.support.archives import TEXT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["../a\nb", "a\\\x1b[2Jb", "x\udcffy"])
def test_names_in_errors_and_issues_are_those_of_the_archive(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are escaped where they are shown, and nowhere else."""
    path = tmp_path / "m.mar"
    path.write_bytes(hostile.zipped(hostile.Member(name.encode("utf-8", "surrogateescape"), b"x")))
    with marpack.open_archive(path) as archive:
        with pytest.raises(UnsafeArchiveError) as caught:
            archive.refuse()
        error = caught.value
        assert error.member == error.issue.argument == name
        assert error.member in archive
        assert {issue.argument for issue in archive.issues} == {name}
        assert str(error).isprintable()
        assert all(str(issue).isprintable() for issue in (error.issue, *archive.issues, *archive.verify()))
    for words in (["verify"], ["verify", "--json"], ["inspect"], ["inspect", "--json"], ["extract"], ["check"]):
        main([*words, str(path)])
        out, err = capsys.readouterr()
        assert (out + err).replace("\n", "").isprintable(), words
        if "--json" in words:  # which escapes by itself, so that a program finds the member by its name
            assert json.loads(out)["issues"][0]["argument"] == showable(name)
        else:
            assert printable(name) in out + err, words


def test_a_name_in_a_message_is_escaped_once(tmp_path: Path) -> None:
    path = tmp_path / "m.tar.gz"
    path.write_bytes(hostile.tarred(hostile.tar_member("m/a\nb", b"x", kind=b"2")))
    with pytest.raises(UnsafeArchiveError, match=r"that is no file: 'm/a\\nb'$"):
        marpack.open_archive(path)


def test_json_hides_what_is_secret_in_the_name_of_a_member() -> None:
    issue = Issue(code="crc", argument="a\n?token=hush", message="is damaged")
    assert issue.asdict() == {"code": "crc", "argument": "a\n?token=***", "message": "is damaged"}


def test_names_of_what_is_damaged_are_those_of_the_archive(tmp_path: Path) -> None:
    name = "b\tc"
    digests = {"metadata": {"sha256": {name: "0" * 64, "gone\n": "0" * 64}}}
    path = tmp_path / "m.mar"
    data = zipped({NAME: json.dumps(json.loads(TEXT) | digests).encode(), name: b"x"})
    path.write_bytes(data)
    with marpack.open_archive(path) as archive:
        assert {(issue.argument, issue.code) for issue in archive.verify()} == {
            (name, "digest"),
            ("gone\n", "missing-file"),
        }
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a\nb").symlink_to("gone")
    with marpack.open_archive(tmp_path / "m") as archive:
        assert [issue.argument for issue in archive.issues] == ["a\nb"]
    (tmp_path / "m.tar.gz").write_bytes(tarred([("x/l\nk", "a")]))
    with marpack.open_archive(tmp_path / "m.tar.gz") as archive:
        assert [issue.argument for issue in archive.issues] == ["x/l\nk"]
