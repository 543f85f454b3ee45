"""An archive's handler answers requests as TorchServe would, by the server's own worker and without Java.

This **runs the code that the archive holds**. Nothing else of marpack does, but ``check --load``.
"""

from __future__ import annotations

from marpack.running.log import LogLine, Metric
from marpack.running.request import Part, Request
from marpack.running.response import Response
from marpack.running.worker import Worker

__all__ = ["LogLine", "Metric", "Part", "Request", "Response", "Worker"]
