"""An archive's handler answers requests as TorchServe would, by the server's own worker and without Java.

This **runs the code that the archive holds**. Nothing else of marpack does, but ``check --load`` and
``export --verify``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from marpack.lazy import on_demand

if TYPE_CHECKING:
    from marpack.running.log import LogLine, Metric
    from marpack.running.request import Part, Request
    from marpack.running.response import Response
    from marpack.running.served_model import ServedModel
    from marpack.running.worker import Worker

__all__ = ["LogLine", "Metric", "Part", "Request", "Response", "ServedModel", "Worker"]

# Loaded when it is asked for: pytest loads this room wherever marpack is installed.
if not TYPE_CHECKING:  # a type checker knows the names, and no others
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "running.log": "LogLine Metric",
            "running.request": "Part Request",
            "running.response": "Response",
            "running.served_model": "ServedModel",
            "running.worker": "Worker",
        },
    )[1:]
