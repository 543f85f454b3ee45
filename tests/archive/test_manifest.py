from __future__ import annotations

import contextlib
import json
import pickle
import sys
import zipfile
from pathlib import Path

import pytest

import marpack
from marpack import Manifest, ManifestError, ManifestModel, WorkflowManifest

FULL = """{
  "createdOn": "22/11/2026 07:46:23",
  "runtime": "python",
  "model": {
    "modelName": "m1",
    "serializedFile": "w.pt",
    "handler": "handler.py",
    "modelFile": "model.py",
    "modelVersion": "1.0",
    "requirementsFile": "reqs.txt",
    "configFile": "mc.yaml"
  },
  "archiverVersion": "0.12.0"
}"""


def test_the_archivers_text_both_ways() -> None:
    manifest = Manifest.from_json(FULL)
    assert manifest == Manifest(
        created_on="22/11/2026 07:46:23",
        model=ManifestModel(
            model_name="m1",
            serialized_file="w.pt",
            handler="handler.py",
            model_file="model.py",
            model_version="1.0",
            requirements_file="reqs.txt",
            config_file="mc.yaml",
        ),
    )
    assert manifest.to_json() == FULL


def test_unknown_fields_survive() -> None:
    text = '{"vendor": {"x": [1]}, "model": {"modelName": "m", "envelope": "body", "extensions": null}}'
    manifest = Manifest.from_json(text)
    assert manifest.extra == {"vendor": {"x": [1]}}
    assert manifest.model.extra == {"envelope": "body", "extensions": None}
    assert Manifest.from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        *[(each, each) for each in ("1.0", "1.10", "1e3", "1E+3", "-0", "1" * 4000, "1e999", "0.1000000000001")],
        *[(each, each) for each in ("true", "false", "NaN", "Infinity", "-Infinity")],
        *[('"1"', "1"), ("null", None)],
    ],
)  # fmt: skip
def test_a_number_is_the_text_that_it_is_spelled_as(spelled: str, text: str | None) -> None:
    manifest = Manifest.from_json(
        f'{{"createdOn": {spelled}, "model": {{"modelVersion": {spelled}, "own": 1.0}}}}'
    )
    assert (manifest.created_on, manifest.model.model_version, manifest.model.extra) == (text, text, {"own": 1.0})
    assert type(manifest.model.extra["own"]) is float
    workflow = WorkflowManifest.from_json(f'{{"workflow": {{"workflowName": {spelled}}}}}').workflow
    assert workflow.workflow_name == text


