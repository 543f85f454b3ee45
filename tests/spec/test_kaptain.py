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
CODE = sorted(Path(marpack.__file__).parent.rglob("*.py"))

# The numbers of the requirements that were read out of the SDK's and of KServe's public pages.
REQUIREMENTS = {
    f"K{number}"
    for first, last in [
        (100, 116),
        (120, 152),
        (160, 163),
        (170, 172),
        (176, 178),
        (185, 187),
        (190, 193),
        (195, 195),
        (197, 197),
        (200, 207),
        (215, 222),
        (230, 236),
        (240, 256),
        (260, 260),
        (300, 314),
        (320, 321),
        (330, 333),
        (340, 347),
    ]
    for number in range(first, last + 1)
}
NUMBER = re.compile(r"\bK(\d{2,3})(?: to K(\d{2,3}))?\b")
# "- **K141**: what holds. `serving/kaptain/test_deployments.py::test_name`"
CLAUSE = re.compile(r"^- \*\*(K[^*]+)\*\*(.*?)(?=^- |^#|^$|\Z)", re.MULTILINE | re.DOTALL)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
DONE, _, NOT_DONE = PAGE.partition("\n## Not done")


def numbers(text: str) -> list[str]:
    """Return the numbers of a text, ranges spelt out."""
    return [
        f"K{number:0{len(first)}}"
        for first, last in NUMBER.findall(text)
        for number in range(int(first), int(last or first) + 1)
    ]


CLAUSES = {match[1]: match[2] for match in CLAUSE.finditer(DONE)}
REASONS = {match[1]: match[2] for match in CLAUSE.finditer(NOT_DONE)}


@cache
def functions(path: str) -> set[str]:
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_requirement_is_a_clause_or_has_a_reason() -> None:
    assert len(CLAUSES) > 50
    said = [number for heads in (CLAUSES, REASONS) for head in heads for number in numbers(head)]
    assert REQUIREMENTS - set(said) == set()
    assert {number for number in said if said.count(number) > 1} == set()


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_clause_is_held_by_tests_that_exist(clause: str) -> None:
    named = TEST.findall(CLAUSES[clause])
    assert named
    assert {(path, name) for path, name in named if name not in functions(path)} == set()


@pytest.mark.parametrize("number", REASONS)
def test_what_is_not_done_says_why(number: str) -> None:
    assert len(REASONS[number].split()) > 5


def test_the_code_cites_only_what_the_page_has() -> None:
    known = {number for head in [*CLAUSES, *REASONS] for number in numbers(head)}
    cited = {(path.name, number) for path in CODE for number in numbers(path.read_text(encoding="utf-8"))}
    assert cited
    assert {(name, number) for name, number in cited if number not in known} == set()
