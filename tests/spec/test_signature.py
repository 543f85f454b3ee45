"""The specification of statements and signatures, its vectors, and the code say the same."""

from __future__ import annotations

import ast
import hashlib
import re
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest

import marpack
from marpack.errors import SignatureFileError
from marpack.issue_codes import SignatureCode
from marpack.signing import RequiredSignature, attest, verify_signature
from marpack.signing.bundle import read_bundle
from tests.support import vectors
from tests.support.signatures import model_folder, require_model_signing
from tests.support.vectors import SPEC, Json, each_case

TEXT = (SPEC / "signature.md").read_text("utf-8")
CLAUSES = re.findall(r"^### (G[0-9]+)\. ", TEXT, re.MULTILINE)
CITATION = re.compile(r"\bG[0-9]{1,2}\b")
CODE = sorted((Path(marpack.__file__).parent / "signing").glob("*.py"))
VECTORS = [vector for kind in ("valid", "invalid") for vector in vectors.load(f"signature/{kind}")]
STATEMENTS, BUNDLES, INVALID = (
    [case for vector in VECTORS if vector.name == f"signature/{name}" for case in vector.cases()]
    for name in ("valid/statements", "valid/bundles", "invalid/bundles")
)
# What no vector shows, tests do.
TESTED = {
    "G9": (
        "test_statement.py::test_a_layout_is_stated_by_the_digest_of_its_image",
        "test_statement.py::test_a_layout_that_is_not_what_it_says_is_not_stated",
        "test_signed_images.py::test_a_layout_that_was_changed_does_not_hold",
    ),
    "G12": (
        "test_model_signing.py::test_both_ways_by_a_certificate",
        "test_model_signing.py::test_a_certificate_that_is_not_for_signing",
        "test_model_signing.py::test_what_is_trusted_is_a_root",
    ),
    "G13": (
        "test_model_signing.py::test_who_signed_counts",
        "test_signed_archives.py::test_what_is_verified_is_what_is_open",
        "test_signed_archives.py::test_what_lies_behind_a_url_is_read_once",
    ),
    "G15": (
        "test_provenance.py::test_what_is_packed",
        "test_provenance.py::test_of_an_archive_that_is_there",
        "test_provenance.py::test_the_fields_are_those_of_slsa",
    ),
    "G16": (
        "test_bill.py::test_the_archive_and_its_files",
        "test_bill.py::test_what_a_pickle_imports_is_named_and_not_done",
        "test_bill.py::test_what_is_asked_for_has_a_version_where_it_is_one",
        "test_bill.py::test_another_archive_has_another_number",
    ),
}


def test_every_clause_is_shown() -> None:
    assert [f"G{number}" for number in range(1, len(CLAUSES) + 1)] == CLAUSES
    cited = {clause for vector in VECTORS for clause in vector.data["clauses"]}
    assert cited | {*TESTED} == {*CLAUSES}


@pytest.mark.parametrize("clause", TESTED)
def test_what_shows_a_clause_exists(clause: str) -> None:
    for each in TESTED[clause]:
        module, _, name = each.partition("::")
        tree = ast.parse((Path(__file__).parents[1] / "signing" / module).read_text("utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, each


def test_what_the_code_and_the_text_cite_exists() -> None:
    cited = {clause for path in CODE for clause in CITATION.findall(path.read_text("utf-8"))}
    assert len(cited) > 5
    assert {*cited, *CITATION.findall(TEXT)} <= {*CLAUSES}


@vectors.by_name(*VECTORS)
def test_a_vector_is_well_formed(vector: vectors.Vector) -> None:
    assert set(vector.data) == {"title", "clauses", "source", "cases"}
    assert vector.path.read_text("ascii") == vector.text()
    names = [name for name, _ in vector.cases()]
    assert len(names) == len(set(names)) > 1


def test_the_codes_are_those_of_the_code() -> None:
    assert set(re.findall(r"^\| `(signature-[a-z]+)` ", TEXT, re.MULTILINE)) == set(get_args(SignatureCode))


def made(case: Json, folder: Path) -> Path:
    """Make the files of a case, and return what is stated."""
    if "file" in case:
        (folder / "file").write_text(case["file"], "utf-8")
        return folder / "file"
    return model_folder(folder / "m", {name: text.encode() for name, text in case["files"].items()})


@each_case(STATEMENTS)
def test_statements(case: Json, tmp_path: Path) -> None:
    found = attest(made(case, tmp_path))
    assert [each.name for each in found.resources] == case["names"]
    assert found.root == case["root"]


def _hashing() -> Any:
    require_model_signing()
    return import_module("model_signing.hashing").Config()


@pytest.mark.xdist_group("model-signing")
@each_case(STATEMENTS)
def test_the_tool_of_the_format_states_the_same(case: Json, tmp_path: Path) -> None:
    found = [*_hashing().hash(made(case, tmp_path)).resource_descriptors()]
    assert [each.identifier for each in found] == case["names"]
    assert hashlib.sha256(b"".join(each.digest.digest_value for each in found)).hexdigest() == case["root"]


@each_case(BUNDLES)
def test_bundles_say_what_was_signed(case: Json) -> None:
    found = read_bundle(case["bundle"].encode(), "m.sig")
    assert [each.name for each in found.statement.resources] == case["names"]
    assert (found.root, found.by) == (case["root"], case["by"])


@pytest.mark.xdist_group("model-signing")
@each_case(BUNDLES)
def test_bundles_hold(case: Json, tmp_path: Path) -> None:
    require_model_signing()
    signature, trusted = tmp_path / "m.sig", tmp_path / "trusted.pem"
    signature.write_text(case["bundle"], "utf-8")
    trusted.write_text(case.get("public_key") or case["root_certificate"], "utf-8")
    by = {"public_key": trusted} if "public_key" in case else {"roots": (trusted,)}
    verified = verify_signature(made(case, tmp_path), RequiredSignature(signature=signature, **by))
    assert verified.statement.root == case["root"]


@each_case(INVALID)
def test_what_is_no_signature(case: Json) -> None:
    with pytest.raises(SignatureFileError) as caught:
        read_bundle(case["bundle"].encode(), "m.sig")
    assert {"code": caught.value.code} == case["expected"]
