"""From archives and a server's settings to a folder by which Ray Serve, SageMaker or KServe serves the models.

``plan_export`` reads, and ``write_export`` writes; neither runs anything of an archive. ``verify_export`` does.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marpack.export.entry import Entry
    from marpack.export.plan import ExportPlan, plan_export
    from marpack.export.verify import Compared, verify_export
    from marpack.export.write import ExportResult, write_export

__all__ = ["Compared", "Entry", "ExportPlan", "ExportResult", "plan_export", "verify_export", "write_export"]

# Loaded when it is asked for: the command line has a look at this room at every start.
_HOMES = {
    "Compared": "verify",
    "Entry": "entry",
    "ExportPlan": "plan",
    "ExportResult": "write",
    "plan_export": "plan",
    "verify_export": "verify",
    "write_export": "write",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
