"""Bills of materials: CycloneDX's own strict schema takes them, and they say what is there and no more."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from marpack.errors import ArchiveError, UnsafeArchiveError
from marpack.signing import bill_of_materials
from tests.support.archives import CLEAR, evil_pickle, packed, tarred, zipped

REQUIREMENTS = (
    "Torch==2.13.0+cpu  # pinned\nnumpy >= 1\nnumpy; python_version < '3'\nsame===1.0\n"
    "bar==1.*\ntwo==1,<3\nfoo @ https://user:hunter2@host/foo.whl\n-r other.txt\n"
    "--index-url https://user:hunter2@host/\n./local.whl\n${SECRET}\nsix==1.17.0 --hash=sha256:00\n"
)


def bill(path: Any) -> dict[str, Any]:
    """Return the bill of an archive, which the tool of the format takes."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = bill_of_materials(path)
    assert text == bill_of_materials(path)
    assert text.isascii()
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert problem is None, problem
    found: dict[str, Any] = json.loads(text)
    refs = [each["bom-ref"] for each in found["components"]]
    assert len(refs) == len({*refs})
    assert found["dependencies"][0] == {"ref": "model", "dependsOn": sorted(refs)}
    return found


def properties(component: dict[str, Any], name: str) -> list[str]:
    return [each["value"] for each in component["properties"] if each["name"] == f"marpack:{name}"]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return packed(
        tmp_path,
        serialized_file={"weights.pkl": evil_pickle()},
        requirements_file={"requirements.txt": REQUIREMENTS.encode()},
    )


def test_the_archive_and_its_files(archive: Path) -> None:
    found = bill(archive)
    inspection = marpack.inspect_archive(archive, digest=True)
    component = found["metadata"]["component"]
    assert (component["type"], component["name"], component["version"]) == ("machine-learning-model", "m", "1.0")
    assert component["hashes"] == [{"alg": "SHA-256", "content": inspection.sha256}]
    files = {each["name"]: each for each in found["components"] if each["type"] == "file"}
    assert {name: each["hashes"][0]["content"] for name, each in files.items()} == {
        each.archived.name: each.sha256 for each in inspection.members
    }
    assert properties(files["handler.py"], "role") == ["handler"]


def test_what_a_pickle_imports_is_named_and_not_done(archive: Path) -> None:
    [weights] = [each for each in bill(archive)["components"] if each["name"] == "weights.pkl"]
    assert properties(weights, "pickle-import") in (["posix.system"], ["nt.system"])
    assert properties(weights, "weights") == ["pickle"]


def test_what_is_asked_for_has_a_version_where_it_is_one(archive: Path) -> None:
    found = bill(archive)
    libraries = {each["bom-ref"]: each for each in found["components"] if each["type"] == "library"}
    assert {name: each.get("purl") for name, each in libraries.items()} == {
        "requirement:1:torch": "pkg:pypi/torch@2.13.0%2Bcpu",
        **dict.fromkeys(["requirement:2:numpy", "requirement:3:numpy", "requirement:4:same"]),
        **dict.fromkeys(["requirement:5:bar", "requirement:6:two", "requirement:7:foo"]),
        "requirement:12:six": "pkg:pypi/six@1.17.0",
    }
    assert [each["version"] for each in libraries.values() if "version" in each] == ["2.13.0+cpu", "1.17.0"]
    assert properties(libraries["requirement:2:numpy"], "requirement") == ["numpy >= 1"]
    lines = properties(found["metadata"]["component"], "requirements-line")
    assert [line.split()[0] for line in lines] == ["-r", "--index-url", "./local.whl", "${SECRET}"]
    assert "hunter2" not in json.dumps(found)
    # What they bring along is not known.
    assert found["compositions"][0]["aggregate"] == "incomplete"


@pytest.mark.parametrize("form", ["default", "auto", "tgz", "no-archive"])
def test_all_forms_have_one(form: Any, tmp_path: Path) -> None:
    found = bill(packed(tmp_path, archive_format=form))
    assert ("hashes" in found["metadata"]["component"]) == (form != "no-archive")
    assert len(found["components"]) == 4


def test_another_archive_has_another_number(tmp_path: Path) -> None:
    numbers = [bill(zipped(tmp_path / "m.mar", [("a", data)]))["serialNumber"] for data in (b"1", b"2", b"1")]
    assert numbers[0] == numbers[2] != numbers[1]
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in numbers)
    assert all(each[23] == "8" and each[28] in "89ab" for each in numbers)


def test_what_is_unsafe_or_damaged_has_none(tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchiveError):
        bill_of_materials(zipped(tmp_path / "m.mar", [("../up", b"")]))
    with pytest.raises(ArchiveError, match="MANIFEST"):
        bill_of_materials(zipped(tmp_path / "m.mar", [("a", b"")], manifest=None))
    path = packed(tmp_path, "damaged", archive_format="zip-store")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"def handle", b"dEf handle"))
    with pytest.raises(ArchiveError, match="damaged"):
        bill_of_materials(path)


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    manifest = json.dumps({"model": {"modelName": CLEAR, "modelVersion": "1.0", "handler": CLEAR}})
    found = bill(zipped(tmp_path / "m.mar", [(CLEAR, b""), ("\u00e9", b"")], manifest=manifest))
    assert found["metadata"]["component"]["name"] == CLEAR
    bill(tarred(tmp_path / "m.tar.gz", [("a b", b"")]))


def test_the_command(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attest", str(archive), "--sbom"]) == 0
    assert capsys.readouterr().out == bill_of_materials(archive)
    assert main(["attest", str(archive), "--sbom", "-o", str(tmp_path / "m.cdx.json")]) == 0
    assert (tmp_path / "m.cdx.json").read_text() == bill_of_materials(archive)
    assert main(["attest", str(archive), "--sbom", "--contents"]) == 2
    assert main(["attest", str(archive), "--sbom", "--provenance"]) == 2
    capsys.readouterr()
