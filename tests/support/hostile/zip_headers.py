"""Zips that their directory and their members' own headers tell differently."""

from __future__ import annotations

import struct
import zlib

from tests.support.hostile.case import Json, broken_case, case
from tests.support.hostile.zip_bytes import (
    DESCRIPTOR,
    FILL,
    MANIFEST,
    TEXT,
    Member,
    deflated,
    descriptor,
    zip64,
    zipped,
)


def headers() -> Json:
    data = b"x" * 20
    cases = [
        case(f"another {what}", zipped(Member("a", data, method, local=local)), code, "a")
        for what, method, local, code in (
            ("name", 0, {"name": b"b"}, "zip-local-name"),
            ("name that leads out", 0, {"name": b"../../x"}, "zip-local-name"),
            ("method", 8, {"method": 0}, "zip-local-header"),
            ("encryption", 0, {"flags": 1}, "zip-local-header"),
            ("CRC", 0, {"crc": 1}, "zip-local-header"),
            ("size", 0, {"size": 19}, "zip-local-header"),
            ("compressed size", 8, {"compressed": 19}, "zip-local-header"),
            ("signature", 0, {"signature": b"PK\3\5"}, "zip-no-header"),
        )
    ]
    member = Member("a", data)
    wide = {"size": FILL, "compressed": FILL}
    cases += [
        case("members that hide behind a forged CRC", _forged(), "zip-extra", "a"),
        case(
            "a descriptor in one only", zipped(Member("a", data, 8, central={"flags": 8})), "zip-local-header", "a"
        ),
        case("a language in one only", zipped(Member("ä", data, local={"flags": 0})), "zip-local-header", "ä"),
        case("not said to be UTF-8", zipped(Member("ä".encode(), data)), "zip-name-flag", "ä"),
        case(
            "a second name",
            zipped(Member("a", data, central={"extra": struct.pack("<HHBL", 0x7075, 9, 1, 0) + b"../x"})),
            "zip-other-name",
            "a",
        ),
        case(
            "a second name in its own header",
            zipped(Member("a", data, local={"extra": struct.pack("<HHBL", 0x7075, 9, 1, 0) + b"../x"})),
            "zip-other-name",
            "a",
        ),
        case("only in the directory", zipped(member, Member("b", data, local=None)), "zip-local-name", "b"),
        case("only by its own header", zipped(member, Member("b", data, central=None)), "zip-gap", "a"),
        case(
            "only by its own header, first", zipped(Member("b", data, central=None), member), "zip-prepended", "a"
        ),
        case(
            "only by their own headers",
            zipped(Member("b", data, central=None), Member(MANIFEST, TEXT, central=None), manifest=False),
            "zip-gap",
        ),
        case("one byte between two members", zipped(Member("a", data, behind=b"\0")), "zip-gap", "a"),
        case("a byte before the directory", zipped(member, gap=b"\0"), "zip-gap", MANIFEST),
        case("bytes before the first member", zipped(member, start=b"#!/bin/sh\n"), "zip-prepended", "a"),
        case("bytes before the first member, not counted", zipped(member, start=b"MZ", shift=2), "zip-prepended"),
        case(
            "stored, with other sizes", zipped(Member("a", data, local={}, packed=data + b"y")), "size-lies", "a"
        ),
        case("64-bit sizes without them", zipped(Member("a", data, local=wide)), "zip-extra", "a"),
        case(
            "64-bit sizes, one of them",
            zipped(Member("a", data, local={**wide, "extra": zip64(20)})),
            "zip-extra",
            "a",
        ),
        case(
            "64-bit sizes twice",
            zipped(Member("a", data, local={**wide, "extra": zip64(20, 20) + zip64(500, 500)})),
            "zip-extra",
            "a",
        ),
        case(
            "64-bit sizes that do not end",
            zipped(Member("a", data, local={**wide, "extra": struct.pack("<HH2Q", 1, 53, 20, 20)})),
            "zip-extra",
            "a",
        ),
        case(
            "64-bit sizes that differ",
            zipped(Member("a", data, local={**wide, "extra": zip64(21, 20)})),
            "zip-local-header",
            "a",
        ),
        case(
            "half 64-bit sizes that differ",
            zipped(Member("a", data, local={"size": FILL, "extra": zip64(20, 500)})),
            "zip-local-header",
            "a",
        ),
        broken_case(
            "a 64-bit field that is too short in the directory",
            zipped(Member("a", data, central={**wide, "extra": zip64(20)})),
            "zip-extra",
            "a",
        ),
        case(
            "a place beyond all files",
            zipped(member, Member("b", data, central={"offset": FILL, "extra": zip64((1 << 64) - 1)})),
            "zip-no-header",
            "b",
        ),
    ]
    packed = deflated(data)
    blank = {"crc": 0, "compressed": 0, "size": 0}

    def with_descriptor(behind: bytes, method: int = 8, **fields: int) -> bytes:
        return zipped(Member("a", data, method, DESCRIPTOR, {**blank, **fields}, {}, None, behind))

    cases += [
        case(
            "a stored member with a descriptor",
            with_descriptor(descriptor(data, data), 0),
            "zip-stored-descriptor",
            "a",
        ),
        case(
            "a descriptor of another CRC", with_descriptor(descriptor(data, packed, crc=1)), "zip-descriptor", "a"
        ),
        case("no descriptor", with_descriptor(b""), "zip-gap", "a"),
        case("half a descriptor", with_descriptor(descriptor(data, packed)[:8]), "zip-gap", "a"),
        case(
            "a descriptor of 64 bits",
            with_descriptor(descriptor(data, packed, form="<4sL2Q")),
            "zip-descriptor",
            "a",
        ),
        case(
            "a descriptor of 64 bits without a signature",
            with_descriptor(descriptor(data, packed, form="<L2Q")),
            "zip-descriptor",
            "a",
        ),
        case(
            "a header that lies beside its descriptor",
            with_descriptor(descriptor(data, packed), size=7),
            "zip-local-header",
            "a",
        ),
        case("a descriptor", with_descriptor(descriptor(data, packed)), None),
        case("a descriptor without a signature", with_descriptor(descriptor(data, packed, form="<3L")), None),
        case("64-bit sizes without need", zipped(Member("a", data, local={**wide, "extra": zip64(20, 20)})), None),
        case("a comment", zipped(Member("a", data), comment=b"hello"), None),
        case(
            "an unknown extra field",
            zipped(Member("a", data, local={"extra": struct.pack("<HH", 0xD935, 0)})),
            None,
        ),
        case(
            "a folder of its own, deflated",
            zipped(Member("d/", b"", 8, packed=b"\3\0"), Member("d/a", data)),
            None,
        ),
        case(
            "other versions and times",
            zipped(Member("a", data, local={"version": 99, "time": 0xFFFF, "date": 0})),
            None,
        ),
    ]
    return {
        "title": "a zip whose members differ by whether its directory or its own headers are read",
        "clauses": ["R7", "R9", "R11"],
        "source": "server-behaviour A.1, A.2, A.4: TorchServe goes by the members' own headers, from the first "
        "byte to the first gap, and never reads the directory",
        "cases": cases,
    }


