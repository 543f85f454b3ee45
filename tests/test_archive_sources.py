"""Every public function that looks at an archive takes it in every way, and leaves open what was open."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.typing import ArchiveSource

FUNCTIONS: dict[str, Callable[[Any, Path], object]] = {
    "check": lambda source, _: [(each.code, each.member) for each in marpack.check(source)],
    "inspect_archive": lambda source, _: marpack.inspect_archive(source, digest=True).asdict() | {"path": ""},
    "diff_archives, old": lambda source, folder: marpack.diff_archives(source, folder / "b.mar").members,
    "diff_archives, new": lambda source, folder: marpack.diff_archives(folder / "b.mar", source).members,
    "plan_repack": lambda source, _: b"".join(marpack.iter_archive(marpack.plan_repack(source, version="2"))),
    "from_archives": lambda source, _: marpack.ModelSnapshot.from_archives([source]).to_json(),
    "ModelStore.add": lambda source, folder: Path(
        marpack.ModelStore(folder / "store").add(source, force=True).path
    ).read_bytes(),
}


class _PathLike:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("a", "0"), ("b", "1")):
        marpack.pack(
            model_name=name,
            version="1.0",
            handler={"h.py": f"def handle(data, context):\n    return data and [{text}]\n".encode()},
            extra_files={"note.txt": text.encode()},
            export_path=tmp_path,
            reproducible=True,
        )
    return tmp_path


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_an_archive_is_taken_in_every_way(function: Callable[[Any, Path], object], folder: Path) -> None:
    path = folder / "a.mar"
    expected = function(str(path), folder)
    assert expected is not None
    assert function(path, folder) == function(_PathLike(path), folder) == expected
    with path.open("rb") as file, marpack.open_archive(path) as archive:
        for _ in range(2):  # both stay open
            assert function(file, folder) == expected
            assert function(archive, folder) == expected
        with marpack.open_archive(file) as of_a_file:
            assert function(of_a_file, folder) == expected


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("source", [7, None, b"PK", io.StringIO("x")], ids=["int", "None", "bytes", "text"])
def test_anything_else_is_refused(function: Callable[[Any, Path], object], source: object, folder: Path) -> None:
    with pytest.raises((TypeError, FileNotFoundError)):
        function(source, folder)


def test_a_plan_keeps_open_what_it_was_made_from(folder: Path) -> None:
    path = folder / "a.mar"
    with path.open("rb") as file:
        for source in (path, file):
            plan = marpack.plan_repack(source, model_name="c")
            again = marpack.write_archive(plan, folder / "c.mar", force=True)
            with marpack.open_archive(again.path) as archive:
                assert (archive.manifest.model.model_name, archive.read("note.txt")) == ("c", b"0")


def test_a_file_without_a_name_is_none_of_a_store(folder: Path) -> None:
    nameless: ArchiveSource = io.BytesIO((folder / "a.mar").read_bytes())
    assert marpack.inspect_archive(nameless).manifest == marpack.inspect_archive(folder / "a.mar").manifest
    assert [each.code for each in marpack.check(io.BytesIO(b"no zip"))] == ["container-structure"]
    with pytest.raises(marpack.ConfigError, match="give its path"):
        marpack.ModelSnapshot.from_archives([nameless])
    with pytest.raises(marpack.TargetError, match="name a file"):
        marpack.ModelStore(folder / "store").add(nameless)
    assert marpack.ModelStore(folder / "store").add(nameless, file_name="n.mar").model_name == "a"


SNAPSHOT = '{"modelCount": 0, "models": {}}'


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (marpack.lint_config, "job_queue_size=0\n"),
        (marpack.lint_snapshot, SNAPSHOT),
        (marpack.lint_model_config, "batchSize: 0\n"),
        (marpack.ModelSnapshot.from_json, SNAPSHOT),
        (marpack.ModelConfig.loads, "batchSize: 4\n"),
        (marpack.ServerConfig.loads, "job_queue_size=10\n"),
        (marpack.properties.loads, "a=b\n"),
        (marpack.Manifest.from_json, '{"model": {"modelVersion": 1.0}}'),
        (marpack.WorkflowManifest.from_json, '{"workflow": {}}'),
    ],
)
def test_a_document_is_text_or_bytes(function: Callable[[Any], object], text: str) -> None:
    assert function(text) == function(text.encode())


def test_bytes_of_json_are_utf_8() -> None:
    for function, error in (
        (marpack.Manifest.from_json, marpack.ManifestError),
        (marpack.ModelSnapshot.from_json, marpack.SnapshotError),
    ):
        with pytest.raises(error, match="not UTF-8 at byte 0"):
            function(b"\xff")
    assert [each.code for each in marpack.lint_snapshot(b"\xff")] == [
        each.code for each in marpack.lint_snapshot("x")
    ]
