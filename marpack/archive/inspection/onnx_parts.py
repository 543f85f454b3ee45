"""The files that an ONNX model keeps tensors in, beside itself: what its protocol buffer says, without onnx."""

from __future__ import annotations

import re
from typing import Final

from marpack.archive.inspection.block_reader import Window

# onnx.proto: in which field of which message a tensor, or a message that may hold one, lies.
_INSIDE: Final = {
    ("model", 7): "graph",
    ("model", 25): "function",
    ("graph", 1): "node",
    ("graph", 5): "tensor",
    ("graph", 12): "output",
    ("graph", 15): "sparse",
    ("function", 7): "node",
    ("node", 5): "attribute",
    ("attribute", 5): "tensor",
    ("attribute", 6): "graph",
    ("attribute", 10): "tensor",
    ("attribute", 11): "graph",
    ("attribute", 22): "sparse",
    ("attribute", 23): "sparse",
    ("sparse", 1): "tensor",
    ("sparse", 2): "tensor",
    ("tensor", 13): "entry",
}
# Where a name is used: an input of a node, an output of a graph; and TensorProto's own.
_USES: Final = frozenset({("node", 1), ("output", 1)})
_TENSORS_NAME: Final = ("tensor", 8)
# TensorProto.data_location and its value EXTERNAL; StringStringEntryProto's key and value.
_LOCATION, _EXTERNAL, _KEY, _VALUE = 14, 1, 1, 2
_NUMBER: Final = re.compile("[0-9]{1,15}")
_DEEPEST = 64
_LONGEST_NAME = 4096
_MOST_NAMES = 10_000
_MOST_USES = 500_000
_READ_AHEAD = 1 << 14
_LONGEST_HEAD = 20


class BrokenError(ValueError):
    """The bytes are no protocol buffer."""


class _Reader:
    """A file that is read forward by small pieces; what is skipped is not read."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._data = b""
        self._start = 0

    def at(self, pos: int, size: int) -> bytes:
        """Return the bytes from a place on, fewer only at the end."""
        if not self._start <= pos <= pos + size <= self._start + len(self._data):
            self._data, self._start = self._window.at(pos, max(size, _READ_AHEAD)), pos
        begin = pos - self._start
        return self._data[begin : begin + size]

    def head(self, pos: int) -> tuple[int, int, int, int]:
        """Return a field's number, its wire type, its value or length, and where its contents begin."""
        data = self.at(pos, _LONGEST_HEAD)
        tag, used = varint(data, 0)
        wire = tag & 7
        if wire in (0, 2):
            value, used = varint(data, used)
        elif wire in (1, 5):
            value = 8 if wire == 1 else 4
        else:
            raise BrokenError
        return tag >> 3, wire, value, pos + used


def external_files(window: Window) -> tuple[dict[str, int], bool]:
    """Return where tensors of a model lie in other files, as it says it, and whether those are all.

    With each goes how many bytes the file must have: where the last of them ends. An initializer that no node and
    no output names is left out, as onnxruntime leaves it out before it looks for it.

    Each field costs an opcode of the budget; contents are passed over.
    """
    reader = _Reader(window)
    found: dict[str, int] = {}
    # Of initializers: the name, the place, where it ends. And the names that are used.
    held: list[tuple[str, str, int]] = []
    used: set[str] = set()
    # The messages that are open, innermost last: what each is, its end, and of a tensor what is known of it.
    stack: list[tuple[str, int, dict[str, str]]] = [("model", window.size, {})]
    pos = 0
    try:
        while stack:
            kind, end, tensor = stack[-1]
            if pos == end:
                stack.pop()
                location = tensor.get("location")
                if kind == "tensor" and location and "external" in tensor:
                    name = tensor.get("", "") if stack[-1][0] == "graph" else ""
                    held.append((name, location, _end(tensor)))
                    found[location] = max(found.get(location, 0), _end(tensor))
                continue
            window.budget.opcodes -= 1
            if window.budget.opcodes < 0 or len(found) > _MOST_NAMES or len(used) > _MOST_USES:
                return found, False
            number, wire, value, pos = reader.head(pos)
            inner = _INSIDE.get((kind, number)) if wire == 2 else None
            if wire != 0 and pos + value > end:
                raise BrokenError
            if (kind, number) in _USES and value <= _LONGEST_NAME:
                used.add(reader.at(pos, value).decode("utf-8", "replace"))
            elif (kind, number) == _TENSORS_NAME and value <= _LONGEST_NAME:
                tensor[""] = reader.at(pos, value).decode("utf-8", "replace")
            elif inner == "entry":
                _note_entry(reader.at(pos, min(value, _LONGEST_NAME)), tensor)
            elif inner is not None:
                if len(stack) > _DEEPEST:
                    return found, False
                stack.append((inner, pos + value, {}))
                continue
            elif kind == "tensor" and number == _LOCATION and wire == 0 and value == _EXTERNAL:
                tensor["external"] = ""
            pos += value if wire != 0 else 0
            if pos > end:
                raise BrokenError
    except BrokenError:
        return found, False
    needed: dict[str, int] = {}
    for name, location, end in held:
        if not name or name in used:
            needed[location] = max(needed.get(location, 0), end)
    return needed, True


def _end(tensor: dict[str, str]) -> int:
    """Return where a tensor ends in its file, 0 where that is not said."""
    offset, length = tensor.get("offset", "0"), tensor.get("length", "")
    return int(offset) + int(length) if _NUMBER.fullmatch(offset) and _NUMBER.fullmatch(length) else 0


def _note_entry(data: bytes, tensor: dict[str, str]) -> None:
    """Note the key and the value of an entry of ``external_data``."""
    texts = {_KEY: "", _VALUE: ""}
    pos = 0
    while pos < len(data):
        tag, pos = varint(data, pos)
        size, pos = varint(data, pos)
        if tag & 7 != 2 or pos + size > len(data):
            raise BrokenError
        if tag >> 3 in texts:
            texts[tag >> 3] = data[pos : pos + size].decode("utf-8", "surrogateescape")
        pos += size
    tensor[texts[_KEY]] = texts[_VALUE]


def varint(data: bytes, pos: int) -> tuple[int, int]:
    """Return a number of protobuf and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if pos >= len(data):
            break
        byte = data[pos]
        value |= (byte & 0x7F) << shift
        pos += 1
        if byte < 0x80:
            return value, pos
    raise BrokenError