def _forged() -> bytes:
    """Let a member have two sizes, both with its CRC: other members lie between the two."""
    data = b"x" * 20
    hidden = zipped(Member("b", b"shown to some"), manifest=False, end=None)
    hidden = hidden[: hidden.index(b"PK\1\2")]
    whole = data + hidden
    whole += _forging(zlib.crc32(whole), zlib.crc32(data))
    sizes = {"crc": zlib.crc32(data), "size": FILL, "compressed": FILL}
    both = zip64(len(data), len(data)) + zip64(len(whole), len(whole))
    return zipped(
        Member("a", data, local={**sizes, "extra": both}, packed=whole, central={"compressed": len(data)})
    )


def _forging(crc: int, wanted: int) -> bytes:
    """Return four bytes that lead from one CRC to another."""
    table = [_shifted(number) for number in range(256)]
    state, found = wanted ^ FILL, []
    for _ in range(4):
        index = next(number for number in range(256) if table[number] >> 24 == state >> 24)
        found.append(index)
        state = ((state ^ table[index]) << 8) & FILL
    state, result = crc ^ FILL, b""
    for index in reversed(found):
        byte = (state ^ index) & 0xFF
        result += bytes([byte])
        state = (state >> 8) ^ table[index]
    return result


def _shifted(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
    return value
