"""Weights that the server's torch does not read. The server here has a newer one: what it lost is tried."""

from __future__ import annotations

import io
import zipfile

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.weights import STATE_DICT, eager
from tests.checks.cases.weights_modules import loaded, whole

# A handler that loads a program of torch.export, or a state_dict, by itself.
EXPORTED = """
import os
import torch
class Handler:
    def initialize(self, context):
        folder, name = context.system_properties["model_dir"], context.manifest["model"]["serializedFile"]
        path = os.path.join(folder, name)
        self.loaded = torch.export.load(path) if name.endswith(".pt2") else torch.load(path, weights_only=True)
    def handle(self, data, context):
        return [True] * len(data)
"""


def program(version: str) -> bytes:
    """A program of torch.export from before 2.8, as far as its version is read."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("serialized_exported_program.json", b"{}")
        archive.writestr("version", version)
    return buffer.getvalue()


def exported(data: bytes, name: str) -> Archive:
    return Archive(
        files={"handler.py": EXPORTED, name: data}, model={"handler": "handler.py", "serializedFile": name}
    )


def damaged(data: bytes) -> bytes:
    """The same with a wrong sum for what is pickled, in both places."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sum_ = archive.getinfo("archive/data.pkl").CRC.to_bytes(4, "little")
    assert data.count(sum_) == 2
    return data.replace(sum_, b"\1\2\3\4")


CASES = [
    Case(
        code="weights-sums",
        title="a record that changed",
        broken=eager(damaged(STATE_DICT)),
        repaired=eager(STATE_DICT),
        fails="serves",
    ),
    Case(
        code="weights-torch",
        title="a program that torch 2.5 exported",
        broken=exported(program("7.3"), "net.pt2"),
        repaired=exported(STATE_DICT, "net.pt"),
        fails="worker",
        says=r"Serialized version .*7.* does not match our current",
        options={"torch": "2.13"},
    ),
    Case(
        code="weights-torch",
        title="a class that torch has no more",
        broken=loaded(whole("torch.ao.quantization.quantizer.quantizer", "QuantizationSpec")),
        repaired=loaded(whole("torch.nn.modules.linear", "Identity")),
        fails="worker",
        says=r"No module named 'torch\.ao\.quantization\.quantizer'",
        options={"torch": "2.13"},
    ),
]
