"""One parser of a handler's value, for whoever asks."""

from __future__ import annotations

import pytest

from marpack.archive.handler import HandlerName


@pytest.mark.parametrize(
    ("value", "path", "module", "function", "named"),
    [
        ("h", "h", "h", "handle", False),
        ("h.py", "h.py", "h", "handle", False),
        ("d/h.py:f", "d/h.py", "h", "f", True),
        ("h:", "h", "h", "handle", False),
        ("h:a:b", "h", "h", "a:b", True),
        ("a.b.py", "a.b.py", "a.b", "handle", False),
        ("", "", "", "handle", False),
    ],
)
def test_as_the_worker_takes_it_apart(value: str, path: str, module: str, function: str, named: bool) -> None:
    handler = HandlerName.parse(value)
    assert (handler.path, handler.module, handler.function) == (path, module, function)
    assert (handler.has_colon, handler.names_function) == (":" in value, named)


def test_built_in_is_what_the_runtime_has() -> None:
    assert HandlerName.parse("TorchScriptHandler", "LSP").is_built_in
    assert not HandlerName.parse("TorchScriptHandler", "python3").is_built_in
    assert HandlerName.parse("base_handler", "python3").is_built_in
    assert not HandlerName.parse("base_handler:f").is_built_in
    assert not HandlerName.parse("base_handler", "perl").is_built_in


@pytest.mark.parametrize(
    ("value", "runtime", "reference"),
    [
        ("h", "python", "h.py"),
        ("h.py:f", "python3", "h.py"),
        ("base_handler:f", "python", None),
        ("vision_handler", "python", None),
        ("package.module", "python", None),
        ("h", "LSP", None),
        ("", "python", None),
    ],
)
def test_the_member_that_a_manifest_names(value: str, runtime: str, reference: str | None) -> None:
    assert HandlerName.parse(value, runtime).reference == reference


def test_what_a_manifest_says() -> None:
    assert HandlerName.parse("d/h.py:f").manifest_value == "h.py:f"
    assert HandlerName.parse("") == HandlerName.parse("", "python")


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
