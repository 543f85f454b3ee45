"""What pickles import, listed without unpickling them, held against what an unpickler asks for."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import functools
import io
import operator
import os.path
import pickle
import struct
import tracemalloc
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marpack.archive.inspection import pickles
from marpack.archive.inspection.pickle_machine import UNKNOWN, Global, Made
from marpack.archive.inspection.pickles import LEGACY_MAGIC, walk

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Colour(enum.Enum):
    RED = 1


class Outer:
    class Inner:
        """Has a dotted name, which protocols from 4 on write as it is."""

        def __init__(self, *values: object) -> None:
            self.values = values


class Slotted:
    __slots__ = ("left", "right")


class WithKeywords:
    def __new__(cls, *, value: object = None) -> WithKeywords:
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> tuple[tuple[object, ...], dict[str, object]]:
        return (), {"value": 1}


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.complex_numbers(allow_nan=False),
    st.fractions(),
    st.decimals(allow_nan=False),
    st.datetimes(),
    st.sampled_from(
        [
            *(len, os.path.join, operator.attrgetter("x"), functools.partial(int, base=2), Colour.RED, Colour),
            *(Outer.Inner, Outer.Inner(1), WithKeywords(), ValueError("wrong"), range(3), bytearray(b"x"), int),
            *(collections.Counter("abc"), collections.deque([1]), collections.defaultdict(list, a=[1]), print),
            *(fractions.Fraction, decimal.Decimal, datetime.UTC, dict, set, map, IOError, type(None), ...),
            *("builtins", "eval", "os\nsystem", "posix system", "é", "x" * 300),
        ]
    ),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.lists(inner).map(tuple),
        st.dictionaries(st.text(), inner),
        st.dictionaries(st.text(), inner).map(collections.OrderedDict),
        st.sets(st.text()),
        st.frozensets(st.integers()),
        st.lists(inner).map(lambda values: Outer.Inner(*values)),
        inner.map(lambda value: [value, value]),
    ),
)


class Inert:
    """What everything is that the unpickler below finds: it does nothing."""

    def __new__(cls, *args: object, **keywords: object) -> Inert:
        return super().__new__(Inert)  # also where an object stands for the class

    def __init__(self, *args: object, **keywords: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __call__(self, *args: object, **keywords: object) -> Inert:
        return Inert()

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, value: object) -> None:
        pass

    def extend(self, values: object) -> None:
        pass

    def add(self, value: object) -> None:
        pass


# Python's own in Python: the one in C sets aside memory for whatever place a pickle names.
BASE: Any = pickle._Unpickler


class Asking(BASE):  # type: ignore[misc]
    """Notes what is asked for, and gives none of it."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)
        super().__init__(self.file)
        self.seen: set[str] = set()

    def find_class(self, module: str, name: str) -> object:
        if self.proto < 3:
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[module, name]
            else:
                module = IMPORT_MAPPING.get(module, module)
        self.seen.add(f"{module}.{name}")
        return Inert

    def persistent_load(self, pid: object) -> object:
        return Inert()

    def get_extension(self, code: int) -> None:
        self.seen.add("the extension registry")
        self.append(Inert)


def asked_for(data: bytes, *, whole: bool = True) -> set[str]:
    """Return what the pickles of a stream ask for, or until one is broken."""
    asking = Asking(data)
    try:
        while asking.file.tell() < len(data):
            asking.load()
            asking.memo.clear()
    except Exception:
        if whole:
            raise
    return asking.seen


def dumps(value: object, protocol: int, *, in_python: bool) -> bytes:
    file = io.BytesIO()
    pickler: Any = pickle._Pickler if in_python else pickle.Pickler
    pickler(file, protocol).dump(value)
    return file.getvalue()


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.tuples(VALUES, st.sampled_from(PROTOCOLS), st.booleans()), min_size=1, max_size=3))
def test_what_is_listed_is_what_an_unpickler_asks_for(stream: list[tuple[object, int, bool]]) -> None:
    data = b"".join(dumps(value, protocol, in_python=in_python) for value, protocol, in_python in stream)
    found = walk(data)
    assert found.names == tuple(sorted(asked_for(data)))
    assert found.complete
    assert (len(found.values), found.size, found.end) == (len(stream), len(data), None)


