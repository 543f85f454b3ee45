"""From archives and a server's settings to a folder by which Ray Serve, SageMaker or KServe serves the models.

``plan_export`` reads, and ``write_export`` writes; neither runs anything of an archive. ``verify_export`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from marpack.lazy import on_demand

if TYPE_CHECKING:
    from marpack.export.entry import ExportEntry
    from marpack.export.plan import ExportPlan, plan_export
    from marpack.export.verify import Compared, verify_export
    from marpack.export.write import ExportResult, write_export

__all__ = ["Compared", "ExportEntry", "ExportPlan", "ExportResult", "plan_export", "verify_export", "write_export"]

# Loaded when it is asked for: the command line has a look at this room at every start.
if not TYPE_CHECKING:  # a type checker knows the names, and no others
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "export.entry": "ExportEntry",
            "export.plan": "ExportPlan plan_export",
            "export.verify": "Compared verify_export",
            "export.write": "ExportResult write_export",
        },
    )[1:]
