"""Serve models by KServe's model server: a script for the Python of an environment that has kserve.

``python serve_by_kserve.py ASKED KSERVE'S ARGUMENTS`` is told in JSON: ``archives`` by their models' names, and
``python``, which has TorchServe and torch. KServe listens on all interfaces; here it is brought to listen on
one.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import kserve  # type: ignore[import-not-found]

from marpack.running.kserve import MarModel
from tests.support.on_loopback import listen_on_loopback


def main() -> None:
    """Do it, as the arguments say."""
    parser = argparse.ArgumentParser(parents=[kserve.model_server.parser])
    parser.add_argument("asked", type=json.loads)
    asked = parser.parse_args().asked
    models = [MarModel(name, archive, python=asked["python"]) for name, archive in asked["archives"].items()]
    for model in models:
        model.load()
    listen_on_loopback()
    kserve.ModelServer().start(models)


if __name__ == "__main__":
    main()
