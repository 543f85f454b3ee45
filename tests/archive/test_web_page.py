"""A page that a server sent instead of an archive is called one, under either kind of name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import ArchiveError

if TYPE_CHECKING:
    from pathlib import Path

PAGE = b"\r\n<!DOCTYPE HTML>\n<html><title>Log in</title></html>\n"


@pytest.mark.parametrize("page", [PAGE, b"<html lang=en>" + b"." * 20, PAGE + b" " * 100_000])
@pytest.mark.parametrize(("name", "code"), [("m.mar", "zip-no-end"), ("m.tar.gz", "gzip"), ("models", "gzip")])
def test_a_page(name: str, code: str, page: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(page)
    with pytest.raises(ArchiveError, match=r"is a web page and no archive, .*: correct the URL") as caught:
        marpack.open_archive(path)
    assert caught.value.code == code


@pytest.mark.parametrize("start", [b"", b"\0" * 70, b"<htm>", b"doctype html"])
@pytest.mark.parametrize(("name", "what"), [("m.mar", "is no zip"), ("models", "is not in the gzip format")])
def test_no_page(name: str, what: str, start: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(start + b" " * 100)
    with pytest.raises(ArchiveError, match=what):
        marpack.open_archive(path)
