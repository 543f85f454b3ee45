"""The folder is built whole or not at all, and where it may be."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import ArchiveExistsError, SourceChangedError, TargetError, UploadError
from tests.conftest import full_disk
from tests.support.built_artifacts import MAR, NAME, build, content, serving_model, write_config_properties
from tests.support.folder_contents import listing, unchanged
from tests.support.growing_source import Growing


def test_an_archive_that_exists_stays_unless_it_is_forced() -> None:
    model = serving_model({"serialized_file": "net.pt"})
    build(model)
    Path("net.pt").write_bytes(b"other")
    with unchanged(Path("deploy")), pytest.raises(ArchiveExistsError):
        build(model)
    assert content(build(model, force=True), "net.pt") == b"other"


def test_other_files_of_the_folder_stay(folder: Path) -> None:
    (folder / "deploy" / "model-store").mkdir(parents=True)
    (folder / "deploy" / "model-store" / "other.mar").write_bytes(b"other")
    build(serving_model({"serialized_file": "net.pt"}))
    assert (folder / "deploy" / "model-store" / "other.mar").read_bytes() == b"other"


def _files(folder: Path) -> dict[str, bytes | None]:
    return {name: data for name, data in listing(folder).items() if data is not None}


@pytest.mark.parametrize("again", [False, True])
def test_nothing_half_written_when_the_source_changes(again: bool, folder: Path) -> None:
    if again:
        build(serving_model(), exported_model="net.pt")
    before = _files(folder)
    with pytest.raises(SourceChangedError):
        build(serving_model(), exported_model=Growing(), force=True)
    assert _files(folder) == before


@pytest.mark.parametrize("again", [False, True])
def test_nothing_half_written_when_the_disk_is_full(again: bool, folder: Path) -> None:
    if again:
        build(serving_model(), exported_model="net.pt")
    before = _files(folder)
    weights = random.Random(0).randbytes(1 << 19)
    with full_disk(1 << 18), pytest.raises(OSError, match="too large"):
        build(serving_model(), exported_model=weights, force=True)
    assert _files(folder) == before


def test_settings_are_replaced_whole_or_not_at_all(folder: Path) -> None:
    (folder / "config.properties").write_text("old=1\n")
    with full_disk(100), unchanged(folder), pytest.raises(OSError, match="too large"):
        write_config_properties(NAME, MAR, ".")


@pytest.mark.parametrize("target", ["s3://bucket/x", "https://host.invalid/x", Path("gs://bucket/x")])
def test_a_url_is_no_folder_to_build_into(target: Any, folder: Path) -> None:
    model = serving_model({"serialized_file": "net.pt"})
    if target != "s3://bucket/x":
        with unchanged(folder), pytest.raises((TargetError, UploadError), match=r"cannot be written|lost a slash"):
            build(model, target)
    with unchanged(folder), pytest.raises(TargetError, match="build into a local folder, and upload that"):
        write_config_properties("m", "m.mar", target)