SEEDS = [
    dumps(value, protocol, in_python=False)
    for protocol in PROTOCOLS
    for value in (
        [Outer.Inner(1, 2), {"builtins": len, "eval": {1, 2}}, collections.OrderedDict(a=1)],
        [Colour.RED, fractions.Fraction(1, 3), "x" * 300, b"y" * 300, 1 << 90, 1.5, WithKeywords()],
    )
] + [
    b"c__builtin__\neval\n(S'1'\ntR.",
    b"(S'1'\ni__builtin__\neval\n.",
    b"(c__builtin__\neval\nS'1'\no.",
    b"\x80\x04\x8c\x08builtins\x94\x8c\x04eval\x94\x93h\x00h\x01\x932.",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        piece = draw(
            st.one_of(st.binary(max_size=2), st.sampled_from([b"\x93", b"h\x00", b"\x94", b"(", b"0", b"2"]))
        )
        data[place : place + draw(st.integers(0, 3))] = piece
    return bytes(data)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.one_of(mutated(), st.binary()))
@example(b"")
@example(b"cbuiltins\neval")
@example(b"\x80\x04\x8c\x02os\x8c\x06system\x85R\x93.")
def test_nothing_that_is_asked_for_is_missing_whatever_the_bytes(data: bytes) -> None:
    found = walk(data)
    if b"\x96" in data:  # has Python set aside as much memory as it says
        return
    seen = asked_for(data, whole=False)
    if found.complete:
        assert seen <= set(found.names)  # it also goes on where an unpickler does not


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"\x80\x02c__builtin__\nset\n.", ("builtins.set",)),
        (b"c__builtin__\nset\n.", ("builtins.set",)),
        (b"\x80\x03c__builtin__\nset\n.", ("__builtin__.set",)),
        (b"ccopy_reg\n_reconstructor\n.", ("copyreg._reconstructor",)),
        (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93.", ("os.system",)),
        (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x85\x940h\x00h\x01\x93.", ("os.system",)),
        (b"\x80\x04\x8c\x02os2\x93.", ("os.os",)),
        (b"\x80\x04(\x8c\x01x1\x8c\x02os\x8c\x06system\x93.", ("os.system",)),
        (b"S'os'\nS'system'\n\x93.", ("os.system",)),
        (b"U\x02osU\x06system\x93.", ("os.system",)),
        (b"Vos\nVsyst\\u0065m\n\x93.", ("os.system",)),
        (b"\x80\x04\x8d\x02\0\0\0\0\0\0\0osX\x06\0\0\0system\x93.", ("os.system",)),
        (b"\x8c\x02osp1_0\n\x8c\x06systemg10\n\x93.", ("system.os",)),
        # What pickletools reads otherwise: escapes, spaces, and names that are not ASCII.
        (b"ca\\x62\nc d\n.", ("a\\x62.c d",)),
        ("cé\nü\n.".encode(), ("é.ü",)),
        (b"\x80\x04\x8c\x03a.b\x8c\x03c.d\x93.", ("a.b.c.d",)),
        (b"N.N.cos\nsystem\n.", ("os.system",)),
        (b"\x80\x04\x8c\x02os(0\x8c\x06system\x93.", ("os.system",)),
        (b"\x80\x04N\x80\x020c__builtin__\nset\n.", ("builtins.set",)),
    ],
)
def test_names(data: bytes, names: tuple[str, ...]) -> None:
    found = walk(data)
    assert (found.names, found.complete) == (names, True)
    assert asked_for(data) == set(names)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        # Names that a call makes: str("os"), str("system").
        (b"\x80\x04cbuiltins\nstr\n\x8c\x02os\x85R\x8c\x06system\x93.", ("builtins.str",)),
        (b"\x80\x04\x8c\x02oscbuiltins\nstr\n\x8c\x06system\x85R\x93.", ("builtins.str",)),
        (b"\x82\x01.", ()),
        (b"\x83\x01\0.", ()),
        (b"\x84\x01\0\0\0.", ()),
        (b"S'o\\x73'\nS'system'\n\x93.", ()),
        (b"\x80\x04X\x88\x13\0\0" + b"x" * 5000 + b"\x8c\x01y\x93.", ()),
        (b"c" + b"x" * 5000 + b"\ny\n.", ()),
    ],
)
def test_what_cannot_be_told(data: bytes, names: tuple[str, ...]) -> None:
    found = walk(data)
    assert (found.names, found.computed, found.problem) == (names, True, None)
    assert not found.complete


