"""The variables that a worker is started with, as the server's front end makes them (spec/worker.md)."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Of a launcher of several workers, each of which they tell its place: a worker alone has none.
_RANKS = ("LOCAL_RANK", "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")


def worker_environment(model_folder: str, more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's variables, ``more``, and what the server adds for a model in ``model_folder``."""
    variables = {name: value for name, value in os.environ.items() if name not in _RANKS} | dict(more)
    places = [variables.get("PYTHONPATH", ""), os.path.realpath(model_folder), ""]
    return variables | {
        "PYTHONPATH": os.pathsep.join(places),
        "PYTHONUNBUFFERED": "1",
        "TS_DECODE_INPUT_REQUEST": "true",
    }
