"""The examples in the texts that users read: fenced blocks, and what is said of each in a comment above it.

A block of ``python`` or ``sh`` runs, in the order of its page, unless the line above it says otherwise:
``<!-- not run: why -->``. One of ``text`` is what the block before it prints, where that runs; others are data.
"""

from __future__ import annotations

import ast
import builtins
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))]
CODE = {"python", "sh"}
DATA = {"json", "text", "toml", "yaml"}
# Of somebody who tried the examples in tests/models.
LEFTOVERS = shutil.ignore_patterns(
    *("*.mar", "*.war", "*.tar.gz", "__pycache__", "config.properties"),
    *("contents", "deploy", "dev-digits*.yaml", "model-store", "storage", "unpacked"),
)
# What names may mean in any module.
_ALWAYS = {*dir(builtins), "__file__", "__name__"}

_BLOCK = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*) -->\n)?```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_NOT_RUN = "not run: "


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: its language, its text, the comment above it, and the line where it begins."""

    page: str
    line: int
    language: str
    text: str
    note: str
    # Of what it prints: the text that follows at once.
    printed: str | None

    @property
    def is_code(self) -> bool:
        return self.language in CODE

    @property
    def runs(self) -> bool:
        return self.is_code and not self.note.startswith(_NOT_RUN)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [*_BLOCK.finditer(text)]
    following = [*found[1:], None][: len(found)]
    return [
        Block(
            page=page,
            line=text.count("\n", 0, match.start("language")) + 1,
            language=match["language"],
            text=match["text"],
            note=match["note"] or "",
            printed=after["text"] if after and _is_printed(text[match.end() : after.start()], after) else None,
        )
        for match, after in zip(found, following, strict=True)
    ]


def beside_blocks(page: str) -> str:
    """Return the text of a page without its blocks."""
    return _BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8"))


def _is_printed(between: str, after: re.Match[str]) -> bool:
    return not between.strip() and after["language"] == "text"


def scripts(page: str) -> Iterator[tuple[Block, str]]:
    """Yield the Python blocks of a page as programs: one that uses what others have defined begins with these."""
    before = ""
    for block in blocks(page):
        if block.language == "python":
            yield block, block.text if _stands_alone(block.text) else before + block.text
            before += block.text


def _stands_alone(text: str) -> bool:
    tree = ast.parse(text)
    defined, used = set(_ALWAYS), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            defined.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            defined |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return used <= defined
