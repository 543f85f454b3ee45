"""Serve models by KServe's model server: a script for the Python of an environment that has kserve.

``python serve_by_kserve.py ASKED KSERVE'S ARGUMENTS`` is told in JSON: ``archives`` by their models' names, and
``python``, which has TorchServe and torch. KServe listens on all interfaces; here it is brought to listen on
one.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).parents[1]))

import kserve  # type: ignore[import-not-found]

from marpack.running.kserve import MarModel


def main() -> None:
    """Do it, as the arguments say."""
    parser = argparse.ArgumentParser(parents=[kserve.model_server.parser])
    parser.add_argument("asked", type=json.loads)
    asked = parser.parse_args().asked
    models = [MarModel(name, archive, python=asked["python"]) for name, archive in asked["archives"].items()]
    for model in models:
        model.load()
    on_all_interfaces = uvicorn.Config.__init__

    @functools.wraps(on_all_interfaces)
    def on_loopback(*arguments: object, **options: object) -> None:
        on_all_interfaces(*arguments, **{**options, "host": "127.0.0.1"})  # type: ignore[arg-type]

    uvicorn.Config.__init__ = on_loopback  # type: ignore[method-assign]
    kserve.ModelServer().start(models)


if __name__ == "__main__":
    main()
