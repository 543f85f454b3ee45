from __future__ import annotations

import pytest

from marpack.archive.forms import Compression, compression_for
from marpack.archive.handler import HandlerName
from marpack.archive.names import (
    is_excluded_folder,
    is_pattern,
    member_name_problem,
    member_order,
    model_name_problem,
)


@pytest.mark.parametrize("name", ["m", "1", "a..b", "Resnet-18_v1.0", "a" * 251])
def test_model_names(name: str) -> None:
    assert model_name_problem(name, "default") is None


@pytest.mark.parametrize("name", ["", "-m", ".m", "_m", "a b", "a/b", "é", "m\n", "m!", "a\0", "a" * 252])
def test_bad_model_names(name: str) -> None:
    assert model_name_problem(name, "default")


@pytest.mark.parametrize(
    "name", ["a", "a/b", ".env", "ü/ß", "a b", "C:/x", "é" * 127, "x" * 255, "MAR", "a/MAR-INF/x"]
)
def test_member_names(name: str) -> None:
    assert member_name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        ("/etc/passwd", "is absolute"),
        ("../x", "'.' or '..'"),
        ("a/../x", "'.' or '..'"),
        ("a/./x", "'.' or '..'"),
        ("a//x", "an empty"),
        ("a/", "an empty"),
        ("a\\b", "backslash"),
        ("a\0b", "NUL"),
        ("MAR-INF/MANIFEST.json", "kept for the manifest"),
        ("MAR-INF/x", "kept for the manifest"),
        ("mar-inf/x", "kept for the manifest"),
        ("MAR-INF", "kept for the manifest"),
        ("x" * 256, "too long"),
        ("é" * 128, "too long"),
        ("/".join(["x" * 200] * 21), "too long"),
        ("\udcff", "not valid Unicode"),
    ],
)
def test_bad_member_names(name: str, why: str) -> None:
    problem = member_name_problem(name)
    assert problem
    assert why in problem


@pytest.mark.parametrize(
    ("value", "runtime", "file"),
    [
        ("image_classifier", "python", None),
        ("image_classifier", "python3", None),
        ("image_classifier", "LSP", "image_classifier.so"),
        ("./image_classifier", "python", "./image_classifier.py"),
        ("densenet_handler", "python", "densenet_handler.py"),
        ("", "python", None),
        ("", "LSP", None),
        ("d/h.py", "python", "d/h.py"),
        ("d/h", "python", "d/h.py"),
        ("d/h:func", "python", "d/h.py"),
        ("d/h:a:b", "python", "d/h.py"),
        ("d/h.py:func", "python", "d/h.py"),
        ("/a.pyenv/handler", "python", "/a.pyenv/handler.py"),
        ("/a:b/handler", "python", "/a:b/handler.py"),
        ("BaseHandler", "LSP", None),
        ("BaseHandler", "python", "BaseHandler.py"),
        ("TorchScriptHandler", "LSP", None),
        ("libm:Handler", "LSP", "libm.so"),
        ("libm.so:Handler", "LSP", "libm.so"),
        ("libm.dylib", "LSP", "libm.dylib"),
    ],
)
def test_handler_files(value: str, runtime: str, file: str | None) -> None:
    assert HandlerName.parse(value, runtime).file == file


def test_order_is_files_then_folders() -> None:
    names = ["b/z", "b/a/x", "b.txt", "a", "b/b", "Z", "b/B/y", "a0/x", "é"]
    assert sorted(names, key=member_order) == ["Z", "a", "b.txt", "é", "a0/x", "b/b", "b/z", "b/B/y", "b/a/x"]


@pytest.mark.parametrize(
    ("name", "archive_format", "weights", "compression"),
    [
        ("w.pt", "default", True, Compression.DEFLATED),
        ("w.pt", "zip-store", True, Compression.STORED),
        ("h.py", "zip-store", False, Compression.STORED),
        ("w.pt", "auto", True, Compression.STORED),
        ("w", "auto", True, Compression.STORED),
        ("w", "auto", False, Compression.DEFLATED),
        ("d/w.PTH", "auto", False, Compression.STORED),
        ("d/a.png", "auto", False, Compression.STORED),
        ("MAR-INF/MANIFEST.json", "auto", False, Compression.DEFLATED),
    ],
)
def test_compression(name: str, archive_format: str, weights: bool, compression: Compression) -> None:
    assert compression_for(name, archive_format, weights=weights) is compression  # type: ignore[arg-type]


def test_excluded_folders() -> None:
    excluded = [
        name for name in ("a", ".git", "__pycache__", "__MACOSX", "_x", "__pycache") if is_excluded_folder(name)
    ]
    assert excluded == [".git", "__pycache__", "__MACOSX"]


def test_patterns() -> None:
    assert [item for item in ("a", "a*", "a?", "[a", "a]", "[a]", "]a[") if is_pattern(item)] == [
        "a*",
        "a?",
        "[a]",
        "]a[",
    ]
