"""Sources that change, lie or wait while they are read are no part of an archive."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import marpack
from tests.support.stored import FORMATS, contents, listing

pytestmark = pytest.mark.slow


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
