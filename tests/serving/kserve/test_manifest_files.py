"""The files that kubectl takes: whole or not at all, and keys for their owner alone (K348)."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack.errors import ArchiveExistsError, TargetError
from tests.conftest import full_disk
from tests.support.serving_manifests import SECRETS, manifest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listing() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir()}


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_manifest_and_its_secret_are_two_files() -> None:
    made = manifest()
    assert made.write("m.yaml") == ("m.yaml", "m-secret.yaml")
    assert listing() == {"m.yaml": made.to_yaml().encode(), "m-secret.yaml": (made.secret_yaml() or "").encode()}


def test_without_a_secret_there_is_one_file(tmp_path: Path) -> None:
    Path("m-secret.yaml").write_text("of somebody")
    assert manifest(secret=False).write(tmp_path / "m.yml") == (str(tmp_path / "m.yml"),)
    assert listing()["m-secret.yaml"] == b"of somebody"
    assert set(listing()) == {"m.yml", "m-secret.yaml"}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("before", [None, 0o644, 0o600, 0o444])
def test_the_secret_is_its_owners_alone_from_its_first_byte_on(
    umask: int, before: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it replaces a file that all may read."""
    if before is not None:
        for name in ("m.yaml", "m-secret.yaml"):
            Path(name).write_text("before")
            os.chmod(name, before)
    seen = []
    opened = os.open

    def noted(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        descriptor = opened(path, flags, *arguments, **named)
        if flags & os.O_CREAT or flags & os.O_TMPFILE == os.O_TMPFILE:
            seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", noted)
    earlier = os.umask(umask)
    try:
        manifest(with_credentials=True).write("m.yaml", force=before is not None)
    finally:
        os.umask(earlier)
    assert seen[0] == 0o600
    assert mode("m-secret.yaml") == 0o600
    assert mode("m.yaml") == (0o666 & ~umask if before is None else before)


@pytest.mark.parametrize("taken", ["m.yaml", "m-secret.yaml"])
def test_what_is_in_the_way_stays(taken: str) -> None:
    Path(taken).write_text("of somebody")
    with pytest.raises(ArchiveExistsError, match=f"'{taken}' already exists"):
        manifest().write("m.yaml")
    assert listing() == {taken: b"of somebody"}
    manifest().write("m.yaml", force=True)
    assert listing().keys() == {"m.yaml", "m-secret.yaml"}
    assert listing()[taken] != b"of somebody"


def test_no_placeholder_takes_the_place_of_a_key() -> None:
    """Who writes the manifest of a canary has put the keys in by hand before."""
    manifest().write("m.yaml")
    assert not manifest().keeps_secret("m.yaml")
    mine = Path("m-secret.yaml").read_text().replace("<access key id>", "AKIA").replace("<secret access key>", "k")
    Path("m-secret.yaml").write_text(mine)
    made = manifest(canary_traffic_percent=30)
    assert made.keeps_secret("m.yaml")
    assert made.write("m.yaml", force=True) == ("m.yaml", "m-secret.yaml")
    assert listing() == {"m.yaml": made.to_yaml().encode(), "m-secret.yaml": mine.encode()}
    # Keys that were asked for are written.
    manifest(with_credentials=True).write("m.yaml", force=True)
    assert SECRETS[1] in Path("m-secret.yaml").read_text()


@pytest.mark.parametrize("path", ["no/m.yaml", "folder", ""])
def test_what_is_no_place_for_a_file_is_refused(path: str) -> None:
    Path("folder").mkdir()
    with pytest.raises(TargetError):
        manifest().write(path)
    assert [path.name for path in Path().rglob("*")] == ["folder"]


def fails_at(number: int, monkeypatch: pytest.MonkeyPatch, *names: str, lasting: bool = False) -> None:
    """Let the call of this number fail that gives a file its name, and those after it if it is ``lasting``."""
    calls = []
    for name in names:
        original: Callable[..., None] = getattr(os, name)

        def counted(one: str, other: str, original: Callable[..., None] = original, **named: Any) -> None:
            if other.endswith(".yaml"):
                calls.append(other)
                if len(calls) == number or (lasting and len(calls) > number):
                    raise OSError(errno.EIO, "the disk is broken")
            original(one, other, **named)

        monkeypatch.setattr(os, name, counted)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("force", [False, True])
def test_both_files_appear_or_none(number: int, force: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        fails_at(number, patched, "replace" if force else "rename", "link", lasting=True)
        if not force:  # what is done where there are no hard links
            patched.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
        with pytest.raises(OSError, match="the disk is broken"):
            manifest().write("m.yaml", force=force)
    assert listing() == {}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("links", [True, False])
def test_both_files_are_replaced_or_none(number: int, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest().write("m.yaml")
    before = listing()
    os.chmod("m-secret.yaml", 0o400)
    with monkeypatch.context() as patched:
        fails_at(number, patched, "replace")
        if not links:
            patched.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
        with pytest.raises(OSError, match="the disk is broken"):
            manifest(with_credentials=True, labels={"a": "b"}).write("m.yaml", force=True)
    assert listing() == before
    assert mode("m-secret.yaml") == 0o400


@pytest.mark.parametrize("size", [0, 10, 300])
def test_a_full_disk_leaves_nothing(size: int) -> None:
    with full_disk(size), pytest.raises(OSError, match="File too large"):
        manifest(labels={"a": "b" * 60}, annotations={"a": "b" * 400}).write("m.yaml")
    assert listing() == {}


def test_one_that_appears_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.link

    def late(one: str, other: str, **named: Any) -> None:
        if other.endswith("m.yaml"):
            Path("m.yaml").write_text("of somebody")
        original(one, other, **named)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(ArchiveExistsError):
        manifest().write("m.yaml")
    assert listing() == {"m.yaml": b"of somebody"}


def test_two_names_of_one_file_are_refused() -> None:
    Path("m-secret.yaml").symlink_to("m.yaml")
    Path("m.yaml").write_text("of somebody")
    with pytest.raises(TargetError, match="named twice"):
        manifest().write("m.yaml", force=True)
    assert Path("m.yaml").read_text() == "of somebody"


@pytest.mark.parametrize("path", ["a\0b.yaml", "\ud800.yaml"])
def test_what_no_disk_has_is_no_path(path: str) -> None:
    with pytest.raises(TargetError, match="is no path"):
        manifest().write(path)
