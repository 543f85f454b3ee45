"""The file that a handler's name means."""

from __future__ import annotations

import pytest

from marpack.archive.handler import handler_file


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
    assert handler_file(value, runtime) == file  # type: ignore[arg-type]
