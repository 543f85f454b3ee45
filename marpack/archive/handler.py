"""What a handler's value names: a file, an entry point, or a handler that the server has built in. Pure."""

from __future__ import annotations

import os.path
import posixpath

from marpack.frozen import frozen

# A6: known to the server by name, so no file is packed.
_PYTHON_HANDLERS = frozenset(
    (
        *("base_handler", "dali_image_classifier", "image_classifier", "image_segmenter", "object_detector"),
        *("text_classifier", "trt_llm_handler", "vllm_handler"),
    )
)
BUILTIN_HANDLERS = {
    "python": _PYTHON_HANDLERS,
    "python3": _PYTHON_HANDLERS,
    "LSP": frozenset({"BaseHandler", "TorchScriptHandler"}),
}
# Those that the server has and the archiver does not know.
_OTHER_HANDLERS = frozenset({"dali_handler", "densenet_handler", "text_handler", "vision_handler"})


@frozen
class HandlerName:
    """A handler's value, taken apart once: as a caller gives it (A6), or as a manifest has it (R10).

    ``path`` is what stands before the first colon, and ``function`` what the worker calls: everything from the
    first colon on, which a second colon is part of, else ``handle`` [server].
    """

    value: str
    runtime: str
    path: str
    function: str
    has_colon: bool
    names_function: bool

    @classmethod
    def parse(cls, value: str, runtime: str = "python") -> HandlerName:
        """Take a value apart; every value has an answer, also one that no server could use."""
        path, colon, function = value.partition(":")
        return cls(
            value=value,
            runtime=runtime,
            path=path,
            function=function or "handle",
            has_colon=bool(colon),
            names_function=bool(function),
        )

    @property
    def module(self) -> str:
        """What the worker imports: one ".py" goes, then whatever stands before the last "/" [server]."""
        return posixpath.basename(self.path.removesuffix(".py"))

    @property
    def is_built_in(self) -> bool:
        """Whether the runtime has a handler of exactly this name."""
        return self.value in BUILTIN_HANDLERS.get(self.runtime, ())

    @property
    def file(self) -> str | None:
        """The path of the file to pack, or None when there is none: of a built-in handler, and of no value."""
        if not self.value or self.is_built_in:
            return None
        folder, last = os.path.split(self.value)
        stem = last.partition(":")[0]
        suffixes = (".so", ".dylib") if self.runtime == "LSP" else (".py",)
        return os.path.join(folder, stem if stem.endswith(suffixes) else stem + suffixes[0])

    @property
    def manifest_value(self) -> str:
        """What the manifest says: the value without folders."""
        return os.path.basename(self.value)

    @property
    def reference(self) -> str | None:
        """The member that a manifest's value names for sure; None for what the server may have itself (R10)."""
        # It has more modules of handlers than the archiver knows by name, and a dotted name may be a package's.
        if self.runtime not in ("python", "python3") or self.path in {"", *_PYTHON_HANDLERS, *_OTHER_HANDLERS}:
            return None
        stem = self.path.removesuffix(".py")
        return None if "." in os.path.basename(stem) else f"{stem}.py"