@pytest.mark.parametrize(
    ("data", "problem", "end"),
    [
        (b"", "at byte 0 of pickle 1: ends before its end", "cut"),
        (b"cos\nsystem\n", "at byte 11 of pickle 1: ends before its end", "cut"),
        (b"cos\nsystem", "at byte 4 of pickle 1: ends within an argument", "cut"),
        (b"X\xff\xff\xff\xff.", "at byte 1 of pickle 1: ends within an argument", "cut"),
        (b"\x8d" + b"\xff" * 8 + b".", "at byte 1 of pickle 1: ends within an argument", "cut"),
        (b"\x8b\xff\xff\xff\xff.", "at byte 1 of pickle 1: a negative length", "broken"),
        (b"T\xff\xff\xff\xff.", "at byte 1 of pickle 1: a negative length", "broken"),
        (b"N.N.\xff", "at byte 4 of pickle 3: 0xff is no opcode", "broken"),
        (b".", "at byte 1 of pickle 1: takes what is not there", "broken"),
        (b"N(.", "at byte 3 of pickle 1: takes what is not there", "broken"),
        (b"N(\x85.", "at byte 3 of pickle 1: takes what is not there", "broken"),
        (b"Nt.", "at byte 2 of pickle 1: goes back to no mark", "broken"),
        (b"h\x00.", "at byte 2 of pickle 1: asks for what was not kept", "broken"),
        (b"Npx\n.", "at byte 4 of pickle 1: a place that is no number", "broken"),
        (b"Np-1\n.", "at byte 5 of pickle 1: a place that is no number", "broken"),
        (b"X\x01\0\0\0\xff.", "at byte 6 of pickle 1: a text that is no utf-8", "broken"),
        (b"c\xff\nx\n.", "at byte 3 of pickle 1: a text that is no utf-8", "broken"),
        (b"V\\u1\n.", "at byte 5 of pickle 1: a text that is no raw-unicode-escape", "broken"),
    ],
)
def test_broken(data: bytes, problem: str, end: str) -> None:
    found = walk(data)
    assert (found.problem, found.end) == (problem, end)
    assert not found.complete
    assert found.names == (("os.system",) if data == b"cos\nsystem\n" else ())
    assert found.size == (4 if data.startswith(b"N.N.") else 0)


def test_a_protocol_that_does_not_exist_hides_nothing() -> None:
    assert walk(b"\x80\xffcos\nsystem\n.").names == ("os.system",)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"cos\nsystem\n0" + b"N0" * 100 + b"cos\nabort\n."
    assert walk(data).names == ("os.abort", "os.system")
    with monkeypatch.context() as patch:
        patch.setattr(pickles, "MAX_BYTES", 100)
        found = walk(data)
    assert (found.names, found.end) == (("os.system",), "limit")
    assert found.problem == ("at byte 100 of pickle 1: longer than 100 bytes, which is all that is read")
    found = walk(data, max_opcodes=100)
    assert (found.names, found.end) == (("os.system",), "limit")
    assert found.problem == "at byte 110 of pickle 1: more opcodes than are read"
    assert not walk(data, max_opcodes=204).problem
    assert walk(b"N." * 3, max_pickles=2).size == 4


