"""Weights of several files, of which one is not packed."""

from __future__ import annotations

import json

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.weights import STATE_DICT

# A handler that reads the shards that an index names, as libraries do.
READER = """
import json, os
import torch
class Handler:
    def initialize(self, context):
        folder = os.path.join(context.system_properties["model_dir"], "FOLDER")
        with open(os.path.join(folder, "pytorch_model.bin.index.json")) as file:
            names = set(json.load(file)["weight_map"].values())
        self.weights = {}
        for name in sorted(names):
            self.weights.update(torch.load(os.path.join(folder, name), weights_only=True))
    def handle(self, data, context):
        return [sorted(self.weights)] * len(data)
"""
SHARDS = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")
INDEX = json.dumps({"metadata": {}, "weight_map": {"weight": SHARDS[0], "bias": SHARDS[1]}})


def sharded(*shards: str, folder: str = "") -> Archive:
    place = f"{folder}/" if folder else ""
    files: dict[str, str | bytes] = {f"{place}{name}": STATE_DICT for name in shards}
    handler = READER.replace("FOLDER", folder)
    return Archive(files={"handler.py": handler, f"{place}pytorch_model.bin.index.json": INDEX, **files})


CASES = [
    Case(
        code="weights-part-missing",
        title="a shard of an index",
        broken=sharded(SHARDS[0]),
        repaired=sharded(*SHARDS),
        fails="worker",
        says=r"FileNotFoundError: .*pytorch_model-00002-of-00002\.bin",
    ),
    Case(
        code="weights-part-missing",
        title="in a folder",
        broken=sharded(SHARDS[1], folder="nets"),
        repaired=sharded(*SHARDS, folder="nets"),
        fails="worker",
        says=r"FileNotFoundError: .*nets/pytorch_model-00001-of-00002\.bin",
    ),
]
