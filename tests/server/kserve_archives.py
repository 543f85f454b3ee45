"""Archives that KServe's model server is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import marpack
from tests.server.asks import HANDLER

if TYPE_CHECKING:
    from pathlib import Path

# Beside the archives: while it is there, moody.mar cannot be loaded.
REFUSES = "refuses"

# What it tells of itself: how many requests it was given, where, and what a module of the same name says.
TELLER = """\
import os, time
import told

def handle(data, context):
    if data is None:
        return None
    for row in data:
        time.sleep((row.get("body") or {}).get("seconds", 0))
    print("I was told", told.WORDS)
    context.metrics.add_counter("TimesAsked", 1)
    return [{"given": len(data), "pid": os.getpid(), "told": told.WORDS} for _ in data]
"""
MOODY = """\
import os
if os.path.exists(%r):
    raise ValueError("not today")

def handle(data, context):
    return [os.getpid()] if data else None
"""


def write_archives(folder: Path) -> None:
    """Write asks.mar, one.mar and two.mar, which have a module of the same name, and moody.mar."""

    def pack(name: str, handler: str, **files: str) -> None:
        marpack.pack(
            model_name=name,
            version="1.0",
            handler={"handler.py": handler.encode()},
            extra_files={f"{each}.py": text.encode() for each, text in files.items()},
            export_path=folder,
        )

    pack("asks", HANDLER)
    pack("one", TELLER, told="WORDS = 'one'")
    pack("two", TELLER, told="WORDS = 'two'")
    pack("moody", MOODY % str(folder / REFUSES))
