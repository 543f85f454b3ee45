"""The specification, its vectors, and the code say the same."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import stat
import sys
import tokenize
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import jsonschema
import pytest

import marpack
from marpack.archive.formats import deflate, zip_records
from marpack.archive.forms import _STORED_SUFFIXES, ARCHIVE_FORMATS, DEFLATES
from marpack.archive.handler import BUILTIN_HANDLERS
from marpack.archive.read import zip_directory
from marpack.issue_codes import PlanCode, ReadCode, ScanCode
from tests.support import vectors
from tests.support.official import require_official
from tests.support.vectors import (
    CITATION,
    CLAUSES,
    LETTERS,
    MANIFEST,
    SPEC,
    TEXTS,
    WORKFLOW_MANIFEST,
    Json,
    Vector,
    by_name,
    codes,
    each_case,
    finite,
    section,
    text_of,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(marpack.__file__).parent
CODE = sorted(PACKAGE.rglob("*.py"))
ARCHIVE = PACKAGE / "archive"
# What reads archives, and so has the codes of R11.
READING = [
    path
    for path in CODE
    if path.parent in {ARCHIVE / "read", ARCHIVE / "inspection"} or path == ARCHIVE / "names.py"
]
SCANNING = [path for path in CODE if path.parent == PACKAGE / "scanning"]
PLANNING = [
    path
    for path in CODE
    if path.relative_to(PACKAGE).parts[0]
    not in {"checks", "cli", "config", "images", "oci", "running", "serving", "signing"}
    and path not in (*READING, *SCANNING)
]

VALID_ARCHIVES = [vector for vector in vectors.load("archive/valid") if "records" not in vector.data]
RECORDS = [
    (f"{vector.name}: {record['title']}", record)
    for vector in vectors.load("archive/valid")
    for record in vector.data.get("records", [])
]
INVALID_ARCHIVES = [case for vector in vectors.load("archive/invalid") for case in vector.cases()]
VALID_MANIFESTS = vectors.load("manifest/valid")
INVALID_MANIFESTS = [case for vector in vectors.load("manifest/invalid") for case in vector.cases()]
VECTORS = [vector for folder in vectors.FOLDERS for vector in vectors.load(folder)]

SCHEMAS = {
    MANIFEST: json.loads((SPEC / "manifest.schema.json").read_text("ascii")),
    WORKFLOW_MANIFEST: json.loads((SPEC / "workflow-manifest.schema.json").read_text("ascii")),
}
VALIDATORS = {name: jsonschema.Draft202012Validator(schema) for name, schema in SCHEMAS.items()}
VALIDATOR = VALIDATORS[MANIFEST]

KEYS = {
    "archive/valid": "oracle files arguments members file gzip_mtime times_ns warnings server_warnings "
    "expected records",
    "archive/invalid": "files cases",
    "archive/invalid/hostile": "cases",
    "manifest/valid": "oracle files arguments text values written",
    "manifest/invalid": "cases",
    "properties/valid": "oracle cases",
    "properties/invalid": "cases",
    "snapshot/valid": "oracle cases",
    "snapshot/invalid": "cases",
}


# ------------------------------------------------------------------------------------ clauses and vectors


@pytest.mark.parametrize(
    "found",
    [CODE, CLAUSES, VALID_ARCHIVES, RECORDS, INVALID_ARCHIVES, VALID_MANIFESTS, INVALID_MANIFESTS, VECTORS],
)
def test_nothing_is_empty(found: list[object]) -> None:
    assert len(found) > 1


def test_clauses_are_numbered_without_gaps() -> None:
    last = {letter: sum(clause[0] == letter for clause in CLAUSES) for letter in LETTERS}
    assert [f"{letter}{number}" for letter in last for number in range(1, last[letter] + 1)] == CLAUSES


def test_every_clause_has_a_vector() -> None:
    cited = {clause for vector in VECTORS for clause in vector.data["clauses"]}
    assert set(CLAUSES) - cited == set()


@by_name(*VECTORS)
def test_a_vector_is_well_formed(vector: Vector) -> None:
    data = vector.data
    assert data["clauses"]
    assert set(data["clauses"]) <= set(CLAUSES)
    assert data["title"]
    assert data["source"]
    assert set(data) <= {"title", "clauses", "source", *KEYS[vector.name.rpartition("/")[0]].split()}
    assert vector.path.read_text("ascii") == vector.text()


def test_cited_clauses_exist() -> None:
    cited = {
        (path.name, clause)
        for path in CODE
        for clause in CITATION.findall(_prose(path))
        # What is checked cites rules of its own, with such numbers too.
        if "checks" not in path.relative_to(PACKAGE).parts
    }
    assert len(cited) > 20
    assert {(name, clause) for name, clause in cited if clause not in CLAUSES} == set()


def test_what_the_specification_cites_exists() -> None:
    for text in TEXTS.values():
        assert set(CITATION.findall(text)) <= set(CLAUSES)
    divergences = re.findall(r"^\| (D-[0-9]+) ", (SPEC / "divergences.md").read_text("utf-8"), re.MULTILINE)
    for text in [*TEXTS.values(), *(vector.data["source"] for vector in VECTORS)]:
        assert set(re.findall(r"\bD-[0-9]+\b", text)) <= set(divergences)


def _prose(path: Path) -> str:
    """Return the comments and the strings of a file, which the docstrings are among."""
    with path.open("rb") as file:
        return "\n".join(
            token.string
            for token in tokenize.tokenize(file.readline)
            if token.type in {tokenize.COMMENT, tokenize.STRING}
        )


def test_issue_codes_are_those_of_the_code() -> None:
    assert set(codes("A12")) == set(get_args(PlanCode))
    assert set(codes("A12")) == {code for path in PLANNING for code in _codes(ast.parse(path.read_text("utf-8")))}


def test_scanning_codes_are_those_of_the_code() -> None:
    found = {code for path in SCANNING for code in _codes(ast.parse(path.read_text("utf-8")))}
    assert found == set(get_args(ScanCode))
    schema = json.loads((SPEC / "scan.schema.json").read_text("ascii"))
    told = schema["$defs"]["issue"]["properties"]["code"]["description"]
    assert all(f" {code}," in told for code in found)


def _codes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        if getattr(node.func, "attr", "") == "issue" or getattr(node.func, "id", "") == "ContentsError":
            given = node.args[:1]
        for code in given:
            if isinstance(code, ast.Constant):
                yield str(code.value)
            else:
                # One that is passed on.
                assert isinstance(code, (ast.Name, ast.Attribute)), "a code that cannot be read from the source"


def test_reading_codes_are_those_of_the_code() -> None:
    found = {code for path in READING for code in _reading_codes(ast.parse(path.read_text("utf-8")))}
    assert set(codes("R11")) == found == set(get_args(ReadCode))


def _reading_codes(tree: ast.AST) -> Iterator[str]:
    """Yield the texts that look like codes where one is said."""
    for node in ast.walk(tree):
        said: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            said = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if name in {"_issue", "_fail", "_broken", "_unsafe"}:
                said += node.args[:2]
        elif isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "CASE_COLLISION":
            assert node.value
            said = [node.value]
        elif isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "_READ":
            assert isinstance(node.value, ast.Dict)
            said = [key for key in node.value.keys if key]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            names = [getattr(name, "id", "") for target in node.targets for name in ast.walk(target)]
            said = node.value.elts[:1] if "code" in names else []
        for value in said:
            for part in ast.walk(value):
                if isinstance(part, ast.Constant) and re.fullmatch(r"[a-z]+(-[a-z]+)*", str(part.value)):
                    yield str(part.value)


def test_every_reading_code_has_a_vector_of_its_kind() -> None:
    kinds = {"ArchiveError": "broken", "UnsafeArchiveError": "unsafe", "LimitError": "limit"}
    shown: set[tuple[str, str]] = set()
    for vector in vectors.load(vectors.HOSTILE):
        for _, case in vector.cases():
            expected = case["expected"]
            if "error" in expected:
                shown.add((expected["code"], kinds[expected["error"]]))
            shown |= {(code, "found") for _, code in expected.get("issues", [])}
    said = {(code, kind) for code, listed in codes("R11").items() for kind in listed.split(" or ")}
    assert said - shown == set()
    # What is found while everything is read may be any of those that end it.
    assert {(code, kind) for code, kind in shown - said if kind != "found"} == set()


def test_limits_are_those_of_the_code() -> None:
    limits = marpack.Limits()
    numbers = {int(number.replace(",", "")) for number in re.findall(r"[0-9]+(?:,[0-9]{3})+", section("R8"))}
    directory = {zip_directory.USUAL_RECORD, zip_directory.LEAST_DIRECTORY}
    assert numbers == {limits.members, limits.size, limits.manifest, limits.largest(0), *directory}
    assert f"{limits.ratio} times" in section("R8")


def test_every_issue_code_has_a_vector() -> None:
    shown = {code for _, case in INVALID_ARCHIVES for _, code in case["expected"].get("issues", [])}
    assert shown == set(codes("A12"))


def test_blocks_are_those_of_the_code() -> None:
    numbers = {int(number.replace(",", "")) for number in re.findall(r"[0-9]+,[0-9]+", section("Z8"))}
    assert numbers == {deflate.BLOCK_SIZE, deflate.WINDOW_SIZE}
    assert f"level {deflate.FAST_LEVEL}" in section("Z8")


def test_the_alignment_is_that_of_the_code() -> None:
    numbers = {int(number.replace(",", "")) for number in re.findall(r"[0-9]+(?:,[0-9]{3})+", section("Z9"))}
    largest = zip_records.ALIGNMENT + 5
    assert numbers == {zip_records.ALIGNED_ABOVE, zip_records.ALIGNMENT, largest}


def test_stored_suffixes_are_those_of_the_code() -> None:
    [block] = re.findall(r"```\n(.*?)```", section("A7"), re.DOTALL)
    assert Counter(block.split()) == Counter(_STORED_SUFFIXES)


def test_forms_handlers_and_runtimes_are_those_of_the_code() -> None:
    assert list(codes("A2")) == list(ARCHIVE_FORMATS)
    assert list(codes("Z8")) == list(DEFLATES)
    built_in = section("A6").partition("Built-in for")[2].partition("[archiver]")[0]
    python, lsp = built_in.split(". Built-in for")
    names = [set(re.findall(r"`(\w+)`", part)) for part in (python, lsp)]
    for runtime, handlers in BUILTIN_HANDLERS.items():
        assert handlers == names[runtime == "LSP"] - {"python", "python3", "LSP"}


# ----------------------------------------------------------------------------------------------- archives


@by_name(*VALID_ARCHIVES)
def test_marpack_makes_a_valid_archive(vector: Vector, tmp_path: Path) -> None:
    data, world = vector.data, tmp_path / "world"
    vectors.build_world(data, world)
    result = vectors.pack(data, world)
    path = world / result.path
    assert list((world / "out").iterdir()) == [path]
    assert vectors.describe(path) == data["expected"]
    assert len(result.warnings) == data.get("warnings", 0) + data.get("server_warnings", 0)
    for name, time_ns in data.get("times_ns", {}).items():
        assert (path / name).stat().st_mtime_ns == time_ns


@by_name(*VALID_ARCHIVES)
def test_the_oracle_makes_the_same_archive(vector: Vector, tmp_path: Path) -> None:
    data = vector.data
    if data["oracle"] == "archiver":
        require_official(vectors.tool_of(data))
    else:
        assert [member["name"] for member in data["members"]][-1].endswith(vectors.manifest_of(data))
    vectors.build_world(data, tmp_path / "world")
    path = vectors.make_by_oracle(data, tmp_path / "world")
    assert vectors.describe(path) == data["expected"]

    vectors.build_world(data, tmp_path / "marpack")
    result = vectors.pack(data, tmp_path / "marpack")
    if path.is_file() and "deflate" not in data["arguments"]:
        # With one build of zlib, also what a vector cannot say is equal.
        assert (tmp_path / "marpack" / result.path).read_bytes() == path.read_bytes()


@by_name(*[vector for vector in VALID_ARCHIVES if "warnings" in vector.data])
def test_the_official_tool_warns_as_often(vector: Vector, tmp_path: Path) -> None:
    require_official(vectors.tool_of(vector.data))
    vectors.build_world(vector.data, tmp_path / "world")
    _, errors = vectors.run_archiver(vector.data, tmp_path / "world")
    assert errors.count("WARNING - ") == vector.data["warnings"]


@each_case(RECORDS)
def test_marpack_makes_zip_records(case: Json) -> None:
    made = {}
    if member := case.get("member"):
        value = zip_records.ZipMember(
            name=member["name"],
            compression=marpack.typing.Compression(member["method"]),
            attributes=int(member["mode"], 8),
            mtime=member["mtime"],
            size=member["size"],
            compressed_size=member["compressed_size"],
            crc=int(member["crc32"], 16),
            offset=member["offset"],
        )
        if member.get("aligned"):
            value = value.aligned()
        made = {
            "local": vectors.hexadecimal(zip_records.local_header(value)),
            "central": zip_records.central_header(value).hex(),
        }
    if directory := case.get("directory"):
        made["end"] = zip_records.end_records(**directory).hex()
    assert made == case["expected"]


@pytest.mark.skipif(sys.version_info < (3, 11, 4), reason="zipfile wrote ZIP64 local headers differently (Z6)")
@each_case(RECORDS)
def test_zipfile_makes_the_same_records(case: Json) -> None:
    assert vectors.records_by_zipfile(case.get("member"), case.get("directory")) == case["expected"]


@by_name(*[vector for vector in VALID_ARCHIVES if "base64" in vector.data["expected"]])
def test_zipfile_reads_the_archives(vector: Vector) -> None:
    data = vectors.content_of(vector.data["expected"])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.read(MANIFEST).decode("ascii") == text_of(vector.data["expected"]["manifest"])


@each_case(INVALID_ARCHIVES)
def test_marpack_refuses_an_invalid_archive(case: Json, tmp_path: Path) -> None:
    vectors.build_world(case, tmp_path)
    before = _listing(tmp_path)
    with pytest.raises(marpack.MarpackError) as caught:
        vectors.pack(case, tmp_path)
    expected = case["expected"]
    if isinstance(caught.value, marpack.PlanError):
        issues = sorted([issue.argument, issue.code] for issue in caught.value.issues)
        assert issues == expected["issues"]
    else:
        assert type(caught.value).__name__ == expected["error"]
    assert _listing(tmp_path) == before


@each_case([case for case in INVALID_ARCHIVES if "archiver" in case[1]])
def test_the_official_tool_refuses_or_accepts(case: Json, tmp_path: Path) -> None:
    require_official(vectors.tool_of(case))
    vectors.build_world(case, tmp_path)
    status, errors = vectors.run_archiver(case, tmp_path)
    assert {0: "accepts"}.get(status, "refuses") == case["archiver"], errors


def _listing(folder: Path) -> dict[str, str | bytes]:
    found: dict[str, str | bytes] = {}
    for path in folder.rglob("*"):
        is_file = stat.S_ISREG(path.lstat().st_mode)
        found[str(path)] = path.read_bytes() if is_file else stat.filemode(path.lstat().st_mode)
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
    return found


# ---------------------------------------------------------------------------------------------- manifests


def manifest_of(values: Json) -> marpack.Manifest:
    """Build the value that a vector states: an absent key is None."""
    keys = {"createdOn": "created_on", "archiverVersion": "archiver_version"}
    top: Json = {"created_on": None, "runtime": None, "archiver_version": None}
    top |= {keys.get(key, key): value for key, value in values.items()}
    model = {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key): v for key, v in values["model"].items()}
    return marpack.Manifest(**{**top, "model": marpack.ManifestModel(**model)})


@by_name(*VALID_MANIFESTS)
def test_a_valid_manifest_is_read_and_written(vector: Vector) -> None:
    text = text_of(vector.data["text"])
    written = text_of(vector.data.get("written", text))
    manifest = manifest_of(vector.data["values"])
    assert marpack.Manifest.from_json(text) == manifest
    assert manifest.to_json() == written
    assert marpack.Manifest.from_json(written).to_json() == written
    assert written == json.dumps(json.loads(written), indent=2)
    assert list(json.loads(written)) == list(json.loads(marpack.Manifest.from_json(text).to_json()))


@by_name(*[vector for vector in VALID_MANIFESTS if "oracle" in vector.data])
def test_the_official_tool_and_a_plan_write_the_manifest(vector: Vector, tmp_path: Path) -> None:
    require_official()
    for name in ("official", "marpack"):
        vectors.build_world(vector.data, tmp_path / name)
    official = vectors.make_by_oracle(vector.data, tmp_path / "official")
    result = vectors.pack(vector.data, tmp_path / "marpack")
    for path in (official, tmp_path / "marpack" / result.path):
        assert (path / MANIFEST).read_bytes().decode("ascii") == text_of(vector.data["text"])


@each_case(INVALID_MANIFESTS)
def test_an_invalid_manifest_is_refused(case: Json) -> None:
    with pytest.raises(marpack.ManifestError) as caught:
        marpack.Manifest.from_json(case["text"])
    if case["expected"]:
        assert (caught.value.lineno, caught.value.colno) == (case["expected"]["line"], case["expected"]["column"])


# ------------------------------------------------------------------------------------------------- schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_some(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@by_name(*VALID_MANIFESTS)
def test_the_schema_takes_valid_manifests(vector: Vector) -> None:
    VALIDATOR.validate(json.loads(text_of(vector.data.get("written") or vector.data["text"])))


@by_name(*VALID_ARCHIVES)
def test_the_schema_takes_what_is_packed(vector: Vector) -> None:
    expected = vector.data["expected"]
    text = text_of(expected["manifest"] if "manifest" in expected else expected["tree"][MANIFEST]["lines"])
    VALIDATORS[vectors.manifest_of(vector.data)].validate(json.loads(text))


@each_case(INVALID_MANIFESTS)
def test_the_schema_refuses_what_it_can_express(case: Json) -> None:
    try:
        value = json.loads(case["text"], object_pairs_hook=unique, parse_float=finite, parse_constant=finite)
    except ValueError:
        return  # not JSON, or ambiguous JSON: no schema is asked
    assert not VALIDATOR.is_valid(value)
