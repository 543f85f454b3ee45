"""From archives and a server's settings to an OCI image, without a daemon; and from there to a registry.

``plan_image`` reads, ``write_image`` writes a layout, and ``push_image`` sends one; none runs anything of an
archive.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marpack.images.plan import ImagePlan, plan_files, plan_image
    from marpack.images.push import PushResult, push_image
    from marpack.images.result import ImageResult, WrittenBlob
    from marpack.images.write import write_image

__all__ = [
    "ImagePlan",
    "ImageResult",
    "PushResult",
    "WrittenBlob",
    "plan_files",
    "plan_image",
    "push_image",
    "write_image",
]

# Loaded when it is asked for: the command line has a look at this room at every start.
_HOMES = {
    "ImagePlan": "plan",
    "ImageResult": "result",
    "PushResult": "push",
    "WrittenBlob": "result",
    "plan_files": "plan",
    "plan_image": "plan",
    "push_image": "push",
    "write_image": "write",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
