"""An archive that was signed, as a file or by its contents: what is verified is what is read."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from marpack.errors import ArchiveError, MarpackError, SignatureError, SourceChangedError
from marpack.signing import RequiredSignature, SigningKey, attest, verify_signature, write_signature
from tests.support import signatures
from tests.support.archives import packed, tarred, zipped
from tests.support.range_server import RangeServer
from tests.support.signatures import model_signing

pytestmark = [pytest.mark.xdist_group("model-signing"), pytest.mark.usefixtures("library")]


@pytest.mark.parametrize("form", ["default", "auto", "tgz"])
def test_an_archive_as_a_file_and_by_its_contents(form: Any, tmp_path: Path) -> None:
    path = packed(tmp_path, archive_format=form)
    private, public = signatures.key_pair(tmp_path)
    key = SigningKey(private_key=private)
    whole, contents = tmp_path / "whole.sig", tmp_path / "contents.sig"
    write_signature(attest(path), key, whole)
    write_signature(attest(path, contents=True), key, contents)
    with marpack.open_archive(path) as archive:
        archive.extract(tmp_path / "out")
        for each in (whole, contents):
            required = RequiredSignature(signature=each, public_key=public)
            assert required.require(archive) == verify_signature(path, required)
    for what, signature in ((path, whole), (tmp_path / "out", contents)):
        words = ("--signature", signature, "--public_key", public)
        assert model_signing("verify", "key", what, *words)[0] == 0
    # The same contents in another form are not the same file.
    (tmp_path / "other").mkdir()
    other = packed(tmp_path / "other", archive_format="zip-store")
    verify_signature(other, RequiredSignature(signature=contents, public_key=public))
    with pytest.raises(
        SignatureError, match=r"is of sha256:[0-9a-f]{64}, and this is a file with the SHA-256 [0-9a-f]{64}$"
    ):
        verify_signature(other, RequiredSignature(signature=whole, public_key=public))
    with pytest.raises(SignatureError, match="of a single file"):
        verify_signature(tmp_path / "out", RequiredSignature(signature=whole, public_key=public))


def test_members_that_were_added_lost_or_changed(tmp_path: Path) -> None:
    private, public = signatures.key_pair(tmp_path)
    path, signature = tmp_path / "m.mar", tmp_path / "m.sig"
    members = [("a", b"1"), ("b", b"2")]
    write_signature(attest(zipped(path, members), contents=True), SigningKey(private_key=private), signature)
    required = RequiredSignature(signature=signature, public_key=public)
    verify_signature(zipped(path, members[::-1]), required)
    for others, match in (
        ([*members, ("c", b"")], r"files were added \('c'\)"),
        (members[:1], r"files are missing \('b'\)"),
        ([("a", b"1"), ("b", b"3")], r"not what was signed \('b'\)"),
        ([*members, ("../c", b"")], "leads out"),
    ):
        with pytest.raises(MarpackError, match=match):
            verify_signature(zipped(path, others), required)
    # One that the statement ignores is not signed, and so is none where all has to be.
    zipped(path, [*members, (".git/hooks", b"evil")])
    assert verify_signature(path, required).unsigned == (".git/hooks",)
    with (
        marpack.open_archive(path) as archive,
        pytest.raises(SignatureError, match=r"says nothing .*'\.git/hooks'"),
    ):
        required.require(archive)


def await_tick(path: Path) -> None:
    """Wait until the file system's clock, which ticks slowly, has gone on since this file was touched."""
    probe = path.with_name("tick")
    while True:
        probe.write_bytes(b"")
        if probe.stat().st_ctime_ns > path.stat().st_ctime_ns:
            break
        time.sleep(0.001)
    probe.unlink()


def written_over(path: Path, other: Path) -> None:
    """Write a file of the same size over another, in place, and put the time back."""
    status = path.stat()
    data = other.read_bytes()
    assert len(data) == status.st_size
    await_tick(path)
    with open(path, "r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def touched(path: Path, other: Path) -> None:
    """Do something that changes no byte."""
    await_tick(path)
    path.chmod(0o600)


def replaced(path: Path, other: Path) -> None:
    """Give the file's name to another one."""
    await_tick(path)
    os.replace(other, path)


@pytest.mark.parametrize("form", ["tgz", "zip"])
@pytest.mark.parametrize("contents", [False, True])
@pytest.mark.parametrize("change", [written_over, touched, replaced])
@pytest.mark.parametrize("when", ["opened", "verified"])
def test_what_is_verified_is_what_is_open(
    form: str, contents: bool, change: Callable[[Path, Path], None], when: str, tmp_path: Path
) -> None:
    """Nothing is unpacked of a file to which anything was done since it was opened, and nothing of another."""
    (tmp_path / "evil").mkdir()
    make: Any = partial(tarred, level=0) if form == "tgz" else zipped  # of one size, each
    name = "m.tar.gz" if form == "tgz" else "m.mar"
    path, evil = make(tmp_path / name, [("a", b"good")]), make(tmp_path / "evil" / name, [("a", b"evil")])
    # What is told by the file alone; a zip's members have sums in a part that was read before.
    by_sum: Any = () if form == "tgz" or change is not written_over else (ArchiveError,)
    private, public = signatures.key_pair(tmp_path)
    write_signature(attest(path, contents=contents), SigningKey(private_key=private), tmp_path / "m.sig")
    required = RequiredSignature(signature=tmp_path / "m.sig", public_key=public)
    with marpack.open_archive(path) as archive:
        if when == "verified":
            required.require(archive)
        change(path, evil)
        if when == "verified":
            with pytest.raises((SourceChangedError, *by_sum)):
                archive.extract(tmp_path / "out")
        with pytest.raises((SourceChangedError, SignatureError, *by_sum)):
            required.require(archive)
    assert not (tmp_path / "out").exists()
    if change is not touched:
        with pytest.raises(SignatureError):
            verify_signature(path, required)


@pytest.mark.parametrize("change", [touched, replaced])
def test_without_a_signature_what_is_open_is_read(change: Callable[[Path, Path], None], tmp_path: Path) -> None:
    path, evil = zipped(tmp_path / "m.mar", [("a", b"good")]), zipped(tmp_path / "evil.mar", [("a", b"evil")])
    with marpack.open_archive(path) as archive:
        change(path, evil)
        archive.extract(tmp_path / "out")
    assert (tmp_path / "out" / "a").read_bytes() == b"good"


def test_what_lies_behind_a_url_is_read_once(tmp_path: Path) -> None:
    """A server might send something else the next time."""
    private, public = signatures.key_pair(tmp_path)
    path, signature = zipped(tmp_path / "m.mar", [("a", b"1" * 100_000)]), tmp_path / "m.sig"
    write_signature(attest(path, contents=True), SigningKey(private_key=private), signature)
    with RangeServer.running() as server:
        url = server.serve(path)
        verify_signature(url, RequiredSignature(signature=signature, public_key=public))
        assert server.count() == (1, path.stat().st_size)
        assert attest(url) == attest(path)
        required = RequiredSignature(signature=signature, public_key=public)
        with marpack.open_archive(url) as archive, pytest.raises(MarpackError, match="download=True"):
            required.require(archive)
        with marpack.open_archive(url, download=True) as archive:
            required.require(archive)
        with marpack.open_archive(io.BytesIO(path.read_bytes())) as archive:
            required.require(archive)
        words = ["extract", url, str(tmp_path / "out"), "--signature", str(signature), "--public-key", str(public)]
        server.count()
        assert main(words) == 0
        assert server.count() == (1, path.stat().st_size)
