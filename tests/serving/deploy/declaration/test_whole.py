"""What is there stays, the folder is built whole or not at all, and where it may be."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from marpack.cli import main
from marpack.errors import ArchiveExistsError, SourceChangedError, TargetError, UploadError
from marpack.serving import serve_build
from tests.conftest import full_disk
from tests.support.declarations import KSERVE, MODEL, T, build, complaints
from tests.support.folder_contents import listing, unchanged
from tests.support.growing_source import Growing


def test_existing_archives_stay_unless_it_is_forced(capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, KSERVE[1:])
    Path("other.pt").write_bytes(b"changed")
    [line] = complaints(capsys, KSERVE)
    assert "squeezenet.mar' already exists" in line
    assert "--force" in line
    build(capsys, KSERVE, "-f")
    with zipfile.ZipFile("deploy/model-store/squeezenet.mar") as archive:
        assert archive.read("other.pt") == b"changed"
    with pytest.raises(ArchiveExistsError):
        serve_build(KSERVE, "deploy")


@pytest.mark.parametrize("target", ["net.pt", "net.pt/deploy", "blocked"])
def test_a_target_that_cannot_be_a_folder(target: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "blocked").mkdir()
    (folder / "blocked" / "config").write_text("x")
    [line] = complaints(capsys, [MODEL], "-o", target)
    assert target.partition("/")[0] in line


def test_nothing_half_written_when_a_source_changes() -> None:
    before: dict[str, bytes | None] = {}
    for model in ({**MODEL}, {**MODEL, "serialized_file": Growing()}):
        models = [{**MODEL, "model_name": "another"}, model]
        if model["serialized_file"] == "net.pt":
            serve_build(models, "deploy", timestamp=T)
            before = listing(Path("deploy"))
        else:
            with pytest.raises(SourceChangedError):
                serve_build(models, "deploy", force=True, timestamp=T)
    assert listing(Path("deploy")) == before


def test_nothing_half_written_when_the_disk_is_full(capsys: pytest.CaptureFixture[str]) -> None:
    build(capsys, [MODEL])
    before = listing(Path("deploy"))
    Path("net.pt").write_bytes(random.Random(0).randbytes(1 << 19))
    with full_disk(1 << 18):
        assert main(["serve-build", "models.json", "--force"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("marpack: error: ")
    assert err.count("\n") == 1
    assert "digits.mar" in err
    assert listing(Path("deploy")) == before


def test_settings_that_are_there_are_not_lost(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "deploy" / "config").mkdir(parents=True)
    own = folder / "deploy" / "config" / "config.properties"
    own.write_text("# ours\n")
    assert "already exists" in "\n".join(complaints(capsys, {"models": [MODEL]}))
    assert own.read_text() == "# ours\n"
    assert not (folder / "deploy" / "model-store").exists()


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("https://host.invalid/x", "cannot be written by its scheme"),
        ("simplecache::s3://bucket/x", "chains file systems"),
        ("file://host/x", "is on another machine"),
        ("s3://", "names no folder"),
        (Path("s3://bucket/x"), "has lost a slash: give it as text"),
        ("s3:/bucket/x", "has lost a slash"),
    ],
)
def test_a_url_that_names_no_folder_to_build_into(target: Any, says: str, folder: Path) -> None:
    with unchanged(folder), pytest.raises((TargetError, UploadError), match=says):
        serve_build([MODEL], target)
