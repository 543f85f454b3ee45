"""A model for ``marpack run`` in the current folder, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import packed

Capture = pytest.CaptureFixture[str]

PICTURE = b"\x89PNG\r\n\x1a\n\0\xff"
ANSWER = '{\n  "a": 1\n}'
ERROR = '{\n  "code": 503,\n  "type": "InternalServerException",\n  "message": "Prediction failed"\n}\n'
HANDLER = """\
import json
import os
import sys
import time


class Handler:
    def initialize(self, context):
        self.size = context.system_properties["batch_size"]
        self.gpu = context.system_properties["gpu_id"]
        print("initialized")
        print("process", os.getpid())

    def handle(self, data, context):
        return [self.answer(row, number, context) for number, row in enumerate(data)]

    def answer(self, row, number, context):
        asked = row.get("body")
        word = asked if isinstance(asked, str) else ""
        if word == "raise":
            print("about to raise")
            try:
                {}["gone"]
            except KeyError as error:
                raise ValueError("as asked") from error
        if word == "picture":
            context.set_response_content_type(number, "image/png")
            return PICTURE
        if word == "hang":
            print("hanging", flush=True)
            if "HANGS" in os.environ:
                open(os.environ["HANGS"], "w").close()
            time.sleep(1000)
        if word == "die":
            os._exit(3)
        if word == "created":
            context.set_response_status(201, "Made", number)
            return "made"
        if word == "hostile":
            print("logged \\x1b[2J")
            return "said \\x1b[2J"
        if word == "describe":
            headers = dict(context.get_all_request_header(number))
            return {"headers": headers, "batch": self.size, "gpu": self.gpu}
        if word == "long":
            return "x" * 2000
        if isinstance(asked, (bytes, bytearray)):
            return bytes(asked)
        if asked is None:
            return {name: len(value) for name, value in row.items()}
        return asked


PICTURE = b"\\x89PNG\\r\\n\\x1a\\n\\0\\xff"
"""
FAILING_LINE = HANDLER[: HANDLER.index("raise ValueError")].count("\n") + 1


def archive(handler: str = HANDLER, **more: Any) -> Path:
    return packed(Path(), handler={"handler.py": handler.encode()}, force=True, **more)


Run = Callable[..., tuple[int, str, str]]


def inputs(*names: str) -> list[str]:
    return [word for name in names for word in ("--input", name)]
