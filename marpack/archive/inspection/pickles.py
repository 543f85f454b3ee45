"""Pickles, read without unpickling: what they would import, and the shape of what they would make.

Nothing is imported, called or looked up. What is told is what the opcodes say, no judgement of what they would do:
a pickle reaches further than it imports by calling what it imports (``builtins.getattr`` gives anything).
"""

from __future__ import annotations

import pickletools
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "LEGACY_MAGIC",
    "MAX_BYTES",
    "UNTOLD",
    "Budget",
    "Global",
    "Made",
    "PickleGlobals",
    "Walked",
    "pickle_globals",
    "walk",
]

MAX_BYTES = 64 << 20
# Each takes a hundred bytes of memory at most, and less than a microsecond or two.
_MAX_OPCODES = 2_000_000
# So many bytes that are read count as one opcode.
_BYTES_AN_OPCODE = 64


class Budget:
    """What all the pickles of an archive may cost together: ``opcodes`` that are left."""

    def __init__(self, opcodes: int = 2 * _MAX_OPCODES) -> None:
        self.opcodes = opcodes


# torch.serialization.MAGIC_NUMBER: the first pickle of a file in torch's format from before 1.6. Four more follow
# (protocol version, system, the object, the keys of its storages), then the storages, which are no pickles.
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PICKLES = 5

# Longer texts and numbers, in bytes, are passed over: no name is so long, and no shape.
_MAX_TEXT = 4096
_MAX_NUMBER = 10
_MAX_DIGITS = 20

# The opcodes and the form of their arguments are Python's own table; what they mean is read here, for pickletools
# reads some arguments otherwise than the unpickler does.
_OPCODES: Final = {ord(op.code): (op.name, op.arg.n if op.arg else 0) for op in pickletools.opcodes}
_LENGTHS: Final = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


@dataclass(frozen=True, slots=True)
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


