"""The files below ``spec/vectors``, their cases, and how they are laid out."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Json: TypeAlias = dict[str, Any]

SPEC = Path(__file__).parents[3] / "spec"
FORMATS = ("archive", "manifest", "properties", "snapshot")
HOSTILE = "archive/invalid/hostile"
FOLDERS = (*(f"{name}/{kind}" for name in FORMATS for kind in ("valid", "invalid")), HOSTILE)
DUMPED = tuple(folder for folder in FOLDERS if folder.startswith(("archive/", "manifest/")))
MANIFEST = "MAR-INF/MANIFEST.json"
WORKFLOW_MANIFEST = "WAR-INF/MANIFEST.json"
ZIP_SUFFIXES = {".mar", ".war"}

_LINE = 110
_RECORD_LINE = 320


@dataclass(frozen=True, kw_only=True, slots=True)
class Vector:
    """One file below ``spec/vectors``."""

    name: str
    path: Path
    data: Json

    def text(self, data: Json | None = None) -> str:
        """Return the file's text as ``dump`` writes it."""
        return layout(data or self.data) + "\n"

    def cases(self) -> list[tuple[str, Json]]:
        """Return the cases of a vector that holds several, completed by what they have in common."""
        shared = {key: value for key, value in self.data.items() if key != "cases"}
        return [(f"{self.name}: {case['title']}", {**shared, **case}) for case in self.data["cases"]]


def load(folder: str) -> list[Vector]:
    """Read the vectors of a folder, such as ``archive/valid``."""
    return [
        Vector(
            name=path.relative_to(SPEC / "vectors").with_suffix("").as_posix(),
            path=path,
            data=json.loads(path.read_text("ascii")),
        )
        for path in sorted((SPEC / "vectors" / folder).glob("*.json"))
    ]


def by_name(*values: Vector) -> pytest.MarkDecorator:
    """Run a test once for each vector."""
    return pytest.mark.parametrize("vector", values, ids=lambda vector: vector.name)


def each_case(cases: list[tuple[str, Json]]) -> pytest.MarkDecorator:
    """Run a test once for each case."""
    return pytest.mark.parametrize("case", [case for _, case in cases], ids=[name for name, _ in cases])


def unique(pairs: list[tuple[str, Any]]) -> Json:
    """Let ``json`` read an object that gives no key twice."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError
    return dict(pairs)


def finite(number: str) -> float:
    """Let ``json`` read a number that is one."""
    if not math.isfinite(value := float(number)):
        raise ValueError(number)
    return value


def text_of(value: str | list[str]) -> str:
    """Return a text that a vector may give as its lines."""
    return value if isinstance(value, str) else "\n".join(value)


def layout(value: Any, indent: int = 0) -> str:
    """Return JSON in which whatever fits into a line stands in one, and so does a record."""
    line = json.dumps(value)
    if not isinstance(value, (dict, list)) or len(line) + indent <= _LINE:
        return line
    if isinstance(value, dict):
        if indent > 2 and len(line) <= _RECORD_LINE and not any(map(_is_nested, value.values())):
            return line
        items = [f"{json.dumps(key)}: {layout(item, indent + 2)}" for key, item in value.items()]
    else:
        items = [layout(item, indent + 2) for item in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    inner = "\n" + " " * (indent + 2)
    return first + inner + f",{inner}".join(items) + "\n" + " " * indent + last


def _is_nested(value: object) -> bool:
    return isinstance(value, (dict, list))
