"""Which modules and names the standard library of a Python has, as far as that differs from 3.8 to 3.15."""

from __future__ import annotations

import os
import sys
from functools import cache

from marpack.checks.python.tables import lines_of

# Read when the first import of a standard module is asked for.
TABLE = os.path.splitext(__file__)[0] + ".txt"

_ALWAYS, _EVER = (3, 0), (4, 0)


def is_standard(module: str, python: tuple[int, int]) -> bool:
    """Tell whether a top-level module is one of the standard library of a Python."""
    if (module, "") in _changed():
        return has_name(module, "", python)
    return module in sys.stdlib_module_names


@cache
def _changed() -> dict[tuple[str, str], tuple[tuple[int, int], tuple[int, int]]]:
    """Return from when to when there is a module, or a name in one; the name of a module alone is empty."""
    found = {}
    for line in lines_of(TABLE):
        if not line.startswith("#"):
            since, until, module, *names = line.replace(":", "").split()
            between = (_version(since, _ALWAYS), _version(until, _EVER))
            found.update({(module, name): between for name in names or [""]})
    return found


def _version(text: str, otherwise: tuple[int, int]) -> tuple[int, int]:
    return otherwise if text == "-" else (3, int(text.partition(".")[2]))


def has_submodule(module: str, python: tuple[int, int]) -> bool:
    """Tell whether a dotted module of the standard library is there, or nothing is known of it."""
    parts = module.split(".")
    return all(has_name(".".join(parts[:end]), "", python) for end in range(2, len(parts) + 1))


def has_name(module: str, name: str, python: tuple[int, int]) -> bool:
    """Tell whether a module of the standard library has a name, or nothing is known of it."""
    since, until = _changed().get((module, name), (_ALWAYS, _EVER))
    return since <= python < until
