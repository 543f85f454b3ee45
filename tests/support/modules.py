"""The modules of marpack, by their names, and their texts; those of Python, by their names."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import marpack

PACKAGE = Path(marpack.__file__).parent
MODULES = sorted(
    ".".join(["marpack", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)
# What comes with Python; 3.15 has a module that it does not list.
STANDARD = frozenset({*sys.stdlib_module_names, "_missing_stdlib_info"})


@cache
def source(module: str) -> str:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
