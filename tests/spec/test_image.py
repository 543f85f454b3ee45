"""The specification of images, its vectors, and the code say the same."""

from __future__ import annotations

import ast
import io
import re
import tarfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.archive.sources import BytesSource
from marpack.errors import MarpackError
from marpack.images.blob_writer import BlobWriter
from marpack.images.layer import ImageFile, PlannedLayer
from marpack.images.plan import _require_tag
from marpack.images.reference import NoReferenceError, Reference
from marpack.images.write import write_layer
from marpack.oci.descriptor import Descriptor, DescriptorError, Platform
from marpack.oci.documents import config_of, digest_of, index_of, manifest_of, model_config_of
from tests.support import vectors
from tests.support.vectors import SPEC, each_case

TEXT = (SPEC / "image.md").read_text("utf-8")
CLAUSES = re.findall(r"^### (I[0-9]+)\. ", TEXT, re.MULTILINE)
MARKS = set(re.findall(r"^\| (\[[a-z]+\]) \|", TEXT, re.MULTILINE))
MODULES = sorted(
    path for room in ("images", "oci") for path in (Path(marpack.__file__).parent / room).glob("*.py")
)
CITATION = re.compile(r"\bI[0-9]{1,2}\b")
VECTORS = [vector for kind in ("valid", "invalid") for vector in vectors.load(f"image/{kind}")]
KEYS = {"valid": "config manifest index model_config text files names size digest", "invalid": "descriptor"}
NAMES = ("tags", "platforms", "references")
# What no vector shows, tests do, and of some clauses more than a vector can.
TESTED = {
    "I8": (
        "test_write.py::test_several_platforms_make_an_index_and_share_layers",
        "test_base.py::test_what_the_base_is_for_is_what_the_image_is_for",
        "test_base.py::test_a_variant_counts_where_both_have_one",
    ),
    "I10": (
        "test_write.py::test_a_store_becomes_a_layer_an_archive_and_one_of_settings",
        "test_write.py::test_an_archive_becomes_its_members",
    ),
    "I14": (
        "test_sources.py::test_a_name_that_would_take_a_file_away_is_refused",
        "test_sources.py::test_an_archive_that_nobody_should_unpack_is_no_image",
    ),
    "I15": (
        "test_write.py::test_a_store_becomes_a_layer_an_archive_and_one_of_settings",
        "test_write.py::test_a_changed_model_changes_one_layer",
    ),
    "I16": ("test_write.py::test_a_tar_begins_with_what_it_is_and_ends_with_its_index",),
    "I18": (
        "test_base.py::test_what_docker_save_wrote_is_a_base",
        "test_base.py::test_docker_25_wrote_manifests_without_layers",
        "test_base.py::test_of_an_index_the_platforms_own_image_is_taken",
        "test_base.py::test_one_of_several_is_named_by_its_tag",
        "test_lying_bases.py::test_a_configuration_that_lies_is_refused",
    ),
    "I19": (
        "test_base.py::test_layers_are_appended",
        "test_base.py::test_a_history_that_does_not_tell_of_each_layer_is_not_continued",
        "test_base.py::test_dockers_types_become_ocis",
    ),
    "I20": ("test_lying_bases.py::test_layers_that_kserve_passes_over_are_refused",),
    "I21": ("test_base.py::test_an_entry_point_is_warned_of",),
    "I22": (
        "test_lying_bases.py::test_bytes_are_held_against_both",
        "test_push.py::test_a_layout_that_lies_is_not_tagged",
    ),
    "I24": (
        "test_lying_bases.py::test_folders_of_blobs_are_no_links",
        "test_lying_bases.py::test_links_of_a_tar_lead_to_its_members",
        "test_lying_bases.py::test_a_docker_archive_in_a_folder_leads_nowhere",
    ),
    "I25": (
        "test_lying_bases.py::test_a_layout_that_lies_is_refused",
        "../oci/test_layout.py::test_what_is_said_of_all_members_is_read_once",
        "../oci/test_layout.py::test_what_takes_long_to_read_is_not_read",
        "../oci/test_layout.py::test_an_image_of_more_blobs_than_any_has_is_refused",
        "../oci/test_layout.py::test_headers_of_a_tar_have_an_end",
    ),
    "I26": ("test_lying_bases.py::test_a_layout_that_lies_is_refused",),
    "I28": (
        "test_push.py::test_blobs_then_the_manifest_by_its_tag",
        "test_push.py::test_what_is_there_is_not_sent",
        "test_push.py::test_an_index_comes_after_its_manifests",
        "test_push_connections.py::test_a_place_with_a_fragment_is_one_without",
    ),
    "I29": (
        "test_push.py::test_a_digest_that_comes_back_different_is_an_error",
        "test_push.py::test_nothing_is_tagged_before_all_is_there",
        "test_push_connections.py::test_an_answer_without_end_is_not_read",
        "test_push_connections.py::test_an_answer_that_never_ends_is_not_waited_for",
    ),
    "I30": (
        "test_push_logins.py::test_a_password_is_found_in_dockers_configuration",
        "test_push_logins.py::test_a_host_has_the_keys_that_docker_gave_it",
        "test_push_logins.py::test_dockers_own_registry_is_one_under_three_names",
        "test_push_logins.py::test_a_password_is_asked_of_the_program_that_keeps_it",
        "test_push_logins.py::test_a_token_of_dockers_is_told_as_not_used",
        "test_push_secrets.py::test_a_password_that_is_wrong_is_never_shown",
        "test_push_connections.py::test_another_host_is_told_no_secret",
    ),
    "I31": (
        "test_push_connections.py::test_who_it_is_is_proven_first",
        "test_push_connections.py::test_what_is_not_encrypted_is_not_followed",
        "test_push_connections.py::test_what_leads_nowhere_ends",
    ),
}


