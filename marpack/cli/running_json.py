"""What ``marpack run`` tells programs: the JSON of spec/run.schema.json."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from marpack.cli.running_answers import Answered, Report
from marpack.cli.running_figures import Figures
from marpack.cli.terminal import show, text_of, to_json

if TYPE_CHECKING:
    from marpack.errors import NotServedError
    from marpack.running import Metric, Worker

_SCHEMA_VERSION = 1


class JsonReport(Report):
    """One document, at the end."""

    def __init__(self, path: str) -> None:
        self._document: dict[str, Any] = {
            "schema": _SCHEMA_VERSION,
            "path": path,
            "served": False,
            "model": None,
            "version": None,
            "torchserve": None,
            "batch_size": None,
            "load_seconds": None,
            "responses": [],
            "log": [],
            "metrics": [],
            "traceback": None,
            "figures": None,
            "error": None,
        }

    def loaded(self, worker: Worker, seconds: float) -> None:
        """Keep what is known of the model."""
        self._document |= {
            "served": True,
            "model": worker.model_name,
            "version": worker.version,
            "torchserve": worker.torchserve_version,
            "batch_size": worker.batch_size,
            "load_seconds": seconds,
        }

    def answered(self, answers: Sequence[Answered], seconds: float, traceback: str, log: object) -> None:
        """Keep the answers, and the first traceback."""
        self._document["responses"] += map(_response, answers)
        if traceback and self._document["traceback"] is None:
            self._document["traceback"] = traceback

    def not_served(self, error: NotServedError) -> None:
        """Print what is known, which is why."""
        self._document |= {
            "traceback": error.traceback or None,
            "log": [{"stream": None, "text": line} for line in error.log],
            "error": {"status": error.status, "message": error.message, "why": error.why or None},
        }
        show(to_json(self._document))

    def ended(self, worker: Worker, figures: Figures | None) -> None:
        """Print all of it."""
        self._document |= {
            "log": [{"stream": line.stream, "text": line.text} for line in worker.log],
            "metrics": [*map(_metric, worker.metrics)],
            "figures": figures and figures.asdict(),
        }
        show(to_json(self._document))


def _response(answered: Answered) -> dict[str, Any]:
    response = answered.response
    text = text_of(response.body)
    return {
        "input": answered.name or None,
        "status": response.status,
        "reason": response.reason,
        "headers": [{"name": name, "value": value} for name, value in response.headers],
        "body": text,
        "body_base64": None if text is not None else base64.b64encode(response.body).decode("ascii"),
        "parts": len(response.parts),
        "complete": response.complete,
    }


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "unit": metric.unit,
        "value": metric.value if math.isfinite(metric.value) else None,
        "dimensions": dict(metric.dimensions),
        "type": metric.type,
        "hostname": metric.hostname,
        "timestamp": metric.timestamp,
        "request_id": metric.request_id,
    }
