"""The specification of what stands in front of a worker, the tests and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

import marpack
from tests.support.vectors import SPEC

TEXT = (SPEC / "worker.md").read_text("utf-8")
CLAUSES = re.findall(r"^### (J[0-9]+)\. ", TEXT, re.MULTILINE)
MARKS = set(re.findall(r"^\| (\[[a-z]+(?: 0\.9)?\]) \|", TEXT, re.MULTILINE))
CODE = sorted((Path(marpack.__file__).parent / "running").glob("*.py"))
TESTS = sorted(path for path in Path(__file__).parents[1].rglob("*.py") if path != Path(__file__))
CITATION = re.compile(r"\bJ([0-9]+)(?: to J([0-9]+))?")


def cited(text: str) -> set[str]:
    found = [(int(first), int(last or first)) for first, last in CITATION.findall(text)]
    return {
        f"J{number}" for first, last in found for number in range(first, last + 1) if f"J{number}" in CLAUSES
    } | {f"J{number}" for pair in found for number in pair}


def test_every_clause_is_shown_by_a_test_that_names_it() -> None:
    assert sorted(set(CLAUSES), key=lambda clause: int(clause[1:])) == CLAUSES
    tested = {clause for path in TESTS for clause in cited(path.read_text("utf-8"))}
    assert set(CLAUSES) == tested & set(CLAUSES)


def test_what_is_cited_exists() -> None:
    code = {clause for path in CODE for clause in cited(path.read_text("utf-8"))}
    assert len(code) > 10
    assert {*code, *cited(TEXT)} <= set(CLAUSES)


def test_every_clause_has_a_source() -> None:
    sections = re.split(r"^###? ", TEXT, flags=re.MULTILINE)[1:]
    clauses = [section for section in sections if CITATION.match(section)]
    assert len(clauses) == len(CLAUSES)
    for clause in clauses:
        marks = set(re.findall(r"\[[a-z]+(?: 0\.9)?\]", clause))
        assert marks & MARKS, clause
        assert marks <= MARKS | {"[server]"}, clause
