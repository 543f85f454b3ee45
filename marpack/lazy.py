"""Modules whose names are loaded on demand (PEP 562): who embeds marpack pays for what it uses.

It imports nothing that a starting Python has not loaded.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False  # as typing's, which takes milliseconds to load
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def on_demand(
    module: str, homes: Mapping[str, str], *, modules: str = ""
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of a module whose names live in others.

    ``homes`` are these, as they stand below ``marpack``, each with its names between blanks; a name that is its
    home's last is that module. ``modules`` are modules below this one that are loaded in the same way, and not
    listed.
    """
    home_of = {name: f"marpack.{home}" for home, names in homes.items() for name in names.split()}
    below = frozenset(modules.split())

    def get(name: str) -> Any:
        if name in below:
            return import_module(f"{module}.{name}")
        if name not in home_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = import_module(home_of[name])
        value = home if home_of[name].endswith(f".{name}") else getattr(home, name)
        setattr(sys.modules[module], name, value)
        return value

    listed = sorted(home_of, key=lambda name: (not name.isupper(), name))
    return listed, get, lambda: sorted({*vars(sys.modules[module]), *listed})
