"""What is not compiled, and what looks alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import marpack
from tests.checks.cases.compiled import script

# A graph of one Relu.
ONNX = b"\x08\x03\x3a\x15\x12\x05graph\x0a\x0c\x0a\x01x\x12\x01y\x22\x04Relu"


def found(path: Path, pt2: Any, **model: str) -> list[str]:
    archive = script(json.dumps({"pt2": pt2}))
    files = dict(archive.files)
    if "serializedFile" in model:
        files[model["serializedFile"]] = ONNX if model["serializedFile"].endswith(".onnx") else b"text"
    if "handler" in model:
        files[model["handler"]] = "def handle(data, context):\n    return data and [1]\n"
    path.write_bytes(type(archive)(files=files, model={**archive.model, **model}).data("net"))
    return [str(each) for each in marpack.check(path) if each.code == "config-compile"]


@pytest.mark.parametrize(
    "pt2",
    [
        *("inductor", "openvino", {}, {"backend": "eager"}, {"mode": "default"}, {"compile": {"enable": True}}),
        {"compile": {"enable": True, "backend": "aot_eager"}, "export": {"aot_compile": False}},
    ],
)
def test_torchscript_is_not_compiled(tmp_path: Path, pt2: Any) -> None:
    (text,) = found(tmp_path / "net.mar", pt2)
    assert "'net.pt'" in text
    assert "torch.compile does not take TorchScript" in text


@pytest.mark.parametrize(
    "pt2",
    [
        *("no-back-end", {"backend": "mine"}, {"export": {"aot_compile": True}}, [], None, 3),
        *({"compile": {"enable": False}}, {"compile": {"enable": "true"}}, {"compile": {"enable": None}}),
        *({"compile": None}, {"compile": {"backend": "eager"}}, {"compile": True}),
        {"compile": {"enable": True, "backend": "mine"}},
    ],
)
def test_nothing_is_to_be_compiled(tmp_path: Path, pt2: Any) -> None:
    assert found(tmp_path / "net.mar", pt2) == []


def test_other_models(tmp_path: Path) -> None:
    path = tmp_path / "net.mar"
    assert found(path, "inductor", handler="own.py") == []
    assert found(path, "inductor", serializedFile="text.pt") == []
    assert found(path, "inductor", serializedFile="gone/net.pth") == []


def test_onnx(tmp_path: Path) -> None:
    """Seen with onnxruntime 1.32.0: AssertionError, A callable function is expected."""
    (text,) = found(tmp_path / "net.mar", "inductor", serializedFile="net.onnx")
    assert "torch.compile does not take a session of onnxruntime" in text
