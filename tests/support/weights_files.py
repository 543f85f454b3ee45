"""Files of weights in formats that need no torch, made by hand, and what is told of them."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from typing import Any

from marpack.archive.inspection.kinds import Weights
from marpack.archive.inspection.weights import describe_weights


def described(data: bytes) -> Weights:
    return describe_weights(io.BytesIO(data), len(data))


def bad_sum(data: bytes) -> str | None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.testzip()


def zipped(names: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", compression) as archive:
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, data in names.items():
            archive.writestr(name.rstrip("?"), data)
    return file.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


ELF = b"\x7fELF\x02\x01\x01" + bytes(9)


def safetensors(header: object, values: int = 0) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(values)


ENTRY: dict[str, Any] = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


def varint(number: int) -> bytes:
    data = b""
    while number > 0x7F:
        data += bytes([number & 0x7F | 0x80])
        number >>= 7
    return data + bytes([number])


def message(*fields: tuple[int, int | bytes]) -> bytes:
    return b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in fields
    )


GRAPH = message((2, b"graph"), (1, message((1, b"x"), (2, b"y"), (4, b"Relu"))))
OPSET = message((1, b""), (2, 17))
