"""The unpickler's machine, with nothing behind its names: what a pickle would make, and what it would import."""

from __future__ import annotations

import pickletools
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from marpack.frozen import frozen_in_order

# Longer texts and numbers, in bytes, are passed over: no name is so long, and no shape.
_MAX_TEXT = 4096
_MAX_NUMBER = 10
_MAX_DIGITS = 20

_LENGTHS: Final = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


@frozen_in_order
class Global:
    """A name that is imported: what of it lies in which module."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    def in_python_3(self) -> Global:
        """Return Python 3's name for one of Python 2, which protocols before 3 are written with."""
        if (self.module, self.name) in NAME_MAPPING:
            return Global(*NAME_MAPPING[self.module, self.name])
        return Global(IMPORT_MAPPING.get(self.module, self.module), self.name)


@dataclass(slots=True, eq=False, repr=False)
class Made:
    """What a call would make: a dict, a list, or whatever ``call`` is.

    ``call`` is None for what a persistent id (``args``) stands for. ``items`` are what was put in: keys and values
    in turn for a mapping. ``state`` is what ``__setstate__`` would get. Values may hold themselves, and be shared.
    """

    call: object
    args: object = ()
    items: list[object] | None = None
    state: object = None


class _Unknown:
    """The value of which nothing is known."""

    __slots__ = ()


UNKNOWN: Final = _Unknown()

