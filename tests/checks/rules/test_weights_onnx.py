"""What is said of sessions of onnxruntime, and of files that are not what their name says."""

from __future__ import annotations

import dataclasses
import struct

import pytest

from tests.archive.inspection.test_onnx import model, tensor
from tests.checks.cases.case import Archive
from tests.checks.cases.weights import BASE, SCRIPT, STATE_DICT
from tests.checks.cases.weights_onnx import CALLS, RUNS, library
from tests.support.checking import found

ONNX = model(tensor(None))
ELF = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HH", 3, 62)
ITSELF = """
import numpy, onnxruntime
class Handler:
    def initialize(self, context):
        self.net = onnxruntime.InferenceSession("net.onnx")
    def handle(self, data, context):
        return [self.net(numpy.ones(3))] * len(data)
"""


def said(handler: str, data: bytes = ONNX, name: str = "net.onnx", **more: str) -> list[str]:
    files: dict[str, str | bytes] = {"handler.py": handler, name: data}
    named = "handler.py" if "\n" in handler else handler
    archive = Archive(files=files, model={"handler": named, "serializedFile": name, **more})
    return [f"{each.code} {each.severity}" for each in found(archive) if each.code in CODES]


CODES = ("onnx-called", "weights-renamed", "weights-call")
INITIALIZE = "    def initialize(self, context):\n        super().initialize(context)\n"


@pytest.mark.parametrize("handler", ["base_handler", "image_classifier", "object_detector", "text_classifier"])
def test_no_built_in_handler_serves_onnx(handler: str) -> None:
    assert said(handler) == ["onnx-called error"]


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (CALLS, "error"),
        (CALLS.replace("BaseHandler", "VisionHandler").replace("base_handler", "vision_handler"), "error"),
        (f"{CALLS}    def inference(self, data):\n        return super().inference(data * 2)\n", "error"),
        (f"{CALLS}    def inference(self, data):\n        return self.model(data)\n", "error"),
        (f"{CALLS}    def handle(self, data, context):\n        return [self.inference(data)]\n", "warning"),
        (f"{CALLS}    def get_insights(self, data, raw, target):\n        return [1]\n", "warning"),
        (f"{RUNS}{INITIALIZE}        self.model.to(self.device)\n", "error"),
        (ITSELF, "warning"),
    ],
)
def test_sessions_that_are_called(handler: str, expected: str) -> None:
    assert said(handler) == [f"onnx-called {expected}"]


@pytest.mark.parametrize(
    "handler",
    [
        RUNS,
        BASE,
        # What the model is after initialize is the handler's own affair.
        f"{CALLS}{INITIALIZE}        self.model = Runs(self.model)\nclass Runs:\n    def __init__(self, net):\n"
        "        self.net = net\n    def __call__(self, data):\n        return self.net.run(None, {'x': data})\n",
        f"{CALLS}{INITIALIZE}        self.model = self.model.run\n",
        RUNS.replace("self.model.run", "self.net.run") + f"{INITIALIZE}        self.net = self.model\n",
        f"{CALLS}{INITIALIZE}        wrap(self)\nfrom helpers import wrap\n",
        f"{CALLS}{INITIALIZE}        self.inference = lambda data: data\n",
        # It may be a session, or not.
        f"{CALLS}    def inference(self, data):\n        if hasattr(self.model, 'run'):\n            return data\n"
        "        return self.model(data)\n",
        f"{CALLS}    def inference(self, data):\n        try:\n            return self.model(data)\n"
        "        except TypeError:\n            return self.model.run(None, {'x': data})\n",
        # What stands in the place of TorchServe's.
        f"{CALLS}import ts.torch_handler.base_handler as b\nb.setup_ort_session = lambda *given: print\n",
        f"{CALLS}import onnxruntime\nonnxruntime.InferenceSession = lambda *given, **named: len\n",
        f"{CALLS}BaseHandler.inference = lambda self, data: data\n",
        ITSELF.replace("self.net(numpy.ones(3))", "self.net.run(None, {'x': numpy.ones(3)})"),
    ],
)
def test_sessions_that_are_run_or_may_be(handler: str) -> None:
    assert said(handler) == []


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"<!DOCTYPE html>", b'{"message": "not found"}', STATE_DICT, SCRIPT, ONNX[:-3], b"\x80\2}."),
        b"Entry not found",
    ],
)
def test_what_only_is_called_onnx(data: bytes) -> None:
    assert "weights-renamed error" in said(RUNS, data)
    assert "weights-call error" in said(ITSELF, data)


def test_what_may_be_onnx() -> None:
    for data in (ONNX, b"\x08\7", b"\x08\7\x3a\0"):
        assert said(RUNS, data) == []
    assert said(CALLS, STATE_DICT, modelFile="net.py") == []


def test_libraries() -> None:
    def codes(data: bytes) -> list[str]:
        return [each.code for each in found(library(data)) if each.severity == "error"]

    assert codes(ELF.ljust(64, b"\0")) == []
    for data in (b"", b"a text", STATE_DICT, ONNX, ELF.replace(b"\3\0", b"\2\0"), elf(b"\0puts\0")):
        assert codes(data) == ["weights-renamed"]
    whole = elf(b"\0AOTInductorModelContainerCreateWithDevice\0")
    assert codes(whole) == []
    assert codes(whole[:-100]) == ["weights-renamed"]
    without = dataclasses.replace(library(b"a text"), model={"handler": "handler.py", "serializedFile": "net.so"})
    assert [each.code for each in found(without) if each.severity == "error"] == ["weights-suffix"]


def elf(names: bytes) -> bytes:
    """A library of one segment, which holds the names of its symbols, with a table of one section."""
    head = ELF + struct.pack("<IQQQIHHHHHH", 1, 0, 64, 120, 0, 64, 56, 1, 64, 1, 0)
    start = 64 + 56 + 64
    segment = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, start + 200, start + 200, 1)
    section = struct.pack("<IIQQQQIIQQ", 0, 3, 2, 0, start, len(names), 0, 0, 1, 0)
    return (head + segment + section + names).ljust(start + 200, b"\0")
