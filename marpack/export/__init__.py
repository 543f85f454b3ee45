"""From archives and a server's settings to a folder by which Ray Serve, SageMaker or KServe serves the models.

``plan_export`` reads, and ``write_export`` writes; neither runs anything of an archive. ``verify_export`` does.
"""

from marpack.export.entry import Entry
from marpack.export.plan import ExportPlan, plan_export
from marpack.export.verify import Compared, verify_export
from marpack.export.write import ExportResult, write_export

__all__ = ["Compared", "Entry", "ExportPlan", "ExportResult", "plan_export", "verify_export", "write_export"]
