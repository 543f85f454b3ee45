"""What a handler's value names: a file, an entry point, or a handler that the server has built in. Pure."""

from __future__ import annotations

import os.path
import posixpath

from marpack.archive.manifest import Runtime

__all__ = ["BUILTIN_HANDLERS", "Handler", "handler_file", "handler_reference"]

# A6: known to the server by name, so no file is packed.
_PYTHON_HANDLERS = frozenset(
    {
        "base_handler",
        "dali_image_classifier",
        "image_classifier",
        "image_segmenter",
        "object_detector",
        "text_classifier",
        "trt_llm_handler",
        "vllm_handler",
    }
)
_OTHER_HANDLERS = frozenset({"dali_handler", "densenet_handler", "text_handler", "vision_handler"})
BUILTIN_HANDLERS: dict[Runtime, frozenset[str]] = {
    "python": _PYTHON_HANDLERS,
    "python3": _PYTHON_HANDLERS,
    "LSP": frozenset({"BaseHandler", "TorchScriptHandler"}),
}


def handler_file(value: str, runtime: Runtime) -> str | None:
    """Return the path of the file that a handler value names, or None when the server has it built in (A6)."""
    if not value or value in BUILTIN_HANDLERS[runtime]:
        return None
    folder, last = os.path.split(value)
    stem = last.partition(":")[0]
    if runtime == "LSP":
        file = stem if stem.endswith((".so", ".dylib")) else f"{stem}.so"
    else:
        file = stem if stem.endswith(".py") else f"{stem}.py"
    return os.path.join(folder, file)


def handler_reference(value: str, runtime: str) -> str | None:
    """Return the file that a manifest's handler names for sure: none for what the server may have itself (R10).

    The server has more modules of handlers than the archiver knows by name, and a dotted name may be a package's.
    """
    before = value.partition(":")[0]
    if runtime not in ("python", "python3") or not before or before in _PYTHON_HANDLERS | _OTHER_HANDLERS:
        return None
    stem = before.removesuffix(".py")
    return None if "." in os.path.basename(stem) else f"{stem}.py"


class Handler:
    """The manifest's ``handler``, as the worker takes it apart [server]: ``module`` and ``function``."""

    def __init__(self, value: str) -> None:
        self.value = value
        before, colon, after = value.partition(":")
        self.has_colon = bool(colon)
        # One ".py" goes, then whatever stands before the last "/".
        self.path = before
        self.module = posixpath.basename(before.removesuffix(".py"))
        # What is called; everything from the first colon on, which a second colon is part of.
        self.function = after or "handle"
        self.names_function = bool(after)
