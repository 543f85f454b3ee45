"""Provenance: what SLSA requires is there, what is not known is not, and the rest is what was packed."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from marpack.signing import Resource, SourceCommit, provenance_of
from tests.support.archives import T, packed
from tests.support.signatures import require_model_signing

COMMIT = "0123456789abcdef" * 2 + "01234567"
URI = "git+https://user:hunter2@host/owner/name@refs/heads/main"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(T))
    return tmp_path


def checked(text: str, archive: Path) -> dict[str, Any]:
    """Return the predicate of a statement about an archive, all of whose members but the manifest it names."""
    statement = json.loads(text)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert statement["subject"] == [{"name": archive.name, "digest": {"sha256": digest}}]
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    predicate: dict[str, Any] = statement["predicate"]
    assert {*predicate} == {"buildDefinition", "runDetails"}
    assert {"buildType", "externalParameters", "resolvedDependencies"} <= {*predicate["buildDefinition"]}
    # Nobody has measured a time, and no build platform has run it.
    assert {*predicate["runDetails"]} == {"builder"}
    inputs = {each["name"]: each["digest"] for each in dependencies(predicate) if "name" in each}
    with marpack.open_archive(archive) as opened:
        assert inputs == {
            each.name: {"sha256": hashlib.sha256(opened.read(each.name)).hexdigest()}
            for each in opened.members
            if each.name != opened.manifest_name
        }
    return predicate


def dependencies(predicate: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = predicate["buildDefinition"]["resolvedDependencies"]
    return found


def test_what_is_packed(folder: Path) -> None:
    (folder / "handler.py").write_text("def handle(data, context): return data\n")
    (folder / "w.pt").write_bytes(b"weights")
    words = [
        "pack",
        "--model-name",
        "m",
        "--version",
        "1.0",
        "--handler",
        "handler.py",
        "--serialized-file",
        "w.pt",
    ]
    words += ["--provenance", "m.intoto.json", "--source-uri", URI, "--source-commit", COMMIT, "--source-dirty"]
    words += ["--parameter", "run=7", "--quiet"]
    assert main([*words, "--export-path", "."]) == 0
    text = (folder / "m.intoto.json").read_text()
    predicate = checked(text, folder / "m.mar")
    build = predicate["buildDefinition"]
    assert build["buildType"] == "urn:marpack:packed:v1"
    assert {*build["internalParameters"]} == {"python", "zlib"}
    assert build["externalParameters"] == {
        "model_name": "m",
        "handler": "handler.py",
        "version": "1.0",
        "serialized_file": "w.pt",
        "runtime": "python",
        "archive_format": "default",
        "deflate": "zlib",
        "reproducible": False,
        "timestamp": T,
        "run": "7",
    }
    assert dependencies(predicate)[0] == {
        "uri": "git+https://host/owner/name@refs/heads/main",
        "digest": {"gitCommit": COMMIT},
        "annotations": {"dirty": True},
    }
    assert predicate["runDetails"]["builder"]["id"] == "urn:marpack:run-by-whoever-signs"
    assert main([*words, "--export-path", ".", "--force"]) == 0
    assert (folder / "m.intoto.json").read_text() == text


def test_what_is_wrong_is_said_before_anything_is_packed(folder: Path, capsys: Capture) -> None:
    (folder / "handler.py").write_text("def handle(data, context): return data\n")
    (folder / "there").write_text("")
    words = ["pack", "--model-name", "m", "--version", "1.0", "--handler", "handler.py", "--export-path", "."]
    for more, status, says in (
        (["--source-uri", URI], 2, "--provenance"),
        (["--provenance", "p", "--source-uri", URI], 2, "give both"),
        (["--provenance", "p", "--source-uri", URI, "--source-commit", "abc"], 2, "40 or 64"),
        (["--provenance", "p", "--source-uri", "x", "--source-commit", COMMIT], 2, "named by a URI"),
        (["--provenance", "p", "--parameter", "x"], 2, "NAME=VALUE"),
        (["--provenance", "p", "--builder-id", "https://u:hunter2@ci.example"], 2, "without a password"),
        (["--provenance", "p", "--builder-id", "my builder"], 2, "is no URI"),
        (["--provenance", "p", "--parameter", "x=1", "--parameter", "x=2"], 2, "NAME=VALUE"),
        (["--provenance", "p", "--archive-format", "no-archive"], 2, "no SHA-256"),
        (["--provenance", "there"], 1, "already exists"),
        (["--provenance", "gone/p"], 1, "does not exist"),
    ):
        assert main([*words, *more]) == status
        err = capsys.readouterr().err
        assert says in err
        assert "hunter2" not in err
        assert {each.name for each in folder.iterdir()} == {"handler.py", "there"}


@pytest.mark.parametrize("form", ["default", "tgz"])
def test_of_an_archive_that_is_there(form: Any, folder: Path, capsys: Capture) -> None:
    path = packed(folder, archive_format=form)
    words = ["attest", path.name, "--provenance", "--builder-id", "https://ci.example/job/7", "--parameter", "a=b"]
    assert main(words) == 0
    predicate = checked(capsys.readouterr().out, path)
    assert predicate["buildDefinition"]["buildType"] == "urn:marpack:told:v1"
    assert predicate["buildDefinition"]["externalParameters"] == {"a": "b"}
    assert "internalParameters" not in predicate["buildDefinition"]
    assert predicate["runDetails"]["builder"]["id"] == "https://ci.example/job/7"
    assert main([*words[:2], "--source-uri", URI]) == 2
    packed(folder, "n", archive_format="no-archive")
    assert main(["attest", "n", "--provenance"]) == 2
    assert "has no SHA-256" in capsys.readouterr().err


@pytest.mark.xdist_group("model-signing")
def test_the_fields_are_those_of_slsa() -> None:
    """As in-toto's own messages have them, which refuse what they do not know."""
    require_model_signing()
    # None of them has types.
    json_format, statements, predicates = map(
        import_module,
        [
            "google.protobuf.json_format",
            "in_toto_attestation.v1.statement_pb2",
            "in_toto_attestation.predicates.provenance.v1.provenance_pb2",
        ],
    )
    source = SourceCommit(uri=URI, commit=COMMIT, dirty=True)
    inputs = [Resource(name="a", sha256="ab" * 32)]
    text = provenance_of("m.mar", "00" * 32, inputs, source=source, packed_by={"python": "3"}, parameters={"n": 1})
    json_format.Parse(text, statements.Statement())
    json_format.ParseDict(json.loads(text)["predicate"], predicates.Provenance())


