"""The weights: a file that is named, or what training exports, which is asked for last."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack.errors import DownloadError, MarpackError, PlanError
from tests.support.built_artifacts import (
    MAR,
    Export,
    arguments_at_fault,
    build,
    content,
    manifest,
    members,
    serving_model,
    write_config_properties,
)
from tests.support.folder_contents import unchanged

if TYPE_CHECKING:
    from collections.abc import Callable


def test_serialized_file_goes_before_the_export() -> None:
    export = Export()
    Path("other.pt").write_bytes(b"other")
    result = build(serving_model({"serialized_file": "other.pt"}), exported_model=export)
    assert (members(result), export.calls) == ({"model.py", "other.pt"}, 0)


@pytest.mark.parametrize(
    "given",
    [
        lambda folder: "net.pt",
        lambda folder: folder / "net.pt",
        lambda folder: (folder / "net.pt").as_uri(),
        lambda folder: {"net.pt": b"weights"},
        lambda folder: io.BytesIO(b"weights"),
    ],
    ids=["path", "Path", "URL", "named bytes", "file"],
)
@pytest.mark.parametrize("called", [False, True])
def test_exported_model_in_every_form(given: Callable[[Path], Any], called: bool, folder: Path) -> None:
    value = given(folder)
    export = Export(value)
    result = build(serving_model(), exported_model=export if called else value)
    weights = manifest(result)["model"]["serializedFile"]
    assert content(result, weights) == b"weights"
    assert weights == ("model.pt" if isinstance(value, io.BytesIO) else "net.pt")
    assert export.calls == int(called)


def test_exported_bytes_are_called_model_pt() -> None:
    result = build(serving_model(), exported_model=b"weights")
    assert manifest(result)["model"]["serializedFile"] == "model.pt"
    assert content(result, "model.pt") == b"weights"


def test_neither_a_file_nor_an_export(folder: Path) -> None:
    with unchanged(folder), pytest.raises(PlanError, match=r"serialized_file: is missing.*exported_model="):
        build(serving_model())


@pytest.mark.parametrize("value", ["", None, 5, "gone.pt", Path("gone.pt")], ids=repr)
@pytest.mark.parametrize("called", [False, True])
def test_an_export_that_is_nothing_is_an_error(value: object, called: bool, folder: Path) -> None:
    with unchanged(folder), pytest.raises(PlanError) as caught:
        build(serving_model(), exported_model=(lambda: value) if called else value)
    assert arguments_at_fault(caught.value) == ["serialized_file"]


def test_an_url_without_a_file(folder: Path) -> None:
    with unchanged(folder), pytest.raises(DownloadError, match="does not exist"):
        build(serving_model(), exported_model=(folder / "gone.pt").as_uri())


def test_what_the_export_raises_passes_through(folder: Path) -> None:
    def export() -> str:
        raise RuntimeError("training has not finished")

    with unchanged(folder), pytest.raises(RuntimeError, match="has not finished"):
        build(serving_model(), exported_model=export)


def _occupied(folder: Path) -> None:
    (folder / "deploy" / "model-store").mkdir(parents=True)
    (folder / "deploy" / "model-store" / MAR).write_bytes(b"old")


def _file_for_a_folder(folder: Path) -> None:
    (folder / "deploy").mkdir()
    (folder / "deploy" / "config").write_text("")


def _file_for_the_target(folder: Path) -> None:
    (folder / "deploy").write_text("")


def _folder_for_the_settings(folder: Path) -> None:
    (folder / "deploy" / "config" / "config.properties").mkdir(parents=True)


@pytest.mark.parametrize(
    ("serving", "arguments", "prepare"),
    [
        ({"colour": "red"}, {}, None),
        ({"model_file": "gone.py"}, {}, None),
        ({"handler": "gone.py"}, {}, None),
        ({"extra_files": "gone.json"}, {}, None),
        ({"requirements_file": "gone.txt"}, {}, None),
        ({"config_properties": "gone.properties"}, {}, None),
        ({"config_properties": "other.properties"}, {}, None),
        ({}, {"torchserve_version": "newest"}, None),
        ({}, {"min_workers": "many"}, None),
        ({}, {"min_workers": 9}, None),
        ({}, {"min_wokers": 1}, None),
        ({}, {"model_version": ""}, None),
        ({}, {"archive_format": "rar"}, None),
        ({}, {}, _occupied),
        ({}, {}, _file_for_a_folder),
        ({}, {}, _file_for_the_target),
        ({}, {}, _folder_for_the_settings),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_export_is_not_asked_for_and_nothing_written_when_anything_is_wrong(
    serving: dict[str, Any], arguments: dict[str, Any], prepare: Callable[[Path], None] | None, folder: Path
) -> None:
    write_config_properties("other", "other.mar", ".")
    os.rename("config.properties", "other.properties")
    if prepare is not None:
        prepare(folder)
    export = Export()
    with unchanged(folder), pytest.raises((MarpackError, ValueError, TypeError, OSError)):
        build(serving_model(serving), exported_model=export, **arguments)
    assert export.calls == 0


def test_an_export_that_is_a_path_with_a_line_break(folder: Path) -> None:
    (folder / "net\n.pt").write_bytes(b"weights")
    assert content(build(serving_model(), exported_model="net\n.pt"), "net\n.pt") == b"weights"


@pytest.mark.slow
def test_an_exported_module_is_packed_and_not_called() -> None:
    torch = pytest.importorskip("torch")
    assert "model.pt" in members(build(serving_model(), exported_model=torch.nn.Linear(1, 1)))
