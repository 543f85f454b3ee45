"""Where an archive may be written to: names, links, and permissions that stay."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import marpack
from tests.support.stored import contents, listing

pytestmark = pytest.mark.slow


def test_replaced_folder_keeps_its_permissions(inputs: dict[str, Any], store: Path) -> None:
    marpack.pack(export_path=store, archive_format="no-archive", **inputs)
    (store / "m").chmod(0o2700)
    marpack.pack(export_path=store, archive_format="no-archive", force=True, **inputs)
    assert (store / "m").stat().st_mode & 0o7777 == 0o2700


def test_private_file_is_replaced_by_one_private_from_the_start(inputs: dict[str, Any], store: Path) -> None:
    (store / "m.mar").touch(mode=0o600)
    seen: set[int] = set()

    def look(_count: int) -> None:
        seen.update(path.stat().st_mode & 0o777 for path in store.iterdir())

    marpack.pack(export_path=store, force=True, progress=look, **inputs)
    assert seen == {0o600}


def test_parent_of_a_link_is_where_the_link_leads(
    inputs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """link/../m is not m."""
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    marpack.pack(archive_format="no-archive", **inputs)
    Path("link").symlink_to(tmp_path / "real" / "inner")
    before = contents(Path("m"))
    marpack.pack(export_path="link/..", archive_format="no-archive", force=True, version="2", **inputs)
    assert contents(Path("m")) == before
    assert (tmp_path / "real" / "m" / "MAR-INF").is_dir()


@pytest.mark.parametrize("archive_format", ["default", "no-archive"])
def test_working_folder_that_changes_meanwhile(
    inputs: dict[str, Any],
    store: Path,
    tmp_path: Path,
    archive_format: marpack.typing.ArchiveFormat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(store)
    plan = marpack.plan_archive(archive_format=archive_format, **inputs)
    marpack.write_archive(plan, "m", progress=lambda _: os.chdir(tmp_path))
    assert listing(store) == ["m"]


@pytest.mark.parametrize("target", ["", ".", "..", "/"])
@pytest.mark.parametrize("archive_format", ["default", "no-archive"])
def test_targets_that_name_nothing_new(
    inputs: dict[str, Any],
    store: Path,
    target: str,
    archive_format: marpack.typing.ArchiveFormat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(store)
    with pytest.raises(marpack.TargetError):
        marpack.write_archive(marpack.plan_archive(archive_format=archive_format, **inputs), target, force=True)
    assert listing(store) == []


def test_link_to_nowhere(inputs: dict[str, Any], store: Path) -> None:
    (store / "m.mar").symlink_to("nowhere/m.mar")
    with pytest.raises(marpack.TargetError, match=r"nowhere' does not exist"):
        marpack.pack(export_path=store, force=True, **inputs)


def test_folder_with_a_thousand_levels(store: Path) -> None:
    name = "/".join(["d"] * 1200)
    plan = marpack.plan_archive(
        model_name="m", handler="base_handler", extra_files={name: b"x"}, archive_format="no-archive"
    )
    marpack.write_archive(plan, store / "m")
    try:
        assert (store / "m" / name).read_bytes() == b"x"
    finally:  # deeper than pytest can remove
        subprocess.run(["rm", "-rf", store / "m"], check=True)


def test_name_that_the_server_takes_for_another_form_is_a_warning(inputs: dict[str, Any], store: Path) -> None:
    plan = marpack.plan_archive(**inputs)
    assert marpack.write_archive(plan, store / "other.mar").warnings == ()
    assert "'.mar'" in marpack.write_archive(plan, store / "m.tar.gz").warnings[0]


def test_link_is_followed_and_permissions_are_kept(inputs: dict[str, Any], store: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.mar"
    real.write_bytes(b"old")
    real.chmod(0o640)
    (store / "m.mar").symlink_to(real)
    marpack.pack(export_path=store, force=True, **inputs)
    assert (store / "m.mar").is_symlink()
    assert real.read_bytes().startswith(b"PK\3\4")
    assert real.stat().st_mode & 0o777 == 0o640


def test_new_file_has_the_permissions_of_any_new_file(inputs: dict[str, Any], store: Path) -> None:
    (store / "any").touch()
    result = marpack.pack(export_path=store, **inputs)
    assert Path(result.path).stat().st_mode == (store / "any").stat().st_mode


@pytest.mark.parametrize("archive_format", ["default", "no-archive"])
def test_targets_that_cannot_take_an_archive(
    inputs: dict[str, Any], store: Path, archive_format: marpack.typing.ArchiveFormat
) -> None:
    plan = marpack.plan_archive(archive_format=archive_format, **inputs)
    (store / "file").write_bytes(b"x")
    (store / "folder").mkdir()
    (store / "folder" / "mine").write_bytes(b"x")
    os.mkfifo(store / "fifo")
    before = listing(store)
    for target, message in {
        store / "missing" / "m": "does not exist",
        store / "file" / "m": "is not a folder",
        store / "folder": "is a folder" if archive_format == "default" else "holds files but no",
        store / "fifo": "is not a regular file" if archive_format == "default" else "is a file",
    }.items():
        with pytest.raises(marpack.TargetError, match=message):
            marpack.write_archive(plan, target, force=True)
    assert listing(store) == before