def test_a_legacy_file_of_torch_ends_before_its_storages() -> None:
    stream: list[object] = [LEGACY_MAGIC, 1001, {}, [len], ["1"]]
    pickles = [pickle.dumps(value, 2) for value in stream]
    found = walk(b"".join(pickles) + b"cos\nsystem\n\xff" * 3)
    assert (found.names, found.complete) == (("builtins.len",), True)
    assert (len(found.values), found.size) == (5, sum(map(len, pickles)))


def test_the_shape_of_what_would_be_made() -> None:
    # A class that does not exist, called with a tuple; then a dict with lists, as its state.
    data = (
        b"\x80\x02cno.module\nThing\n(X\x01\0\0\0aK\x07J\xff\xff\xff\xffG" + struct.pack(">d", 1.5) + b"\x88Nt\x81"
    )
    thing: object
    (thing,) = walk(data + b"}(X\x01\0\0\0k](K\x01K\x02eX\x01\0\0\0l]K\x03aub.").values
    assert isinstance(thing, Made)
    assert thing.call == Global("no.module", "Thing")
    assert thing.args == ("a", 7, -1, UNKNOWN, True, None)
    assert isinstance(thing.state, Made)
    assert thing.state.items is not None
    key, first, other, second = thing.state.items
    assert (key, other) == ("k", "l")
    assert isinstance(first, Made)
    assert isinstance(second, Made)
    assert (first.items, second.items) == ([1, 2], [3])
    stored: object
    (stored,) = walk(b"\x80\x02X\x01\0\0\0aK\x01\x86Q.").values
    assert isinstance(stored, Made)
    assert (stored.call, stored.args) == (None, ("a", 1))


OPCODES = 20_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        b"N",
        b"]",
        b"(",
        b"}}}s",
        b"N\x85",
        b"NNR",
        b"NN\x81N\x85b",
        b"\x8c\x02ab\x94",
        b"]\x94h\x00a",
        b"]q\x00",
        b"Nr\xff\xff\xff\x7f",
        b"(N1",
        b"((tt",
        b"N2\x86\x94",
        b"I" + b"9" * 4000 + b"\n",
        b"\x8a\xff" + b"\x7f" * 255,
        b"N" + b"p" + b"9" * 4000 + b"\n",
    ],
)
@pytest.mark.parametrize("start", [b"\x80\x04", b"\x80\x04N", b"\x80\x04]\x94", b"(" * 1000])
def test_memory_grows_with_the_opcodes_alone(piece: bytes, start: bytes) -> None:
    data = start + piece * (min(OPCODES, (16 << 20) // len(piece)))
    tracemalloc.start()
    try:
        found = walk(data, max_opcodes=OPCODES)
        assert tracemalloc.get_traced_memory()[1] < OPCODES * 150 + (1 << 20)
    finally:
        tracemalloc.stop()
    assert found.end is not None
    assert not found.values


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"\x85", b"NR", b"N\x86", b"2\x86", b"Q", b"\x94\x85", b"Nb\x85"])
def test_depth_ends_nothing(piece: bytes) -> None:
    data = b"N" + piece * 100_000 + b"."
    found = walk(data)
    assert (found.end, len(found.values)) == (None, 1)
    del found


@pytest.mark.parametrize(
    "data",
    [b"]q\0h\0a.", b"}q\0X\x01\0\0\0ah\0s.", b"cos\nsystem\nq\0)Rq\x01h\x01b.", b"cos\nsystem\n)\x81q\x01h\x01b."],
)
def test_a_value_may_hold_itself(data: bytes) -> None:
    value: object
    (value,) = walk(data).values
    assert isinstance(value, Made)
    assert value in (value.items or [value.state])
