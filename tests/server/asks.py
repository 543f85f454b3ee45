"""The archives whose handler does what a request asks.

A header ``Do`` holds JSON: what the handler does, and with what. Without one it answers all that it was given.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import marpack

if TYPE_CHECKING:
    from pathlib import Path

HANDLER = """\
import json, os, signal, sys, time, zlib

import torch
from ts.protocol.otf_message_handler import send_intermediate_predict_response
from ts.utils.util import PredictionException


def handle(data, context):
    if data is None:
        return None
    if not isinstance(data[0], dict) or not hasattr(data[0], "items"):
        return [{"given": repr(each)} for each in data]
    headers = [context.get_all_request_header(index) for index in range(len(data))]
    asked = [json.loads(each.get("Do") or '["dump"]') for each in headers]
    for do, *rest in asked:
        if do in ALL:
            return ALL[do](data, context, *rest)
    return [EACH[do](index, data[index], context, *rest) for index, (do, *rest) in enumerate(asked)]


def dump(index, row, context):
    headers = context.get_all_request_header(index)
    given = [[name, type(value).__name__, shown(value)] for name, value in row.items()]
    return {"headers": list(headers.items()), "given": given}


def shown(value):
    text = repr(value)
    return text if len(text) < 300 else [len(text), zlib.crc32(text.encode())]


def returns(index, row, context, what):
    return {
        "bytes": b"\\0\\xff", "bytearray": bytearray(b"ab"), "str": "\\u00fc", "tensor": torch.ones(2),
        "none": None, "nan": float("nan"), "list": [1, [2]], "nothing": "", "dict": {"\\u00fc": "\\u20ac"},
        "object": object(), "set": {1}, "number": 1.5, "false": False,
    }[what]


def status(index, row, context, code, phrase=None, returned="x"):
    context.set_response_status(code=code, phrase=phrase, idx=index)
    return returned


def headers(index, row, context, *pairs):
    for name, value in pairs:
        context.set_response_header(index, name, value)
    return "x"


def content_type(index, row, context, value):
    context.set_response_content_type(index, value)
    return "x"


def big(index, row, context, size):
    return b"x" * size


def fails(data, context, kind, *rest):
    if kind == "PredictionException":
        raise PredictionException(*rest)
    raise {"ValueError": ValueError, "MemoryError": MemoryError, "RuntimeError": RuntimeError}[kind](*rest)


def answers(data, context, value):
    return value


def streams(data, context, *parts):
    *first, last = parts
    for part in first:
        send_intermediate_predict_response([part] * len(data), context.request_ids, "more", 200, context)
    if last == "fails":
        raise ValueError(last)
    if last == "exits":
        os._exit(1)
    return [last] * len(data)


def streams_with(data, context, code, *pairs):
    for index in range(len(data)):
        status(index, None, context, code)
        headers(index, None, context, *pairs)
    return streams(data, context, "one", "two")


def dies(data, context, how):
    if how == "sys.exit":
        sys.exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "sleep":
        time.sleep(60)
    os._exit(3)


ALL = {"fails": fails, "answers": answers, "streams": streams, "streams with": streams_with, "dies": dies}
EACH = {
    "dump": dump, "returns": returns, "status": status, "headers": headers, "content type": content_type,
    "big": big,
}
"""


def write_archives(folder: Path) -> None:
    """Write what is asked: asks.mar, batch.mar, and blank.mar, of a model with a blank in its name."""
    handler = folder / "asks.py"
    handler.write_text(HANDLER, encoding="utf-8")
    for name in ("asks", "batch"):
        marpack.pack(model_name=name, handler=str(handler), version="1.0", export_path=folder)
    # The server takes a name that no archiver writes.
    with zipfile.ZipFile(folder / "asks.mar") as plain, zipfile.ZipFile(folder / "blank.mar", "w") as file:
        for member in plain.namelist():
            file.writestr(member, plain.read(member).replace(b'"asks"', b'"with blank"'))
