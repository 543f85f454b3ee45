"""The specification of documents for KServe, its vectors, and the code say the same."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

import marpack
from marpack.config.text import yaml_text
from marpack.errors import PlanError
from marpack.serving import InferenceService, Resources, S3Access, ServingManifest, Transformer
from marpack.serving.kserve.storage_access import access_documents, secret_document, service_account_document
from tests.support import vectors
from tests.support.kserve_models import Judge
from tests.support.vectors import SPEC, Json, each_case

TEXT = (SPEC / "kserve.md").read_text("utf-8")


def _clauses(text: str) -> list[str]:
    return re.findall(r"^### (K[0-9]{3})\. ", text, re.MULTILINE)


CLAUSES = _clauses(TEXT)
GOLDEN = SPEC / "vectors" / "kserve" / "golden"
CODE = sorted((Path(marpack.__file__).parent / "serving" / "kserve").glob("*.py"))
VECTORS = [vector for kind in ("valid", "invalid") for vector in vectors.load(f"kserve/{kind}")]
CASES = {
    key: [(name, case) for vector in VECTORS for name, case in vector.cases() if key in case]
    for key in ("adds", "annotations", "file", "expected")
}
KEYS = {
    "adds": "arguments adds removes",
    "annotations": "access annotations keys with_credentials",
    "file": "arguments access file secret_file",
    "expected": "of arguments expected",
}
TESTS = sorted(path for path in Path(__file__).parents[1].rglob("test_*.py") if path != Path(__file__))
CITATION = re.compile(r"\bK[0-9]{3}\b")

LEAST: Json = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "m"},
    "spec": {"predictor": {"model": {"modelFormat": {"name": "pytorch"}, "storageUri": "s3://b/m"}}},
}


# ------------------------------------------------------------------------------------ clauses and vectors


def test_every_clause_is_shown() -> None:
    """By a vector, or by a test that names it."""
    cited = {clause for vector in VECTORS for clause in vector.data["clauses"]}
    assert cited <= set(CLAUSES)
    tested = {clause for path in TESTS for clause in CITATION.findall(path.read_text("utf-8"))}
    assert set(CLAUSES) - cited <= tested
    assert sorted(set(CLAUSES)) == CLAUSES


def test_what_the_code_and_the_text_cite_exists() -> None:
    cited = {clause for path in CODE for clause in CITATION.findall(path.read_text("utf-8"))}
    assert len(cited) > 10
    known = {clause for page in SPEC.glob("*.md") for clause in _clauses(page.read_text("utf-8"))}
    assert {*cited, *CITATION.findall(TEXT)} <= known


@vectors.by_name(*VECTORS)
def test_a_vector_is_well_formed(vector: vectors.Vector) -> None:
    assert set(vector.data) == {"title", "clauses", "source", "cases"}
    assert vector.path.read_text("ascii") == vector.text()
    names = [name for name, _ in vector.cases()]
    assert len(names) == len(set(names)) > 1


@pytest.mark.parametrize("key", CASES)
def test_a_case_is_well_formed(key: str) -> None:
    assert len(CASES[key]) > 1
    for name, case in CASES[key]:
        assert set(case) <= {"title", "clauses", "source", *KEYS[key].split()}, name


def test_codes_are_those_of_the_code() -> None:
    listed = set(re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE))
    found = {code for path in CODE for code in _codes(ast.parse(path.read_text("utf-8")))}
    shown = {code for _, case in CASES["expected"] for _, code in case["expected"]["issues"]}
    assert listed == shown == found


def _codes(tree: ast.AST) -> set[str]:
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {
        str(text) for text in texts if text in {"bad-type", "bad-value", "missing-key", "unknown-key", "collision"}
    }


def test_every_field_of_the_service_is_refused_and_taken() -> None:
    """Each argument is in a document that is right, and in one that is wrong."""
    fields = set(InferenceService.__dataclass_fields__)
    taken = {argument for _, case in CASES["adds"] for argument in case["arguments"]}
    refused = {
        re.split(r"[.\[]", argument)[0]
        for _, case in CASES["expected"]
        if case.get("of", "InferenceService") == "InferenceService"
        for argument, _ in case["expected"]["issues"]
    }
    assert (fields - taken, fields - refused) == ({"name", "storage_uri"} - taken, set())


# ------------------------------------------------------------------------------------------ documents


def service(arguments: Json) -> InferenceService:
    """Make the service of a case, of which the least is what is not said."""
    given = {"name": "m", "storage_uri": "s3://b/m", **arguments}
    makers: dict[str, Callable[..., Any]] = {"resources": Resources, "transformer": Transformer}
    for name, make in makers.items():
        if name in given and "$" not in given[name]:
            given[name] = make(**given[name])
    return InferenceService(**given)


def access(given: Json) -> S3Access:
    return S3Access.from_variables(given["$variables"]) if "$variables" in given else S3Access(**given)


def merged(one: Json, other: Json) -> Json:
    result = {**one}
    for key, value in other.items():
        is_table = isinstance(value, dict) and isinstance(one.get(key), dict) and key != "modelFormat"
        result[key] = merged(one[key], value) if is_table else value
    return result


def without(document: Json, path: str) -> Json:
    result = copy.deepcopy(document)
    *above, last = path.split(".")
    place = result
    for key in above:
        place = place[key]
    del place[last]
    return result


def manifest(case: Json) -> ServingManifest:
    """Make what a golden case describes."""
    made = service(case["arguments"])
    account, secret = access_documents(
        made.name, access(case["access"]), namespace=made.namespace, labels=made.labels
    )
    return ServingManifest(inference_service=made, service_account=account, secret=secret)


@each_case(CASES["adds"])
def test_a_document_has_what_was_asked_for_and_no_more(case: Json) -> None:
    least = LEAST
    for path in case.get("removes", ()):
        least = without(least, path)
    assert service(case["arguments"]).document() == merged(least, case["adds"])


@each_case(CASES["annotations"])
def test_the_documents_of_a_store_have_what_was_asked_for(case: Json) -> None:
    given = access(case["access"])
    account, secret = access_documents("m", given, with_credentials=case.get("with_credentials", False))
    annotations = {"annotations": case["annotations"]} if case["annotations"] else {}
    if "keys" not in case:
        assert secret is None
        metadata = {"name": "m-service-account", **annotations}
        assert account == {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        return
    assert secret == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "m-secret", **annotations},
        "type": "Opaque",
        "stringData": case["keys"],
    }
    assert account["secrets"] == [{"name": "m-secret"}]
    assert account["metadata"] == {"name": "m-service-account"}


@each_case(CASES["file"])
def test_the_golden_files_are_written(case: Json) -> None:
    made = manifest(case)
    assert made.to_yaml() == (GOLDEN / case["file"]).read_text("ascii")
    if "secret_file" in case:
        assert made.secret_yaml() == (GOLDEN / case["secret_file"]).read_text("ascii")


def test_every_golden_file_has_a_case() -> None:
    named = {case[key] for _, case in CASES["file"] for key in ("file", "secret_file") if key in case}
    assert named == {path.name for path in GOLDEN.iterdir()}


def documents() -> list[tuple[str, Json]]:
    """Return every document that is right: of services, stores and golden files."""
    made = [(name, service(case["arguments"]).document()) for name, case in CASES["adds"]]
    made += [(name, document) for name, case in CASES["file"] for document in manifest(case).documents()]
    for name, case in CASES["annotations"]:
        given = access(case["access"])
        with_credentials = case.get("with_credentials", False)
        made += [
            (name, document)
            for document in access_documents("m", given, with_credentials=with_credentials)
            if document is not None
        ]
    return made


def test_pyyaml_reads_what_was_written() -> None:
    for name, document in documents():
        text = yaml_text.dumps(document)
        assert text.isascii(), name
        assert yaml.safe_load(text) == document, name
        assert list(_keys(yaml.safe_load(text))) == list(_keys(document)), name


def _keys(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [key for name, item in value.items() for key in (name, *_keys(item))]
    return [key for item in value for key in _keys(item)] if isinstance(value, list) else []


@pytest.mark.server
def test_the_packages_of_kserve_and_kubernetes_know_every_key(kserve_judge: Judge) -> None:
    judged = documents()
    assert len(judged) > 80
    assert [(name, found) for name, document in judged if (found := kserve_judge.faults(document))] == []
    assert [
        found for path in GOLDEN.iterdir() for found in kserve_judge.faults_of_text(path.read_text("ascii"))
    ] == []


# ---------------------------------------------------------------------------------------------- refused


@each_case(CASES["expected"])
def test_what_kserve_refuses_is_refused(case: Json) -> None:
    makers: dict[str, Callable[[Json], object]] = {
        "InferenceService": service,
        "Resources": lambda arguments: Resources(**arguments),
        "Resources.equal": lambda arguments: Resources.equal(**arguments),
        "Transformer": lambda arguments: Transformer(**arguments),
        "S3Access": access,
        "secret_document": lambda arguments: secret_document("m", access(arguments), with_credentials=True),
    }
    with pytest.raises(PlanError) as caught:
        makers[case.get("of", "InferenceService")](case["arguments"])
    found = sorted([issue.argument, issue.code] for issue in caught.value.issues)
    assert found == sorted(case["expected"]["issues"])
    for issue in caught.value.issues:
        assert len(issue.message) < 250
        assert ":" in issue.message or issue.code == "bad-type", "what to do comes behind a colon"


def test_a_service_account_needs_no_secret() -> None:
    made = service_account_document("a", namespace="n", labels={"b": "c"}, annotations={"d": "e"})
    metadata = {"name": "a", "namespace": "n", "labels": {"b": "c"}, "annotations": {"d": "e"}}
    assert made == {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