_DICT, _LIST, _SET, _FROZENSET = (Global("builtins", name) for name in ("dict", "list", "set", "frozenset"))
# What the opcodes of each family push, take and read.
_CONSTANTS: Final = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_COLLECTIONS: Final = {
    **dict.fromkeys(("EMPTY_DICT", "DICT"), _DICT),
    **dict.fromkeys(("EMPTY_LIST", "LIST"), _LIST),
    "EMPTY_SET": _SET,
    "FROZENSET": _FROZENSET,
}
_NUMBERS: Final = {"BININT": True, "BININT1": False, "BININT2": False, "LONG1": True}  # signed?
_ENCODINGS: Final = {
    **dict.fromkeys(("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), "utf-8"),
    "UNICODE": "raw-unicode-escape",
}
# How many values are taken; of others, all from the last mark on.
_COUNTS: Final = {
    **dict.fromkeys(("APPEND", "TUPLE1"), 1),
    **dict.fromkeys(("SETITEM", "TUPLE2", "REDUCE", "NEWOBJ", "STACK_GLOBAL"), 2),
    **dict.fromkeys(("TUPLE3", "NEWOBJ_EX"), 3),
}

End: TypeAlias = Literal["cut", "broken", "limit"]


class EndError(ValueError):
    """The pickle cannot be followed further."""

    def __init__(self, end: End, message: str) -> None:
        super().__init__(message)
        self.end: End = end


class PickleMachine:
    """The unpickler's machine, with nothing behind its names."""

    def __init__(self, data: bytes, end: int, max_opcodes: int) -> None:
        self.data = data
        self.end = end
        self.opcodes_left = max_opcodes
        self.pos = 0
        self.imports: set[Global] = set()
        self.used: set[int] = set()
        self.computed = False

    def pickle(self) -> object:
        """Follow one pickle to its end and return what it would make."""
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}
        self.protocol = 0
        while True:
            self.opcodes_left -= 1
            if self.opcodes_left < 0:
                raise EndError("limit", "more opcodes than are read")
            if self.pos >= self.end:
                raise EndError("cut", "ends before its end")
            code = self.data[self.pos]
            if code not in _OPCODES:
                raise EndError("broken", f"{code:#04x} is no opcode")
            name, form, step = _OPCODES[code]
            self.used.add(code)
            self.pos += 1
            if name == "STOP":
                return self._pop()
            step(self, name, b"" if form == 0 else self._argument(form))

    def _argument(self, form: int) -> bytes | None:
        """Return the bytes of an argument, None for one that is long."""
        start = self.pos
        if form == pickletools.UP_TO_NEWLINE:
            stop = self.data.find(b"\n", start, self.end)
            after = stop + 1
        elif form > 0:
            stop = after = start + form
        else:
            start += _LENGTHS[form]
            signed = form == pickletools.TAKEN_FROM_ARGUMENT4
            length = int.from_bytes(self.data[self.pos : start], "little", signed=signed)
            if length < 0:
                raise EndError("broken", "a negative length")
            stop = after = start + length
        if not start <= stop <= after <= self.end:
            raise EndError("cut", "ends within an argument")
        self.pos = after
        return self.data[start:stop] if stop - start <= _MAX_TEXT else None

    # What each opcode does, by the table below: ``name`` is its own, ``argument`` what follows it, None if long.

    def _constant(self, name: str, argument: bytes | None) -> None:
        self.stack.append(_CONSTANTS[name])

    def _number(self, name: str, argument: bytes | None) -> None:
        known = argument is not None and len(argument) <= _MAX_NUMBER
        self.stack.append(int.from_bytes(argument or b"", "little", signed=_NUMBERS[name]) if known else UNKNOWN)

    def _text(self, name: str, argument: bytes | None) -> None:
        self.stack.append(UNKNOWN if argument is None else _decoded(argument, _ENCODINGS[name]))

    def _old_text(self, name: str, argument: bytes | None) -> None:
        """Push a text of Python 2; what it is depends on the reader's encoding where it is not ASCII."""
        data = argument
        if data is not None and name == "STRING":
            data = data.strip()
            data = data[1:-1] if len(data) >= 2 and data[0] == data[-1] and b"\\" not in data else None
        self.stack.append(UNKNOWN if data is None or not data.isascii() else data.decode("ascii"))

    def _integer(self, name: str, argument: bytes | None) -> None:
        self.stack.append(_line_number(argument) if len(argument or b"") <= _MAX_DIGITS else UNKNOWN)

    def _other_value(self, name: str, argument: bytes | None) -> None:
        """Push what is neither looked at nor a name: floats, bytes, long numbers, buffers; or an extension."""
        self.computed |= name.startswith("EXT")
        self.stack.append(UNKNOWN)

    def _memoize(self, name: str, argument: bytes | None) -> None:
        self.memo[len(self.memo)] = self._top()

    def _put(self, name: str, argument: bytes | None) -> None:
        self.memo[self._index(name, argument)] = self._top()

    def _get(self, name: str, argument: bytes | None) -> None:
        index = self._index(name, argument)
        if index not in self.memo:
            raise EndError("broken", "asks for what was not kept")
        self.stack.append(self.memo[index])

    def _mark(self, name: str, argument: bytes | None) -> None:
        self.marks.append(len(self.stack))

    def _pop_one(self, name: str, argument: bytes | None) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self._pop()

    def _pop_all(self, name: str, argument: bytes | None) -> None:
        self._taken(name)

    def _duplicate(self, name: str, argument: bytes | None) -> None:
        self.stack.append(self._top())

    def _nothing(self, name: str, argument: bytes | None) -> None:
        if name == "READONLY_BUFFER":
            self._top()

    def _protocol(self, name: str, argument: bytes | None) -> None:
        self.protocol = argument[0] if argument else 0

    def _collection(self, name: str, argument: bytes | None) -> None:
        items = None if name.startswith("EMPTY") else self._taken(name)
        self.stack.append(Made(_COLLECTIONS[name], items=items))

    def _tuple(self, name: str, argument: bytes | None) -> None:
        self.stack.append(tuple(self._taken(name)))

    def _put_in(self, name: str, argument: bytes | None) -> None:
        values = self._taken(name)
        made = self._top()
        if isinstance(made, Made):
            if made.items is None:
                made.items = []
            made.items.extend(values)

    def _call(self, name: str, argument: bytes | None) -> None:
        call, *args = self._taken(name)
        # With keywords, of NEWOBJ_EX, these are the second.
        self.stack.append(Made(call, args[0] if len(args) == 1 else tuple(args)))

    def _object(self, name: str, argument: bytes | None) -> None:
        call, *args = self._taken(name) or [UNKNOWN]
        self.stack.append(Made(call, tuple(args)))

    def _build(self, name: str, argument: bytes | None) -> None:
        state = self._pop()
        made = self._top()
        if isinstance(made, Made):
            made.state = state

    def _global(self, name: str, argument: bytes | None) -> None:
        found = self._import(_line(argument), _line(self._argument(pickletools.UP_TO_NEWLINE)))
        self.stack.append(found if name == "GLOBAL" else Made(found, tuple(self._taken(name))))

    def _stack_global(self, name: str, argument: bytes | None) -> None:
        self.stack.append(self._import(*self._taken(name)))

    def _persistent_id(self, name: str, argument: bytes | None) -> None:
        self.stack.append(Made(None, argument if name == "PERSID" else self._pop()))

    def _import(self, module: object, name: object) -> object:
        """Note what is imported, by the name that pickle's find_class imports."""
        if not isinstance(module, str) or not isinstance(name, str):
            # A text that a call makes, or that is longer than is read; anything else ends the unpickling.
            self.computed = True
            return UNKNOWN
        found = Global(module, name)
        if self.protocol < 3:
            found = found.in_python_3()
        self.imports.add(found)
        return found

    def _index(self, name: str, argument: bytes | None) -> int:
        if name not in ("PUT", "GET"):
            return int.from_bytes(argument or b"", "little")
        number = _line_number(argument)
        if not isinstance(number, int) or number < 0:
            raise EndError("broken", "a place that is no number")
        return number

    def _top(self) -> object:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise EndError("broken", "takes what is not there")
        return self.stack[-1]

    def _pop(self) -> object:
        self._top()
        return self.stack.pop()

    def _taken(self, name: str) -> list[object]:
        """Take as many values as the opcode does, or all from the last mark on."""
        if name in _COUNTS:
            start = len(self.stack) - _COUNTS[name]
            if start < (self.marks[-1] if self.marks else 0):
                raise EndError("broken", "takes what is not there")
        elif self.marks:
            start = self.marks.pop()
        else:
            raise EndError("broken", "goes back to no mark")
        values = self.stack[start:]
        del self.stack[start:]
        return values


_STEPS: Final = {
    **dict.fromkeys(_CONSTANTS, PickleMachine._constant),
    **dict.fromkeys(_NUMBERS, PickleMachine._number),
    **dict.fromkeys(_ENCODINGS, PickleMachine._text),
    **dict.fromkeys(_COLLECTIONS, PickleMachine._collection),
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING", "STRING"), PickleMachine._old_text),
    "INT": PickleMachine._integer,
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "PUT"), PickleMachine._put),
    "MEMOIZE": PickleMachine._memoize,
    **dict.fromkeys(("BINGET", "LONG_BINGET", "GET"), PickleMachine._get),
    "MARK": PickleMachine._mark,
    "POP": PickleMachine._pop_one,
    "POP_MARK": PickleMachine._pop_all,
    "DUP": PickleMachine._duplicate,
    "PROTO": PickleMachine._protocol,
    **dict.fromkeys(("FRAME", "READONLY_BUFFER"), PickleMachine._nothing),
    **dict.fromkeys(("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"), PickleMachine._tuple),
    **dict.fromkeys(("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"), PickleMachine._put_in),
    **dict.fromkeys(("REDUCE", "NEWOBJ", "NEWOBJ_EX"), PickleMachine._call),
    "OBJ": PickleMachine._object,
    "BUILD": PickleMachine._build,
    **dict.fromkeys(("GLOBAL", "INST"), PickleMachine._global),
    "STACK_GLOBAL": PickleMachine._stack_global,
    **dict.fromkeys(("PERSID", "BINPERSID"), PickleMachine._persistent_id),
}
# The opcodes and the form of their arguments are Python's own table; what they mean is read here, for pickletools
# reads some arguments otherwise than the unpickler does.
_OPCODES: Final = {
    ord(op.code): (op.name, op.arg.n if op.arg else 0, _STEPS.get(op.name, PickleMachine._other_value))
    for op in pickletools.opcodes
}


def _line(data: bytes | None) -> object:
    return UNKNOWN if data is None else _decoded(data, "utf-8", "strict")


def _decoded(data: bytes, encoding: str, errors: str = "surrogatepass") -> str:
    try:
        return data.decode(encoding, errors if encoding == "utf-8" else "strict")
    except UnicodeDecodeError:
        raise EndError("broken", f"a text that is no {encoding}") from None


def _line_number(data: bytes | None) -> object:
    try:
        return UNKNOWN if data is None else int(data)
    except ValueError:  # not a number, or one of more digits than Python reads
        return UNKNOWN
