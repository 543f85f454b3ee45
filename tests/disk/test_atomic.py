"""Nothing shared, nothing lost: what stands under the archive's name is always whole."""

from __future__ import annotations

import errno
import importlib
import io
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import marpack
from marpack.disk import folders
from tests.conftest import full_disk

FORMATS: list[marpack.typing.ArchiveFormat] = ["default", "zip-store", "tgz", "no-archive", "auto"]
T = 1_600_000_000

pytestmark = pytest.mark.slow


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "handler.py").write_text("def handle(data, context): return data\n")
    (folder / "weights.pt").write_bytes(random.Random(1).randbytes(3_000_000))
    os.utime(folder / "weights.pt", (T, T))
    return {
        "model_name": "m",
        "handler": folder / "handler.py",
        "serialized_file": folder / "weights.pt",
        "timestamp": T,
    }


def contents(path: Path) -> object:
    """Everything under a name: a file's bytes, or a folder's files and theirs."""
    if path.is_dir():
        return {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return path.read_bytes()


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


def shrink_while_reading(path: Path) -> Callable[[int], None]:
    def progress(_count: int) -> None:
        with path.open("r+b") as file:
            file.truncate(1_000_000)

    return progress


def change_while_reading(path: Path) -> Callable[[int], None]:
    def progress(_count: int) -> None:
        with path.open("r+b") as file:
            file.seek(2_000_000)
            file.write(b"another epoch")

    return progress


def grow_while_reading(path: Path) -> Callable[[int], None]:
    def progress(_count: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    return progress


@pytest.mark.parametrize("archive_format", FORMATS)
@pytest.mark.parametrize("digest", [False, True])
@pytest.mark.parametrize("disturb", [shrink_while_reading, change_while_reading, grow_while_reading])
def test_source_that_changes_while_read(
    inputs: dict[str, Any],
    store: Path,
    archive_format: marpack.typing.ArchiveFormat,
    digest: bool,
    disturb: Callable[[Path], Any],
) -> None:
    inputs["archive_format"] = archive_format
    before = marpack.pack(export_path=store, **inputs)
    kept = contents(Path(before.path))
    plan = marpack.plan_archive(**inputs)
    with pytest.raises(marpack.SourceChangedError, match=r"weights\.pt"):
        marpack.write_archive(
            plan, before.path, force=True, digest=digest, progress=disturb(inputs["serialized_file"])
        )
    assert contents(Path(before.path)) == kept
    assert listing(store) == [plan.file_name]


@pytest.mark.parametrize("archive_format", FORMATS)
def test_source_that_changed_since_the_plan(
    inputs: dict[str, Any], store: Path, archive_format: marpack.typing.ArchiveFormat
) -> None:
    plan = marpack.plan_archive(archive_format=archive_format, **inputs)
    inputs["handler"].write_text("another text of another length\n")
    with pytest.raises(marpack.SourceChangedError, match=r"handler\.py"):
        marpack.write_archive(plan, store / "m")
    assert listing(store) == []


@pytest.mark.parametrize("change", [b"", b"x", b"another text of another length"])
def test_small_source_that_changes_while_read(
    inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    plan = marpack.plan_archive(archive_format="zip-store", **inputs)
    read = os.read

    def read_and_change(file: int, size: int) -> bytes:
        data = read(file, size)
        inputs["handler"].write_bytes(change)
        return data

    monkeypatch.setattr(os, "read", read_and_change)
    with pytest.raises(marpack.SourceChangedError, match=r"handler\.py"):
        b"".join(marpack.iter_archive(plan))


def test_small_source_that_comes_in_parts(inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = marpack.plan_archive(archive_format="zip-store", **inputs)
    whole = b"".join(marpack.iter_archive(plan))
    monkeypatch.setattr(os, "read", lambda file, size, read=os.read: read(file, min(size, 3)))
    assert b"".join(marpack.iter_archive(plan)) == whole


class LyingSource:
    """Says 2,000,000 bytes and gives something else from the second reading on, or at once."""

    size = 2_000_000

    def __init__(self, *readings: bytes) -> None:
        self.readings = list(readings)

    def open(self) -> Any:
        return io.BytesIO(self.readings.pop(0) if len(self.readings) > 1 else self.readings[0])


@pytest.mark.parametrize("archive_format", ["default", "zip-store", "tgz"])
@pytest.mark.parametrize("given", [b"x" * 1_999_999, b"x" * 2_000_001, b""])
def test_source_of_the_callers_own_that_lies(archive_format: marpack.typing.ArchiveFormat, given: bytes) -> None:
    plan = marpack.plan_archive(
        model_name="m",
        handler="base_handler",
        serialized_file={"w.pt": LyingSource(given)},
        archive_format=archive_format,
    )
    with pytest.raises(marpack.SourceChangedError, match="planned"):
        b"".join(marpack.iter_archive(plan))


@pytest.mark.parametrize("archive_format", ["default", "zip-store"])
def test_source_that_differs_the_second_time(archive_format: marpack.typing.ArchiveFormat) -> None:
    source = LyingSource(b"x" * 2_000_000, b"y" * 2_000_000)
    plan = marpack.plan_archive(
        model_name="m", handler="base_handler", serialized_file={"w.pt": source}, archive_format=archive_format
    )
    with pytest.raises(marpack.SourceChangedError, match="changed while it was read"):
        b"".join(marpack.iter_archive(plan))


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


def test_inputs_inside_the_folder_to_be_replaced_survive(inputs: dict[str, Any], store: Path) -> None:
    marpack.pack(export_path=store, archive_format="no-archive", **inputs)
    inputs["handler"] = store / "m" / "handler.py"
    before = contents(store / "m")
    with pytest.raises(marpack.TargetError, match=r"holds handler .*which would be lost"):
        marpack.pack(export_path=store, archive_format="no-archive", force=True, **inputs)
    assert contents(store / "m") == before


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


def test_one_open_file_in_many_archives_at_once(inputs: dict[str, Any]) -> None:
    with open(inputs["serialized_file"], "rb") as file:
        plan = marpack.plan_archive(**inputs | {"serialized_file": file, "archive_format": "zip-store"})
        expected = b"".join(marpack.iter_archive(plan))
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(lambda _: b"".join(marpack.iter_archive(plan)), range(16)))
        interleaved = zip(marpack.iter_archive(plan), marpack.iter_archive(plan), strict=True)
        assert b"".join(one for one, _ in interleaved) == expected
    assert set(made) == {expected}


def test_reader_of_wide_items(inputs: dict[str, Any]) -> None:
    class Wide:
        size = 8

        def open(self) -> Any:
            return self

        def read(self, size: int) -> Any:
            data, self.data = self.data, b""
            return memoryview(data).cast("I") if data else data

        def close(self) -> None:
            pass

        data = bytes(range(8))

    plan = marpack.plan_archive(model_name="m", handler="base_handler", extra_files={"x": Wide()})
    with zipfile.ZipFile(io.BytesIO(b"".join(marpack.iter_archive(plan)))) as archive:
        assert archive.read("x") == bytes(range(8))


def test_fifo_in_the_place_of_a_file_does_not_wait(inputs: dict[str, Any]) -> None:
    plan = marpack.plan_archive(**inputs)
    inputs["handler"].unlink()
    os.mkfifo(inputs["handler"])
    with pytest.raises(marpack.SourceChangedError):
        b"".join(marpack.iter_archive(plan))


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
