"""Handlers of a few lines, and what the rules that follow a handler find in them."""

from __future__ import annotations

import marpack
from tests.support.checking import codes

ASKED = [
    "handler-key",
    "handler-file",
    "handler-undefined",
    "handler-attribute",
    "handler-none",
    "handler-raises",
    "handler-result",
]
BASE = "from ts.torch_handler.base_handler import BaseHandler\n"


def found(source: str, python: str | None = None, /, **files: bytes) -> dict[str, str]:
    """Return what the rules that follow a handler find; of a file's name ``__`` stands for the dot."""
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": source.encode()},
        serialized_file={"net.pt": b"weights"},
        extra_files=[{name.replace("__", "."): data} for name, data in files.items()],
        config_file={"config.yaml": b"minWorkers: 1\nhandler:\n  size: 3\n"},
    )
    return codes(plan, select=ASKED, python=python)


def initialize(*lines: str, top: str = "", base: str = "") -> str:
    """Return a handler whose initialize has these lines behind those that everybody writes."""
    body = "".join(f"        {line}\n" for line in lines)
    return f"""{BASE if base else ""}import os, json, torch
from pathlib import Path
{top}
class Handler{base}:
    def initialize(self, context):
        properties = context.system_properties
        folder = properties.get("model_dir")
        manifest = context.manifest
{body}
    def handle(self, data, context):
        return [1 for row in data]
"""


def answer(*lines: str, top: str = "", base: str = "") -> str:
    """Return a handler whose handle has these lines."""
    body = "".join(f"        {line}\n" for line in lines)
    return f"""{BASE if base else ""}import json
{top}
class Handler{base}:
    def initialize(self, context):
        self.known = "x"
    def handle(self, data, context):
{body}
"""
