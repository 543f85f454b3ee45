"""The first fields of an ONNX file, which is a protocol buffer."""

from __future__ import annotations

from typing import Final

from marpack.archive.inspection.block_reader import Window
from marpack.archive.inspection.kinds import Weights, count_of
from marpack.archive.inspection.onnx_parts import BrokenError, external_files, varint

_MAX_FIELDS = 100_000

# onnx.proto, ModelProto: the number of each field and the wire type it has (0 a number, 2 bytes).
_ONNX_FIELDS: Final = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_ONNX_IR, _ONNX_PRODUCER, _ONNX_GRAPH, _ONNX_OPSET = 1, 2, 7, 8


def describe_onnx(window: Window) -> Weights | None:
    """Recognise a ModelProto of onnx.proto: protobuf's fields from end to end, each known and of its wire type."""
    numbers: dict[int, int] = {}
    texts: dict[int, bytes] = {}
    pos = 0
    for _ in range(_MAX_FIELDS):
        if pos >= window.size:
            break
        field = _field(window.at(pos, 20))
        if field is None or _ONNX_FIELDS.get(field[0]) != field[1]:
            return None
        number, wire, value, width = field
        pos += width
        numbers[number] = value
        if wire == 2:
            if number in (_ONNX_PRODUCER, _ONNX_OPSET) and value <= 256 and number not in texts:
                texts[number] = window.at(pos, value)
            pos += value
    if pos > window.size and {_ONNX_IR, _ONNX_GRAPH} <= numbers.keys():
        return Weights(kind="unknown", detail="the beginning of a model of ONNX, which is cut off")
    if pos != window.size or not {_ONNX_IR, _ONNX_GRAPH} <= numbers.keys():
        return None
    detail = f"a model of ONNX, IR version {numbers[_ONNX_IR]}"
    if version := _opset(texts.get(_ONNX_OPSET, b"")):
        detail += f", opset {version}"
    if producer := texts.get(_ONNX_PRODUCER, b"").decode("utf-8", "replace"):
        detail += f", by {producer!r:.50}"
    parts, complete = external_files(window)
    if parts:
        more = "" if complete else " or more"
        detail += f", with tensors in {count_of(len(parts), 'other file')}{more}"
    return Weights(kind="onnx", detail=detail, parts=tuple(parts), part_sizes=tuple(parts.values()))


def _opset(data: bytes) -> int | None:
    """OperatorSetIdProto: the domain, a text, is 1; the version, a number, 2."""
    while field := _field(data):
        number, wire, value, width = field
        if number == 2 and wire == 0:
            return value
        data = data[width + (value if wire == 2 else 0) :]
    return None


def _field(data: bytes) -> tuple[int, int, int, int] | None:
    """Return a field's number and wire type, its value or length, and the bytes of these; None for other types."""
    try:
        tag, pos = varint(data, 0)
        value, end = varint(data, pos)
    except BrokenError:
        return None
    return (tag >> 3, tag & 7, value, end) if tag & 7 in (0, 2) else None
