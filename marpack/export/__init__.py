"""From archives and a server's settings to a folder by which Ray Serve, SageMaker or KServe serves the models.

Nothing of an archive is run: ``plan_export`` reads, and ``write_export`` writes.
"""

from marpack.export.entry import Entry
from marpack.export.plan import ExportPlan, plan_export
from marpack.export.write import ExportResult, write_export

__all__ = ["Entry", "ExportPlan", "ExportResult", "plan_export", "write_export"]
