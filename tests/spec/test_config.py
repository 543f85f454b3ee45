"""The page, the vectors and the code of settings and snapshots name the same codes, settings and limits."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

import marpack
from marpack.config.settings.keys import KEYS
from tests.support.checks_page import PAGE, WITHOUT_A_RULE
from tests.support.settings_vectors import CASES, SCHEMAS, find
from tests.support.vectors import SPEC, codes, section

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = sorted((Path(marpack.__file__).parent / "config").rglob("*.py"))

SETTINGS = json.loads((SPEC / "settings.json").read_text("ascii"))

SEVERITIES = {
    code: set(re.findall("error|warning|note", words)) for code, words in (codes("P22") | codes("S10")).items()
}

CASE_KEYS = {
    "properties/valid": "text values elements portable java java-writer arguments comments date changes edited "
    "settings extra findings environ resolved",
    "properties/invalid": "text base64 values changes arguments date settings environ target torchserve_version "
    "protocol_version service_name archives expected",
    "snapshot/valid": "text property values spaced compact ascii server findings archives arguments",
    "snapshot/invalid": "text archives arguments expected",
}


@pytest.mark.parametrize("name", ["properties", "snapshot"])
def test_what_must_fail_is_shown_twice_as_often(name: str) -> None:
    valid, invalid = CASES[f"{name}/valid"], CASES[f"{name}/invalid"]
    assert len(valid) > 50
    assert len(invalid) >= 2 * len(valid)


@pytest.mark.parametrize("folder", CASES)
def test_a_case_is_well_formed(folder: str) -> None:
    names = [name for name, _ in CASES[folder]]
    assert len(set(names)) == len(names)
    for name, case in CASES[folder]:
        assert set(case) <= {"title", "clauses", "source", "oracle", *CASE_KEYS[folder].split()}, name
        assert ("expected" in case) == folder.endswith("invalid"), name


def test_finding_codes_are_those_of_the_code() -> None:
    found = {code for path in CONFIG for code in _codes(ast.parse(path.read_text("utf-8")))}
    assert {code for code in found if not code.startswith("model-config-")} == set(SEVERITIES)
    assert set(codes("P22")).isdisjoint(codes("S10"))


def test_the_page_lists_every_code() -> None:
    """Of rules and of findings that no rule makes: the docstring of ``Finding`` says that the page has them."""
    modules = [ast.parse(path.read_text("utf-8")) for path in Path(marpack.__file__).parent.rglob("*.py")]
    made = {code for tree in modules for code in _codes(tree, "Finding")}
    listed = set(re.findall(r"^## (.+)$", PAGE.read_text("utf-8"), re.MULTILINE))
    assert made - listed == set(WITHOUT_A_RULE)
    assert all(f"\n| `{code}` |" in PAGE.read_text("utf-8") for code in WITHOUT_A_RULE)


def _codes(tree: ast.AST, *makers: str) -> Iterator[str]:
    """Yield the codes that are written down: of rules, and as ``code=``, to any of the makers or to any at all."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        maker = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        is_maker = not makers or maker in makers
        given = [keyword.value for keyword in node.keywords if is_maker and keyword.arg == "code"]
        given += node.args[:1] if maker == "rule" else []
        for code in given:
            if isinstance(code, ast.Constant):
                yield str(code.value)
            else:
                # One that is passed on.
                assert isinstance(code, (ast.Name, ast.Attribute)), "a code that cannot be read from the source"


def test_every_finding_code_and_severity_has_a_vector(tmp_path: Path) -> None:
    shown: dict[str, set[str]] = defaultdict(set)
    for number, (name, case) in enumerate([case for folder in CASES.values() for case in folder]):
        if "findings" in {*case, *case.get("expected", {})}:
            for finding in find(case, tmp_path / str(number)):
                shown[finding.code].add(finding.severity)
                assert finding.message, name
                assert finding.fix, name
    assert shown == SEVERITIES


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_some(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_the_settings_are_those_of_the_code() -> None:
    jsonschema.Draft202012Validator(SCHEMAS["settings"]).validate(SETTINGS)
    listed = {setting["key"]: setting for setting in SETTINGS}
    assert len(listed) == len(SETTINGS)
    assert set(listed) == set(KEYS)
    for key in KEYS.values():
        stated = {
            "key": key.name,
            "type": key.kind,
            "default": key.default,
            "unit": key.unit,
            "environment": key.variable,
            "reader": key.reader,
            "choices": list(key.choices) or None,
        }
        assert {name: listed[key.name].get(name) for name in stated} == stated


def test_the_limits_are_those_of_the_code() -> None:
    stated = {
        key: (low, high)
        for low, high, keys in re.findall(r"^\| ([0-9]+) \| ([0-9]*) ?\| (.*) \|", section("P16"), re.MULTILINE)
        for key in re.findall(r"`(\w+)`", keys)
    }
    limited = {key.name: (key.minimum, key.maximum) for key in KEYS.values() if key.minimum is not None}
    assert {key: (int(low), int(high) if high else None) for key, (low, high) in stated.items()} == limited
    assert {key.name for key in KEYS.values() if key.maximum is not None} <= set(limited)
