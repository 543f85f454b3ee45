"""The plan of a workflow: what the arguments become, and those of which there is none."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import pickle
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import WorkflowManifest, iter_archive, write_archive
from marpack.archive.forms import DEFLATES
from marpack.archive.manifest import WORKFLOW_MANIFEST_NAME
from marpack.archive.plan.extra_files import Patterns
from tests.support.archives import T
from tests.support.planned_workflows import SPEC, content, issues, names, plan, write_inputs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(T))
    write_inputs(tmp_path)
    return tmp_path


def test_what_the_arguments_become() -> None:
    planned = plan(handler="steps.py", extra_files=["labels.json", "pkg"])
    assert names(planned) == ["__init__.py", "labels.json", "spec.yaml", "steps.py", "sub/deep.py"]
    workflow = planned.manifest.workflow
    assert (workflow.workflow_name, workflow.spec_file, workflow.handler) == ("w", "spec.yaml", "steps.py")
    assert (planned.manifest.created_on, planned.manifest.archiver_version) == ("13/09/2020 12:26:40", "0.2.15")
    assert (planned.file_name, planned.suffix, planned.archive_format) == ("w.war", ".war", "default")
    assert [entry.name for entry in planned.members] == [*names(planned), WORKFLOW_MANIFEST_NAME]
    assert planned.size == sum(entry.size for entry in planned.members)
    # W3: unlike those of a model, extra files have the time of packing.
    assert {entry.mtime for entry in planned.members} == {T}
    assert planned.warnings == ()


def test_the_archive_is_what_zipfile_reads() -> None:
    planned = plan(handler="steps.py", extra_files="labels.json")
    result = write_archive(planned, "w.war", digest=True)
    data = Path("w.war").read_bytes()
    assert data == b"".join(iter_archive(planned))
    assert result.sha256 == hashlib.sha256(data).hexdigest()
    with zipfile.ZipFile("w.war") as archive:
        assert archive.testzip() is None
        assert archive.namelist()[-1] == WORKFLOW_MANIFEST_NAME
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        assert archive.read(WORKFLOW_MANIFEST_NAME).decode() == planned.manifest_text
        assert {name: archive.read(name) for name in archive.namelist()[:-1]} == content(planned)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("spec.yaml", "spec.yaml"),
        (Path("spec.yaml"), "spec.yaml"),
        (SPEC.encode(), "workflow.yaml"),
        (bytearray(SPEC.encode()), "workflow.yaml"),
        (io.BytesIO(SPEC.encode()), "workflow.yaml"),
        ({"x.yml": SPEC.encode()}, "x.yml"),
        ({"x.yml": "spec.yaml"}, "x.yml"),
        ({"x.yml": Path("spec.yaml")}, "x.yml"),
    ],
)
def test_forms_of_a_specification(value: Any, name: str) -> None:
    planned = plan(spec_file=value)
    assert planned.manifest.workflow.spec_file == name
    assert content(planned) == {name: SPEC.encode()}


def test_an_open_file_keeps_its_name() -> None:
    with open("steps.py", "rb") as file:
        planned = plan(handler=file)
        assert planned.manifest.workflow.handler == "steps.py"
        assert content(planned)["steps.py"] == Path("steps.py").read_bytes()


@pytest.mark.parametrize("nothing", [None, "", [], ()])
def test_no_handler_is_an_empty_one(nothing: Any) -> None:
    planned = plan(handler=nothing)
    assert names(planned) == ["spec.yaml"]
    assert json.loads(planned.manifest_text)["workflow"]["handler"] == ""


def test_handler_from_memory() -> None:
    planned = plan(handler=b"def prepare(data, context):\n    return data\n")
    assert planned.manifest.workflow.handler == "handler.py"
    assert names(planned) == ["handler.py", "spec.yaml"]


def test_the_last_of_a_list_is_meant() -> None:
    planned = plan(spec_file=["labels.json", {"a.yaml": SPEC.encode()}], handler=("pkg/__init__.py", "steps.py"))
    assert (planned.manifest.workflow.spec_file, planned.manifest.workflow.handler) == ("a.yaml", "steps.py")
    assert names(planned) == ["__init__.py", "a.yaml", "labels.json", "steps.py"]


def test_a_comma_is_part_of_a_path_in_the_library() -> None:
    Path("a,b.yaml").write_text(SPEC)
    assert names(plan(spec_file="a,b.yaml")) == ["a,b.yaml"]
    assert issues(spec_file="labels.json,spec.yaml") == [("spec_file", "missing-file")]


def test_extra_files_are_those_of_models() -> None:
    extra = ["pkg", marpack.tree("pkg", prefix="lib"), {"data.bin": b"1", "MAR-INF/x": b"2"}, Patterns("*.json")]
    assert names(plan(extra_files=extra)) == [
        *("__init__.py", "data.bin", "labels.json", "spec.yaml"),
        *("MAR-INF/x", "lib/__init__.py", "lib/sub/deep.py", "sub/deep.py"),
    ]


def test_reproducible() -> None:
    os.chmod("spec.yaml", 0o600)
    one = plan(reproducible=True, timestamp=None)
    assert one.timestamp == 315_532_800
    assert {(entry.mode, entry.mtime) for entry in one.files} == {(0o644, 315_532_800)}
    before = b"".join(iter_archive(one))
    os.utime("spec.yaml")
    os.chmod("spec.yaml", 0o640)
    assert b"".join(iter_archive(plan(reproducible=True, timestamp=None))) == before


def test_times() -> None:
    assert plan(timestamp=datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)).timestamp == T
    assert plan(timestamp=T + 0.9).timestamp == T
    assert plan(timestamp=None).timestamp > T


@pytest.mark.parametrize("deflate", DEFLATES)
def test_every_way_to_deflate(deflate: Any) -> None:
    planned = plan(deflate=deflate, extra_files={"large.txt": b"the same again\n" * 100_000})
    assert planned.deflate == deflate
    with zipfile.ZipFile(io.BytesIO(b"".join(iter_archive(planned, threads=2)))) as archive:
        assert archive.read("large.txt") == b"the same again\n" * 100_000


def test_a_way_to_deflate_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal", None)
    with pytest.raises(marpack.MissingExtraError, match=r"marpack\[fast\]"):
        plan(deflate="fast")


def test_two_dots_and_another_suffix_are_warned_of() -> None:
    planned = plan(workflow_name="a..b")
    assert len(planned.warnings) == 1
    result = write_archive(planned, "a.zip")
    assert len(result.warnings) == 2
    assert "'.war'" in result.warnings[1]


def test_a_plan_is_shown() -> None:
    lines = str(plan(handler="steps.py")).splitlines()
    assert lines[0].startswith("w.war: 3 members, ")
    assert [line.split()[-1] for line in lines[1:]] == ["spec.yaml", "steps.py", WORKFLOW_MANIFEST_NAME]


def test_a_plan_is_a_value() -> None:
    planned = plan()
    assert planned == plan()
    assert pickle.loads(pickle.dumps(planned)) == planned
    with pytest.raises(dataclasses.FrozenInstanceError):
        planned.workflow_name = "n"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workflow_name": "a b"}, "workflow name"),
        ({"archive_format": "zip-store"}, "a deflated zip"),
        ({"deflate": "best"}, "'best'"),
        ({"entries": "twice"}, "unique"),
    ],
)
def test_a_plan_is_checked(changes: dict[str, Any], words: str) -> None:
    planned = plan()
    if "entries" in changes:
        changes = {"files": planned.files * 2}
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(planned, **changes)


def test_each_kind_of_plan_keeps_its_own_folder() -> None:
    """A model's archive may hold WAR-INF, and a workflow's MAR-INF; neither its own."""
    model = marpack.plan_archive(model_name="m", handler="", extra_files={"WAR-INF/x": b""})
    workflow = plan(extra_files={"MAR-INF/x": b""})
    with pytest.raises(ValueError, match="WAR-INF"):
        dataclasses.replace(workflow, files=(*workflow.files, *model.files))
    with pytest.raises(ValueError, match="MAR-INF"):
        dataclasses.replace(model, files=workflow.files)


@pytest.mark.parametrize("name", ["", "a b", "a/b", ".a", "-a", "ä", "w\n", "n" * 252])
def test_bad_names(name: str) -> None:
    assert issues(workflow_name=name) == [("workflow_name", "bad-workflow-name")]


@pytest.mark.parametrize("nothing", [None, "", [], ()])
def test_a_specification_is_needed(nothing: Any) -> None:
    assert issues(spec_file=nothing) == [("spec_file", "bad-value")]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"spec_file": "no.yaml"}, [("spec_file", "missing-file")]),
        ({"spec_file": "pkg"}, [("spec_file", "not-a-file")]),
        ({"spec_file": ["no.yaml", "spec.yaml"]}, [("spec_file", "missing-file")]),
        ({"spec_file": [None, "spec.yaml"]}, [("spec_file", "bad-type")]),
        ({"handler": ""}, []),
        ({"handler": "steps"}, [("handler", "missing-file")]),
        ({"handler": "steps.py:prepare"}, [("handler", "missing-file")]),
        ({"handler": "base_handler"}, [("handler", "missing-file")]),
        ({"handler": {"d/h.py": b""}}, [("handler", "bad-member-name")]),
        ({"handler": {"a.py": b"", "b.py": b""}}, [("handler", "bad-value")]),
        ({"handler": io.StringIO("text")}, [("handler", "bad-type")]),
        ({"extra_files": {"spec.yaml": b"other"}}, [("extra_files", "collision")]),
        ({"extra_files": {"WAR-INF/MANIFEST.json": b""}}, [("extra_files", "bad-member-name")]),
        ({"extra_files": {"war-inf": b""}}, [("extra_files", "bad-member-name")]),
        ({"extra_files": marpack.tree("pkg", prefix="WAR-INF")}, [("extra_files", "bad-member-name")]),
        ({"metadata": {1: 2}}, [("metadata", "bad-metadata")]),
        ({"metadata": {"x": float("nan")}}, [("metadata", "bad-metadata")]),
        ({"deflate": "best"}, [("deflate", "bad-value")]),
        ({"timestamp": datetime(2020, 1, 1)}, [("timestamp", "bad-timestamp")]),
        ({"timestamp": "now"}, [("timestamp", "bad-type")]),
    ],
)
def test_issues(arguments: dict[str, Any], found: list[tuple[str, str]]) -> None:
    if found:
        assert issues(**arguments) == found
    else:
        plan(**arguments)


def test_all_issues_at_once() -> None:
    found = issues(workflow_name=5, spec_file=5, handler=5, extra_files=5, metadata=5, deflate=5, timestamp="x")
    assert found == [
        ("workflow_name", "bad-type"),
        ("deflate", "bad-value"),
        ("timestamp", "bad-type"),
        ("spec_file", "bad-type"),
        ("handler", "bad-type"),
        ("extra_files", "bad-type"),
        ("metadata", "bad-metadata"),
    ]


def test_metadata_and_unknown_keys_survive() -> None:
    text = '{"x": [1], "workflow": {"specFile": "s", "y": null}, "metadata": {"a": {}}, "archiverVersion": null}'
    manifest = WorkflowManifest.from_json(text)
    assert (manifest.extra, manifest.workflow.extra, manifest.metadata) == ({"x": [1]}, {"y": None}, {"a": {}})
    assert manifest.archiver_version is None
    assert WorkflowManifest.from_json(manifest.to_json()) == manifest
    assert list(json.loads(manifest.to_json())) == ["workflow", "metadata", "x"]
    assert plan(metadata={"team": "a"}).manifest.metadata == {"team": "a"}
