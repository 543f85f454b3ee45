"""Nothing shared, nothing lost: what stands under the archive's name is always whole."""

from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import marpack
from marpack.disk import folders
from tests.conftest import full_disk
from tests.support.archives import T
from tests.support.stored import FORMATS, contents, listing

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("archive_format", FORMATS)
def test_callers_own_error_passes_and_leaves_nothing(
    inputs: dict[str, Any], store: Path, archive_format: marpack.typing.ArchiveFormat
) -> None:
    def interrupt(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        marpack.pack(export_path=store, progress=interrupt, archive_format=archive_format, **inputs)
    assert listing(store) == []


def pack_command(inputs: dict[str, Any], store: Path, archive_format: marpack.typing.ArchiveFormat) -> list[str]:
    return [
        *(sys.executable, "-m", "marpack", "pack", "--quiet", "--force", "--model-name", "m", "--version", "1.0"),
        *("--handler", str(inputs["handler"]), "--serialized-file", str(inputs["serialized_file"])),
        *("--export-path", str(store), "--archive-format", archive_format),
    ]


def environment() -> dict[str, str]:
    return {**os.environ, "SOURCE_DATE_EPOCH": str(T)}


@pytest.mark.parametrize("archive_format", FORMATS)
def test_disk_that_fills(
    inputs: dict[str, Any], store: Path, archive_format: marpack.typing.ArchiveFormat
) -> None:
    """The write fails half way."""
    old = marpack.pack(export_path=store, version="old", archive_format=archive_format, **inputs)
    kept = contents(Path(old.path))
    with full_disk(1_500_000):
        done = subprocess.run(
            pack_command(inputs, store, archive_format),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("marpack: error: ")
    assert done.stderr.count("\n") == 1
    assert "too large" in done.stderr
    assert contents(Path(old.path)) == kept
    assert listing(store) == [Path(old.path).name]


def test_what_python_compiles_meanwhile_is_not_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a test that lets no file grow would spoil modules for all that import them later."""
    (tmp_path / "compiled_meanwhile.py").write_text("x = 1\n" * 1000)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    with full_disk(100):
        subprocess.run([sys.executable, "-c", "import compiled_meanwhile"], cwd=tmp_path, check=True)
        importlib.import_module("compiled_meanwhile")
    del sys.modules["compiled_meanwhile"]
    assert [path.name for path in tmp_path.iterdir()] == ["compiled_meanwhile.py"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("archive_format", "count"), [("default", 20), ("no-archive", 20), ("zip-store", 2), ("tgz", 2), ("auto", 2)]
)
def test_many_packers_of_one_name(
    inputs: dict[str, Any], store: Path, archive_format: marpack.typing.ArchiveFormat, count: int
) -> None:
    command = pack_command(inputs, store, archive_format)
    packers = [subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) for _ in range(count)]
    errors = [packer.communicate()[1] for packer in packers]
    assert [packer.returncode for packer in packers] == [0] * count, errors
    [name] = listing(store)
    alone = store.parent / "alone"
    alone.mkdir()
    expected = marpack.pack(export_path=alone, archive_format=archive_format, **inputs)
    assert contents(store / name) == contents(Path(expected.path))


@pytest.mark.parametrize("archive_format", FORMATS)
def test_existing_target_stays_without_force(
    inputs: dict[str, Any], store: Path, archive_format: marpack.typing.ArchiveFormat
) -> None:
    target = store / marpack.plan_archive(archive_format=archive_format, **inputs).file_name
    marpack.pack(export_path=store, archive_format=archive_format, **inputs)
    kept = contents(target)
    with pytest.raises(marpack.ArchiveExistsError, match="already exists") as caught:
        marpack.pack(export_path=store, archive_format=archive_format, version="2", **inputs)
    assert isinstance(caught.value, FileExistsError)
    assert os.fspath(caught.value.path) == str(target)
    assert contents(target) == kept
    assert listing(store) == [target.name]


@pytest.mark.parametrize("archive_format", FORMATS)
def test_target_that_appears_meanwhile_stays(
    inputs: dict[str, Any], store: Path, archive_format: marpack.typing.ArchiveFormat
) -> None:
    plan = marpack.plan_archive(archive_format=archive_format, **inputs)
    target = store / plan.file_name

    def somebody_else(_count: int) -> None:
        if not target.exists() and archive_format == "no-archive":
            (target / "MAR-INF").mkdir(parents=True)
        elif not target.exists():
            target.write_bytes(b"somebody else's")

    with pytest.raises(marpack.ArchiveExistsError):
        marpack.write_archive(plan, target, progress=somebody_else)
    assert listing(store) == [target.name]
    assert target.is_dir() or target.read_bytes() == b"somebody else's"


def test_target_without_hard_links(inputs: dict[str, Any], store: Path) -> None:
    """A file system that has none (FAT, some network shares) gets the same file."""
    with patch.object(os, "link", side_effect=PermissionError(1, "no hard links")):
        result = marpack.pack(export_path=store, **inputs)
        with pytest.raises(marpack.ArchiveExistsError):
            marpack.pack(export_path=store, **inputs)
    assert listing(store) == ["m.mar"]
    assert Path(result.path).stat().st_nlink == 1


def test_folder_swap_where_the_kernel_has_none(inputs: dict[str, Any], store: Path) -> None:
    with patch.object(folders, "_exchange_at_once", return_value=None):
        marpack.pack(export_path=store, archive_format="no-archive", **inputs)
        marpack.pack(export_path=store, archive_format="no-archive", version="2", force=True, **inputs)
    assert listing(store) == ["m"]
    assert '"modelVersion": "2"' in (store / "m" / "MAR-INF" / "MANIFEST.json").read_text()


def test_packers_of_one_folder_where_the_kernel_has_no_swap(inputs: dict[str, Any], store: Path) -> None:
    plan = marpack.plan_archive(archive_format="no-archive", **inputs)
    alone = marpack.write_archive(plan, store / "alone")
    with patch.object(folders, "_exchange_at_once", return_value=None), ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: marpack.write_archive(plan, store / "m", force=True), range(40)))
    assert listing(store) == ["alone", "m"]
    assert contents(store / "m") == contents(Path(alone.path))


def test_interrupted_between_the_two_renames(inputs: dict[str, Any], store: Path) -> None:
    old = marpack.pack(export_path=store, archive_format="no-archive", version="old", **inputs)
    kept = contents(Path(old.path))
    rename, calls = os.rename, iter(range(100))

    def interrupted(source: str, target: str) -> None:
        if next(calls) == 2:  # after the try without swapping, and the old folder's way aside
            raise KeyboardInterrupt
        rename(source, target)

    with (
        patch.object(folders, "_exchange_at_once", return_value=None),
        patch.object(os, "rename", interrupted),
        pytest.raises(KeyboardInterrupt),
    ):
        marpack.pack(export_path=store, archive_format="no-archive", force=True, **inputs)
    assert contents(Path(old.path)) == kept
    assert listing(store) == ["m"]


def test_folder_that_cannot_be_renamed(inputs: dict[str, Any], store: Path) -> None:
    """A model in the lower layer of an overlay, as in a container's image."""
    marpack.pack(export_path=store, archive_format="no-archive", **inputs)
    with (
        patch("marpack.disk.atomic.exchange_folders", side_effect=OSError(errno.EXDEV, "cross-device")),
        pytest.raises(marpack.TargetError, match="overlay"),
    ):
        marpack.pack(export_path=store, archive_format="no-archive", force=True, **inputs)
    assert listing(store) == ["m"]


def test_inputs_inside_the_folder_to_be_replaced_survive(inputs: dict[str, Any], store: Path) -> None:
    marpack.pack(export_path=store, archive_format="no-archive", **inputs)
    inputs["handler"] = store / "m" / "handler.py"
    before = contents(store / "m")
    with pytest.raises(marpack.TargetError, match=r"holds handler .*which would be lost"):
        marpack.pack(export_path=store, archive_format="no-archive", force=True, **inputs)
    assert contents(store / "m") == before


def test_replaced_folder_has_no_stale_files(inputs: dict[str, Any], store: Path) -> None:
    marpack.pack(export_path=store, archive_format="no-archive", extra_files={"old.txt": b"x"}, **inputs)
    marpack.pack(export_path=store, archive_format="no-archive", force=True, **inputs)
    assert not (store / "m" / "old.txt").exists()
    assert listing(store) == ["m"]


def test_folder_that_no_archiver_made_is_never_replaced(inputs: dict[str, Any], store: Path) -> None:
    (store / "m").mkdir()
    (store / "m" / "thesis.txt").write_text("years of work")
    with pytest.raises(marpack.TargetError, match=r"no MAR-INF/MANIFEST\.json"):
        marpack.pack(export_path=store, archive_format="no-archive", force=True, **inputs)
    assert (store / "m" / "thesis.txt").read_text() == "years of work"
    assert listing(store) == ["m"]


def test_nothing_goes_to_the_temporary_folder(
    inputs: dict[str, Any], store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official tool deletes and rewrites <temporary folder>/<model name>."""
    temporary = tmp_path / "temporary"
    (temporary / "m").mkdir(parents=True)
    (temporary / "m" / "precious").write_text("x")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    marpack.pack(export_path=store, **inputs)
    assert listing(temporary) == ["m"]
    assert listing(temporary / "m") == ["precious"]