def test_what_is_no_number_stays_under_keys_of_ones_own() -> None:
    text = '{"a": NaN, "model": {"b": [Infinity, 1e999, {"c": -Infinity}]}, "metadata": {"d": NaN}}'
    written = Manifest.from_json(text).to_json()
    assert json.loads(written, parse_constant=str) == {
        "a": "NaN",
        "model": {"b": ["Infinity", "Infinity", {"c": "-Infinity"}]},
        "metadata": {"d": "NaN"},
    }
    assert Manifest.from_json(written).to_json() == written


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "Expecting value", (1, 1)),
        ('{"model": {}', "Expecting ',' delimiter", (1, 13)),
        ('{\n  "model": {},\n  // note\n}', "property name", (3, 3)),
        ('\ufeff{"model": {}}', "Unexpected UTF-8 BOM", (1, 1)),
        ("{} {}", "Extra data", (1, 4)),
        ("null", "must be an object, not null", (1, 1)),
        ("[]", "must be an object, not a list", (1, 1)),
        ('"x"', "must be an object, not a string", (1, 1)),
        ("5", "must be an object, not a whole number", (1, 1)),
        ("true", "must be an object, not a boolean", (1, 1)),
        ('{"model": null}', "'model' must be an object, not null", (1, 1)),
        ('{"model": []}', "'model' must be an object", (1, 1)),
        ('{"model": {"modelName": [5]}}', "'modelName' must be a string, not a list", (1, 1)),
        ('{"model": {"handler": {}}}', "'handler' must be a string, not an object", (1, 1)),
        ('{"createdOn": {}}', "'createdOn' must be a string", (1, 1)),
        ('{"runtime": 3}', "'runtime' must be one of", (1, 1)),
        ('{"runtime": true}', "'runtime' must be one of", (1, 1)),
        ('{"metadata": 3}', "'metadata' must be an object", (1, 1)),
        ('{"runtime": "Python"}', "'runtime' must be one of python, python3, LSP", (1, 1)),
        ('{"runtime": "python", "runtime": "python"}', "'runtime' is given twice", (1, 1)),
        ('{"runtime": null}', "'runtime' must be one of", (1, 1)),
        ('{"x": ' + "1" * 5000 + "}", "limit", (1, 1)),
        ("[" * 100_000, "nested too deeply", (1, 1)),
    ],
)
def test_refused_texts(text: str, message: str, place: tuple[int, int]) -> None:
    with pytest.raises(ManifestError) as caught:
        Manifest.from_json(text)
    assert message in caught.value.msg
    assert (caught.value.lineno, caught.value.colno) == place
    assert caught.value.doc == text
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_values_are_checked_when_built() -> None:
    with pytest.raises(TypeError, match="model_name must be a str"):
        ManifestModel(model_name=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="created_on must be a str"):
        Manifest(model=ManifestModel(), created_on=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="metadata must be a mapping"):
        Manifest(model=ManifestModel(), metadata=[])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="runtime 'perl'"):
        Manifest(model=ManifestModel(), runtime="perl")
    with pytest.raises(ValueError, match="'model' has a field of its own"):
        Manifest(model=ManifestModel(), extra={"model": {}})
    with pytest.raises(ValueError, match="'handler' has a field of its own"):
        ManifestModel(extra={"handler": "x"})


NUMBERS = (
    '{"createdOn": 20261128, "runtime": "python", "model": {"modelName": "m", "handler": "h.py",'
    ' "modelVersion": 1.10, "serializedFile": 7, "own": NaN}, "archiverVersion": 0.12, "far": [1e999, -Infinity]}'
)


def test_one_reading_of_numbers_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("h.py", "def handle(data, context):\n    return data\n")
        made.writestr("7", b"weights")
        made.writestr("MAR-INF/MANIFEST.json", NUMBERS)
    with marpack.open_archive(path) as archive:
        assert archive.verify() == ()
        assert isinstance(archive, marpack.ModelArchive)
        assert (archive.manifest.model.model_version, archive.references["serializedFile"]) == ("1.10", "7")
        shown = json.loads(marpack.inspect_archive(archive).to_json(), parse_constant=pytest.fail)
        assert not marpack.diff_archives(archive, path)
    assert shown["manifest"]["model"]["modelVersion"] == 1.10
    assert (shown["manifest"]["model"]["own"], shown["manifest"]["far"]) == ("NaN", ["Infinity", "-Infinity"])
    assert shown["issues"] == []
    assert list(marpack.ModelSnapshot.from_archives([path]).models["m"]) == ["1.10"]
    marpack.write_archive(marpack.plan_repack(path, model_name="n"), tmp_path / "n.mar")
    with zipfile.ZipFile(tmp_path / "n.mar") as repacked:
        written = repacked.read("MAR-INF/MANIFEST.json").decode()
    assert json.loads(written, parse_float=str, parse_constant=str) == {
        "createdOn": "20261128",
        "runtime": "python",
        "model": {
            "modelName": "n",
            "serializedFile": "7",
            "handler": "h.py",
            "modelVersion": "1.10",
            "own": "NaN",
        },
        "archiverVersion": "0.12",
        "far": ["Infinity", "-Infinity"],
    }


def test_a_depth_that_can_be_read_once_is_told() -> None:
    """The text is read a second time for how a number is spelled, from further down."""
    for depth in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit()):
        text = f'{{"model": {{"modelName": 1, "x": {"[" * depth}{"]" * depth}}}}}'
        with contextlib.suppress(ManifestError):
            assert Manifest.from_json(text).model.model_name == "1"