def cases(kind: str, *keys: str) -> list[tuple[str, dict[str, Any]]]:
    found = [
        (name, case)
        for vector in VECTORS
        for name, case in vector.cases()
        if vector.name.startswith(f"image/{kind}/") and any(key in case for key in keys)
    ]
    assert found
    return found


def test_every_clause_is_shown() -> None:
    """By a vector, or by the tests that are listed."""
    assert [f"I{number}" for number in range(1, len(CLAUSES) + 1)] == CLAUSES
    cited = {clause for vector in VECTORS for clause in vector.data["clauses"]}
    assert cited | {*TESTED} == {*CLAUSES}


@pytest.mark.parametrize("clause", TESTED)
def test_what_shows_a_clause_exists(clause: str) -> None:
    for each in TESTED[clause]:
        module, _, name = each.partition("::")
        tree = ast.parse((Path(__file__).parents[1] / "images" / module).read_text("utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, each


def test_what_is_cited_exists() -> None:
    code = {clause for path in MODULES for clause in CITATION.findall(path.read_text("utf-8"))}
    assert len(code) > 10
    assert {*code, *CITATION.findall(TEXT)} <= set(CLAUSES)


def test_every_clause_has_a_source() -> None:
    sections = [each for each in re.split(r"^###? ", TEXT, flags=re.MULTILINE)[1:] if CITATION.match(each)]
    assert len(sections) == len(CLAUSES)
    for section in sections:
        marks = set(re.findall(r"\[[a-z]+\]", section)) - {"[tag]", "[port]"}
        assert marks, section
        assert marks <= MARKS, section


def test_the_codes_are_those_of_the_code() -> None:
    """Of I26."""
    listed = set(re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE))
    used = {
        node.value.value
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant)
    }
    assert used == listed


@vectors.by_name(*VECTORS)
def test_a_vector_is_well_formed(vector: vectors.Vector) -> None:
    assert set(vector.data) == {"title", "clauses", "source", "cases"}
    assert vector.path.read_text("ascii") == vector.text()
    kind = vector.name.split("/")[1]
    for name, case in vector.cases():
        assert set(case) <= {"title", "clauses", "source", *KEYS[kind].split(), *NAMES}, name


@each_case(cases("valid", "text"))
def test_the_text_of_a_document(case: dict[str, Any]) -> None:
    if "config" in case:
        told = case["config"]
        platform = Platform.parse(told["platform"])
        assert platform is not None
        layers = [(digest, title) for digest, title in told["layers"]]
        found = config_of(platform, layers, told["labels"], created=told["created"], base=told.get("base"))
    elif "manifest" in case:
        told = case["manifest"]
        layers_of = [Descriptor.of(each) for each in told["layers"]]
        found = manifest_of(Descriptor.of(told["config"]), layers_of, told["annotations"])
    elif "index" in case:
        found = index_of(map(Descriptor.of, case["index"]))
    else:
        found = model_config_of(**case["model_config"])
    assert found.decode() == case["text"]


@each_case(cases("valid", "files"))
def test_a_layer(case: dict[str, Any], tmp_path: Path) -> None:
    """And ``tarfile``, by which the vectors were made, has the same."""
    contents = {name: text.encode() for name, text in case["files"].items()}
    sources = {name: BytesSource(data=data) for name, data in contents.items()}
    files = tuple(
        ImageFile(name=name, contents=source, size=source.size, origin=name) for name, source in sources.items()
    )
    layer = PlannedLayer(title="layer", files=files)
    with (tmp_path / "layer").open("w+b") as file:
        writer = BlobWriter(file, 0)
        write_layer(writer, layer, lambda each: nullcontext((sources[each.name], len(contents[each.name]))))
        assert writer.finish() == case["digest"]
        writer.close()
    data = (tmp_path / "layer").read_bytes()
    assert len(data) == case["size"] == layer.size
    assert case["names"] == list(_names(data))
    assert _by_tarfile(case["names"], contents) == data
    assert digest_of(data) == case["digest"]


def _names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [f"{each.name}/" if each.isdir() else each.name for each in tar]


def _by_tarfile(names: list[str], contents: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in names:
            member = tarfile.TarInfo(name.rstrip("/"))
            if name.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(member)
            else:
                member.mode, member.size = 0o644, len(contents[name])
                tar.addfile(member, io.BytesIO(contents[name]))
        end = tar.offset
    return out.getvalue()[:end] + bytes(1024)


@each_case(cases("valid", *NAMES))
def test_names_that_are_taken(case: dict[str, Any]) -> None:
    for tag in case.get("tags", []):
        _require_tag(tag)
    for text in case.get("platforms", []):
        assert str(Platform.parse(text)) == text
    for name in case.get("references", []):
        found = Reference.parse(name)
        assert str(found) == (name if found.tag else f"{name}:")


@each_case(cases("invalid", *NAMES))
def test_names_that_are_refused(case: dict[str, Any]) -> None:
    for tag in case.get("tags", []):
        with pytest.raises(MarpackError):
            _require_tag(tag)
    for text in case.get("platforms", []):
        assert Platform.parse(text) is None
    for name in case.get("references", []):
        with pytest.raises(NoReferenceError):
            Reference.parse(name)


@each_case(cases("invalid", "descriptor"))
def test_what_names_no_blob(case: dict[str, Any]) -> None:
    with pytest.raises(DescriptorError):
        Descriptor.of(case["descriptor"])
