"""The clauses on the Kaptain SDK: each is held by tests that exist, and no requirement of the SDK goes unsaid."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import marpack
from tests.support.vectors import SPEC

PAGE = (SPEC / "kaptain.md").read_text(encoding="utf-8")
TESTS = Path(__file__).parents[1]
CODE = sorted(
    path
    for folder in ("kaptain", "serving/kaptain")
    for path in Path(marpack.__file__).parent.joinpath(folder).rglob("*.py")
)

NUMBER = re.compile(r"\bK(\d{3})(?: to K(\d{3}))?\b")
# "- **K141** what holds ... Tests: `serving/kaptain/test_deploy.py::test_name`."
CLAUSE = re.compile(r"^- \*\*(K[^*]+)\*\*(.*?)(?=^- |^#|^$|\Z)", re.MULTILINE | re.DOTALL)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
DONE, _, NOT_DONE = PAGE.partition("\n## Not done")


def numbers(text: str) -> list[str]:
    """Return the numbers of a text, ranges spelt out."""
    return [
        f"K{number}"
        for first, last in NUMBER.findall(text)
        for number in range(int(first), int(last or first) + 1)
    ]


CLAUSES = {match[1]: match[2] for match in CLAUSE.finditer(DONE)}
REASONS = {match[1]: match[2] for match in CLAUSE.finditer(NOT_DONE)}
# The documents' own page, whose clauses are held by vectors (test_kserve.py).
DOCUMENTS = re.findall(r"^### (K[0-9]{3})\. ", (SPEC / "kserve.md").read_text("utf-8"), re.MULTILINE)

# What was read out of the public pages of the SDK and of KServe.
REQUIREMENTS = numbers(
    "K100 to K116, K120 to K152, K160 to K163, K170 to K172, K176 to K178, K185 to K187, K190 to K193, K195, "
    "K197, K200 to K207, K215 to K222, K230 to K236, K240 to K256, K260, "
    "K300 to K314, K320, K321, K330 to K333, K340 to K347"
)


@cache
def functions(path: str) -> set[str]:
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_requirement_is_a_clause_or_has_a_reason() -> None:
    said = [number for heads in (CLAUSES, REASONS) for head in heads for number in numbers(head)]
    assert len(said) > 100
    assert set(REQUIREMENTS) - {*said, *DOCUMENTS} == set()
    assert {number for number in said if [*said, *DOCUMENTS].count(number) > 1} == set()


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_clause_is_held_by_tests_that_exist(clause: str) -> None:
    named = TEST.findall(CLAUSES[clause])
    assert named
    assert {(path, name) for path, name in named if name not in functions(path)} == set()


@pytest.mark.parametrize("number", REASONS)
def test_what_is_not_done_says_why(number: str) -> None:
    assert len(REASONS[number].split()) > 5


def test_what_the_code_cites_exists() -> None:
    known = {*DOCUMENTS, *(number for head in [*CLAUSES, *REASONS] for number in numbers(head))}
    cited = {
        (path.name, number)
        for path in CODE
        for number in re.findall(r"\bK[0-9]{3}\b", path.read_text(encoding="utf-8"))
    }
    assert len(cited) > 10
    assert {(name, number) for name, number in cited if number not in known} == set()