class _Untold:
    """The one value of which nothing is told."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNTOLD"


UNTOLD: Final = _Untold()

_DICT, _LIST, _SET, _FROZENSET = (Global("builtins", name) for name in ("dict", "list", "set", "frozenset"))
_CONSTANTS: Final = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY: Final = {"EMPTY_DICT": _DICT, "EMPTY_LIST": _LIST, "EMPTY_SET": _SET}
_FULL: Final = {"DICT": _DICT, "LIST": _LIST, "FROZENSET": _FROZENSET}
_NUMBERS: Final = {"BININT": True, "BININT1": False, "BININT2": False, "LONG1": True}  # signed?
_ENCODINGS: Final = {
    "SHORT_BINUNICODE": "utf-8",
    "BINUNICODE": "utf-8",
    "BINUNICODE8": "utf-8",
    "UNICODE": "raw-unicode-escape",
}
_SLICES: Final = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}

End: TypeAlias = Literal["cut", "broken", "limit"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PickleGlobals:
    """What a pickle imports: ``names``, sorted, each ``"module.name"`` as Python 3 imports it.

    ``untold`` says that it also imports what its bytes do not tell: a name computed while it is loaded, or a
    number of the extension registry. ``problem`` says where the reading ended before the bytes did and why: what
    follows is not listed. The names are the file's words: whoever shows them escapes them.
    """

    names: tuple[str, ...]
    untold: bool = False
    problem: str | None = None

    @property
    def complete(self) -> bool:
        """Tell whether ``names`` are all that the opcodes import."""
        return not self.untold and self.problem is None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Walked:
    """The pickles of a stream: what each would make, of the whole ones, and what they import.

    ``end`` says how the reading ended before the stream did: its bytes are ``"cut"`` off, ``"broken"``, or more
    than the ``"limit"``. ``opcodes`` are the bytes that are used as such, ``size`` the bytes of the whole pickles.
    """

    values: tuple[object, ...] = field(repr=False)
    imports: frozenset[Global]
    opcodes: frozenset[int]
    size: int
    globals: PickleGlobals
    end: End | None


class _EndError(ValueError):
    """The pickle cannot be followed further."""

    def __init__(self, end: End, message: str) -> None:
        super().__init__(message)
        self.end: End = end


def pickle_globals(data: bytes, *, max_bytes: int = MAX_BYTES, max_opcodes: int = _MAX_OPCODES) -> PickleGlobals:
    """Return what the pickles of a stream import, one after another, without importing it.

    Never raises, whatever the bytes are. No more is read than the limits; ``problem`` says so.
    """
    return walk(data, max_bytes=max_bytes, max_opcodes=max_opcodes).globals


def walk(
    data: bytes,
    *,
    max_bytes: int = MAX_BYTES,
    max_opcodes: int = _MAX_OPCODES,
    max_pickles: int | None = None,
    budget: Budget | None = None,
) -> Walked:
    """Return what the pickles of a stream would make, as plain values, ``Global``, ``Made`` and ``UNTOLD``.

    Follows the opcodes as CPython's unpickler does, and calls nothing. Numbers but small integers, and bytes, are
    ``UNTOLD``. A legacy file of torch is read up to its storages. Never raises, whatever the bytes are; memory and
    time grow with the opcodes alone, which are taken from the ``budget``.
    """
    if budget:
        budget.opcodes = max(0, budget.opcodes - min(len(data), max_bytes) // _BYTES_AN_OPCODE)
        max_opcodes = min(max_opcodes, budget.opcodes)
    walker = _Walker(data, min(len(data), max_bytes), max_opcodes)
    values: list[object] = []
    end: End | None = None
    problem = None
    size = 0
    try:
        while not values or (size < len(data) and len(values) != max_pickles):
            values.append(walker.pickle())
            size = walker.pos
            if len(values) == 1 and values[0] == LEGACY_MAGIC:
                max_pickles = _LEGACY_PICKLES
    except _EndError as error:
        end = "limit" if error.end == "cut" and walker.end < len(data) else error.end
        what = f"longer than {walker.end:,} bytes, which is all that is read" if error.end != end else str(error)
        problem = f"at byte {walker.pos:,} of pickle {len(values) + 1}: {what}"
    if budget:
        budget.opcodes -= max_opcodes - max(0, walker.opcodes_left)
    return Walked(
        values=tuple(values),
        imports=frozenset(walker.imports),
        opcodes=frozenset(walker.used),
        size=size,
        globals=PickleGlobals(
            names=tuple(sorted({str(name) for name in walker.imports})), untold=walker.untold, problem=problem
        ),
        end=end,
    )


class _Walker:
    """The unpickler's machine, with nothing behind its names."""

    def __init__(self, data: bytes, end: int, max_opcodes: int) -> None:
        self.data = data
        self.end = end
        self.opcodes_left = max_opcodes
        self.pos = 0
        self.imports: set[Global] = set()
        self.used: set[int] = set()
        self.untold = False

    def pickle(self) -> object:
        """Follow one pickle to its end and return what it would make."""
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}
        self.protocol = 0
        while True:
            self.opcodes_left -= 1
            if self.opcodes_left < 0:
                raise _EndError("limit", "more opcodes than are read")
            if self.pos >= self.end:
                raise _EndError("cut", "ends before its end")
            code = self.data[self.pos]
            if code not in _OPCODES:
                raise _EndError("broken", f"{code:#04x} is no opcode")
            name, form = _OPCODES[code]
            self.used.add(code)
            self.pos += 1
            if name == "STOP":
                return self._pop()
            self._step(name, b"" if form == 0 else self._argument(form))

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
            length = int.from_bytes(
                self.data[self.pos : start], "little", signed=form == pickletools.TAKEN_FROM_ARGUMENT4
            )
            if length < 0:
                raise _EndError("broken", "a negative length")
            stop = after = start + length
        if not start <= stop <= after <= self.end:
            raise _EndError("cut", "ends within an argument")
        self.pos = after
        return self.data[start:stop] if stop - start <= _MAX_TEXT else None

    def _step(self, name: str, argument: bytes | None) -> None:
        push = self.stack.append
        if name in _CONSTANTS:
            push(_CONSTANTS[name])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memo[self._index(name, argument)] = self._top()
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self._top()
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            index = self._index(name, argument)
            if index not in self.memo:
                raise _EndError("broken", "asks for what was not kept")
            push(self.memo[index])
        elif name in _ENCODINGS:
            push(UNTOLD if argument is None else _text(argument, _ENCODINGS[name]))
        elif name in _NUMBERS:
            known = argument is not None and len(argument) <= _MAX_NUMBER
            push(int.from_bytes(argument or b"", "little", signed=_NUMBERS[name]) if known else UNTOLD)
        elif name in _EMPTY:
            push(Made(_EMPTY[name]))
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name == "TUPLE":
            push(tuple(self._pop_mark()))
        elif name in _SLICES:
            push(tuple(self._pops(_SLICES[name])))
        elif name in _FULL:
            push(Made(_FULL[name], items=self._pop_mark()))
        elif name in ("APPENDS", "SETITEMS", "ADDITEMS"):
            self._put_in(self._pop_mark())
        elif name in ("APPEND", "SETITEM"):
            self._put_in(self._pops(1 if name == "APPEND" else 2))
        elif name in ("REDUCE", "NEWOBJ"):
            call, args = self._pops(2)
            push(Made(call, args))
        elif name == "NEWOBJ_EX":
            call, args, keywords = self._pops(3)
            push(Made(call, (args, keywords)))
        elif name == "OBJ":
            call, *rest = self._pop_mark() or [UNTOLD]
            push(Made(call, tuple(rest)))
        elif name == "BUILD":
            (state,) = self._pops(1)
            made = self._top()
            if isinstance(made, Made):
                made.state = state
        elif name in ("GLOBAL", "INST"):
            found = self._import(self._decoded(argument), self._decoded(self._argument(pickletools.UP_TO_NEWLINE)))
            push(found if name == "GLOBAL" else Made(found, tuple(self._pop_mark())))
        elif name == "STACK_GLOBAL":
            push(self._import(*self._pops(2)))
        elif name == "POP":
            if self.marks and self.marks[-1] == len(self.stack):
                self.marks.pop()
            else:
                self._pop()
        elif name == "POP_MARK":
            self._pop_mark()
        elif name == "DUP":
            push(self._top())
        elif name in ("PERSID", "BINPERSID"):
            push(Made(None, argument if name == "PERSID" else self._pop()))
        elif name in ("BINSTRING", "SHORT_BINSTRING", "STRING"):
            push(_old_text(argument, quoted=name == "STRING"))
        elif name == "PROTO":
            self.protocol = argument[0] if argument else 0
        elif name == "READONLY_BUFFER":
            self._top()
        elif name != "FRAME":
            # What is left is a value that is neither looked at nor a name: floats, bytes, long numbers, buffers.
            self.untold |= name.startswith("EXT")
            push(_line_number(argument) if name == "INT" and len(argument or b"") <= _MAX_DIGITS else UNTOLD)

    def _import(self, module: object, name: object) -> object:
        """Note what is imported, by the name that pickle's find_class imports."""
        if not isinstance(module, str) or not isinstance(name, str):
            # A text that a call makes, or that is longer than is read; anything else ends the unpickling.
            self.untold = True
            return UNTOLD
        found = Global(module, name)
        if self.protocol < 3:
            found = found.in_python_3()
        self.imports.add(found)
        return found

    def _decoded(self, line: bytes | None) -> object:
        return UNTOLD if line is None else _text(line, "utf-8", "strict")

    def _index(self, name: str, argument: bytes | None) -> int:
        number = _line_number(argument) if name in ("PUT", "GET") else int.from_bytes(argument or b"", "little")
        if not isinstance(number, int) or number < 0:
            raise _EndError("broken", "a place that is no number")
        return number

    def _top(self) -> object:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise _EndError("broken", "takes what is not there")
        return self.stack[-1]

    def _pop(self) -> object:
        self._top()
        return self.stack.pop()

    def _pops(self, count: int) -> list[object]:
        start = len(self.stack) - count
        if start < (self.marks[-1] if self.marks else 0):
            raise _EndError("broken", "takes what is not there")
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _pop_mark(self) -> list[object]:
        if not self.marks:
            raise _EndError("broken", "goes back to no mark")
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def _put_in(self, values: Iterable[object]) -> None:
        made = self._top()
        if isinstance(made, Made):
            if made.items is None:
                made.items = []
            made.items.extend(values)


def _text(data: bytes, encoding: str, errors: str = "surrogatepass") -> str:
    try:
        return data.decode(encoding, errors if encoding == "utf-8" else "strict")
    except UnicodeDecodeError:
        raise _EndError("broken", f"a text that is no {encoding}") from None


def _old_text(data: bytes | None, *, quoted: bool) -> object:
    """Return a text of Python 2; what it is depends on the reader's encoding where it is not ASCII."""
    if data is not None and quoted:
        data = data.strip()
        data = data[1:-1] if len(data) >= 2 and data[0] == data[-1] and b"\\" not in data else None
    return UNTOLD if data is None or not data.isascii() else data.decode("ascii")


def _line_number(data: bytes | None) -> object:
    try:
        return UNTOLD if data is None else int(data)
    except ValueError:  # not a number, or one of more digits than Python reads
        return UNTOLD
