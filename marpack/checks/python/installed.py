"""What the distributions that are installed beside marpack bring."""

from __future__ import annotations

import re
from collections.abc import Iterable

from marpack.checks.python.distribution_names import Distribution, normal_name

# A requirements file of this many is nobody's, and each costs a look into every folder of packages.
_MOST = 500
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def installed_modules(names: Iterable[str]) -> set[str]:
    """Return the modules of those distributions that are installed here, and of those that they need.

    This Python need not be the server's: what is found here may be there too, what is not says nothing.
    """
    found: set[str] = set()
    seen: set[str] = set()
    waiting = sorted(names)[:_MOST]
    while waiting and len(seen) < _MOST:
        name = waiting.pop()
        known = None if name in seen else _installed(name)
        seen.add(name)
        if known is not None:
            found.update(known.modules or ())
            waiting.extend(known.needs or ())
    return found


def _installed(name: str) -> Distribution | None:
    from importlib import metadata  # which loads the package email

    try:
        found = metadata.distribution(name)
        needs = [_NAME.match(text) for text in found.requires or () if "extra" not in text.partition(";")[2]]
        # Not ``found.files``, which looks for every file from Python 3.12 on.
        files = [line.split(",")[0] for line in (found.read_text("RECORD") or "").splitlines()]
        tops = (found.read_text("top_level.txt") or "").split() or [
            file.partition("/")[0].partition(".")[0] for file in files if file.endswith((".py", ".so", ".pyd"))
        ]
    except Exception:  # a broken installation is nothing that an archive has to answer for
        return None
    modules = tuple(sorted({top for top in tops if top.isidentifier()}))
    return Distribution(modules=modules, needs=tuple(normal_name(match[1]) for match in needs if match))
