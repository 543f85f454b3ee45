"""The clauses of the pages that vectors cite."""

from __future__ import annotations

import re

from tests.support.vectors.files import FORMATS, SPEC

TEXTS = {name: (SPEC / f"{name}.md").read_text("utf-8") for name in FORMATS}
CLAUSES = [
    clause for text in TEXTS.values() for clause in re.findall(r"^### ([A-Z][0-9]+)\. ", text, re.MULTILINE)
]
LETTERS = "AZTNWRMPS"
CITATION = re.compile(rf"\b[{LETTERS}][0-9]{{1,2}}\b")


def section(clause: str) -> str:
    """Return the text of a clause."""
    [found] = [
        body
        for text in TEXTS.values()
        for body in re.findall(rf"^### {clause}\. (.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    ]
    return str(found)


def codes(clause: str) -> dict[str, str]:
    """Return the codes in a clause's table, each with what stands in the column behind it."""
    return dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \|", section(clause), re.MULTILINE))