def test_the_function() -> None:
    inputs = [Resource(name="a", sha256="ab" * 32)]
    source = SourceCommit(uri="git+https://host/name", commit="ab" * 32)
    found = json.loads(provenance_of("m.mar", "00" * 32, inputs, source=source, parameters={"n": 1}))
    assert dependencies(found["predicate"])[0] == {"uri": source.uri, "digest": {"gitCommit": source.commit}}
    for builder in ("https://u:hunter2@ci.example", "https://ci.example/?token=hunter2"):
        with pytest.raises(ValueError, match="without a password") as caught:
            provenance_of("m.mar", "00" * 32, inputs, builder_id=builder)
        assert "hunter2" not in str(caught.value)
    for builder in ("foo", "foo:", ":foo", "1:x", "https://ci.example/a b", ""):
        with pytest.raises(ValueError, match="is no URI"):
            provenance_of("m.mar", "00" * 32, inputs, builder_id=builder)
    builder = "https://ci.example/workflows/build.yml@refs/tags/v1"
    found = json.loads(provenance_of("m.mar", "00" * 32, inputs, builder_id=builder))
    assert found["predicate"]["runDetails"]["builder"]["id"] == builder
    for uri, commit in (("git+https://h/n", "AB" * 20), ("git+https://h/n", "ab" * 16), ("name", "ab" * 20)):
        with pytest.raises(ValueError, match=r"commit|URI"):
            SourceCommit(uri=uri, commit=commit)
