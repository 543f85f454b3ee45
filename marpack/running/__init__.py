"""An archive's handler answers requests as TorchServe would, by the server's own worker and without Java.

This **runs the code that the archive holds**. Nothing else of marpack does, but ``check --load`` and
``export --verify``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marpack.running.log import LogLine, Metric
    from marpack.running.request import Part, Request
    from marpack.running.response import Response
    from marpack.running.served_model import ServedModel
    from marpack.running.worker import Worker

__all__ = ["LogLine", "Metric", "Part", "Request", "Response", "ServedModel", "Worker"]

# Loaded when it is asked for: pytest loads this room wherever marpack is installed.
_HOMES = {"LogLine": "log", "Metric": "log", "Part": "request", "ServedModel": "served_model"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, name.lower())}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
