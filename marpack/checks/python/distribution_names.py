"""The table of what distributions bring: which modules lie in each, and which others it needs.

``distribution_names.txt`` says when it was made, and from what; ``tests/support/distribution_names.py`` makes it.
Most distributions are not in it: of those nothing is known, and what they bring is not to be taken for absent.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache

from marpack.checks.python.tables import lines_of
from marpack.frozen import frozen_in_order

# Read when the first import is asked for, and not when marpack is loaded.
TABLE = os.path.splitext(__file__)[0] + ".txt"

# Names of one folder that many distributions share.
SHARED = ("azure", "google", "nvidia", "opentelemetry", "sphinxcontrib", "zope")


@frozen_in_order
class Distribution:
    """What is known of a distribution: its ``modules``, and the names that it ``needs``; None if nobody knows."""

    modules: tuple[str, ...] | None
    needs: tuple[str, ...] | None


def normal_name(name: str) -> str:
    """Return the name as package registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def guessed_modules(name: str) -> set[str]:
    """Return what the modules of a distribution are called, as far as its normalised name tells."""
    found = {shared for shared in SHARED if name.startswith(f"{shared}-")}
    for form in (name, name.removeprefix("python-"), name.removeprefix("py"), name.removeprefix("py-")):
        found |= {form.replace("-", "_"), form.replace("-", "")}
    return found


def parse(lines: Iterable[str]) -> dict[str, Distribution]:
    """Read lines ``name = modules: needs``.

    ``= modules`` is left out where there is one that is called like the distribution; ``?`` stands for those that
    nobody knows, ``-`` where there are none. Without a ``:`` nobody knows what it needs. ``name[extra]`` needs
    what the extra brings.
    """
    found: dict[str, Distribution] = {}
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        head, colon, needs = line.partition(":")
        name, equals, own = head.partition("=")
        name, words = name.strip(), own.split()
        modules = (name.replace("-", "_"),) if not equals else () if words == ["-"] else tuple(words)
        if "[" in name:
            modules = ()
        found[name] = Distribution(
            modules=None if words == ["?"] else modules, needs=tuple(needs.split()) if colon else None
        )
    return found


@cache
def table() -> dict[str, Distribution]:
    """Return the table, by normalised names."""
    return parse(lines_of(TABLE))


@cache
def _by_module() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, known in table().items():
        for module in known.modules or ():
            if module not in found or len(name) < len(found[module]):
                found[module] = name
    return found


def distribution_of(module: str) -> str | None:
    """Return a distribution of another name that has a top-level module, None where none is known."""
    name = _by_module().get(module)
    return None if name is None or name.replace("-", "_") == module.lower() or module in SHARED else name


def is_module(name: str) -> bool:
    """Tell whether the table has a distribution that brings a top-level module of this name, or is called so."""
    return name in _by_module() or normal_name(name) in table()
