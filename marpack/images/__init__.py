"""From archives and a server's settings to an OCI image, without a daemon; and from there to a registry.

``plan_image`` reads, ``write_image`` writes a layout, and ``push_image`` sends one; none runs anything of an
archive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from marpack.lazy import on_demand

if TYPE_CHECKING:
    from marpack.images.plan import ImagePlan, plan_files, plan_image
    from marpack.images.push import PushResult, push_image
    from marpack.images.result import ImageResult, WrittenLayer
    from marpack.images.write import write_image

__all__ = [
    "ImagePlan",
    "ImageResult",
    "PushResult",
    "WrittenLayer",
    "plan_files",
    "plan_image",
    "push_image",
    "write_image",
]

# Loaded when it is asked for: the command line has a look at this room at every start.
if not TYPE_CHECKING:  # a type checker knows the names, and no others
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "images.plan": "ImagePlan plan_files plan_image",
            "images.push": "PushResult push_image",
            "images.result": "ImageResult WrittenLayer",
            "images.write": "write_image",
        },
    )[1:]
