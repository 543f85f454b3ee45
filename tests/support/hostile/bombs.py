"""Archives that ask for more than they are worth."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from tests.support.hostile.case import Json, Pieces, broken_case, case, tgz_case
from tests.support.hostile.tgz_bytes import tar_member, tarred
from tests.support.hostile.zip_bytes import FILL, LOCAL, Member, deflated, record, zip64, zipped

if TYPE_CHECKING:
    from collections.abc import Iterator


def bombs() -> Json:
    zeros, times = 8 * 258, 40_000  # 8 copies of 258 bytes in 104 bits
    size = 1 + zeros * times
    # A fixed block: the literal 0, then copies of 258 bytes from 1 byte back, 8 + 5 bits each.
    bits = "1" + "10" + "00110000" + ("11000101" + "00000") * (8 * times) + "0000000"
    packed = _bits(bits)
    crc = _crc_of_zeros(size)
    sizes = {"crc": crc, "compressed": len(packed), "size": size}
    archive = zipped(Member("a", b"", 8, 0, sizes, sizes, b"@" * len(packed)))
    at = archive.index(b"@")
    repeated = _repeated(packed)
    bomb: Pieces = [archive[:at], *repeated, archive[at + len(packed) :]]
    # So that zeros are left for the end of the tar.
    text = tar_member("m/a", size=(size // 512 - 4) * 512)
    lying = {"size": 1 << 40, "compressed": FILL, "extra": zip64(1 << 30)}
    return {
        "title": "archives that ask for more than they are worth",
        "clauses": ["R8", "R11"],
        "source": "D. Fifield, 'A better zip bomb', WOOT 2019: members that share bytes; TorchServe has no limits",
        "cases": [
            case("zeros, 158 times smaller", bomb, "too-large", error="LimitError"),
            case("members that share all their bytes", _sharing(), "zip-overlap", "a"),
            case("members that quote the headers of the next", _quoting(), "zip-overlap", "a0"),
            case(
                "members without contents in one place",
                zipped(Member("a"), Member("b", local=None, central={"offset": 0})),
                "zip-local-name",
                "b",
            ),
            tgz_case("zeros in a tgz", [*_gzip_of_zeros(text, size)], "too-large", error="LimitError"),
            case(
                "more members than allowed",
                zipped(*(Member(str(number)) for number in range(8))),
                "too-many-members",
                error="LimitError",
                limits={"members": 5},
            ),
            case(
                "more members than said",
                zipped(*(Member(str(number)) for number in range(8)), end={"count": 2, "here": 2}),
                "too-many-members",
                error="LimitError",
                limits={"members": 5},
            ),
            case(
                "more folders than allowed",
                zipped(Member("/".join("abcdefgh"))),
                "too-many-members",
                error="LimitError",
                limits={"members": 3},
            ),
            tgz_case(
                "more members in a tgz than allowed",
                tarred(*(tar_member(f"m/{number}") for number in range(8))),
                "too-many-members",
                error="LimitError",
                limits={"members": 5},
            ),
            case(
                "a size that nobody has",
                zipped(Member("a", b"x", 8, central={**lying, "size": FILL, "extra": zip64(1 << 50, 1 << 30)})),
                "zip-local-header",
                "a",
            ),
            broken_case(
                "a manifest of more than allowed",
                zipped(),
                "manifest-too-large",
                error="LimitError",
                limits={"manifest": 10},
                reading="manifest",
            ),
            case(
                "an archive in an archive, which stays one", zipped(Member("a.zip", zipped(Member("../x")))), None
            ),
        ],
    }


def _bits(bits: str) -> bytes:
    """Pack bits as deflate does, the first in the lowest place; codes are given highest bit first."""
    padded = bits + "0" * (-len(bits) % 8)
    return int(padded[::-1], 2).to_bytes(len(padded) // 8, "little")


def _repeated(packed: bytes) -> Pieces:
    """Describe bytes that repeat every 13 after the first 13 by these."""
    start, period = 13, packed[13:26]
    count = 0
    while packed.startswith(period, start + 13 * count):
        count += 1
    return [packed[:start], (period, count), packed[start + 13 * count :]]


def _crc_of_zeros(size: int) -> int:
    crc = 0
    for at in range(0, size, 1 << 20):
        crc = zlib.crc32(bytes(min(1 << 20, size - at)), crc)
    return crc


def _gzip_of_zeros(start: bytes, size: int) -> Iterator[bytes | tuple[bytes, int]]:
    times = size // (8 * 258)
    data = start + bytes(1)
    head = struct.pack("<2s2BL2B", b"\x1f\x8b", 8, 0, 0, 0, 255)
    first = struct.pack("<BHH", 0, len(data), len(data) ^ 0xFFFF) + data
    packed = _bits("1" + "10" + ("11000101" + "00000") * (8 * times) + "0000000")
    one, again, last = _repeated(packed)
    assert isinstance(one, bytes)
    assert isinstance(last, bytes)
    crc = zlib.crc32(start)
    left = size
    while left:
        crc = zlib.crc32(bytes(min(left, 1 << 20)), crc)
        left -= min(left, 1 << 20)
    yield head + first + one
    yield again
    yield last + struct.pack("<2L", crc, (len(start) + size) & FILL)


def _sharing() -> bytes:
    """Let two records of the directory name one member."""
    return zipped(Member("a", b"x" * 50), Member("a", b"x" * 50, local=None, central={"offset": 0}))


def _quoting() -> bytes:
    """Make each member's contents the quoted headers of all that follow, and their common contents."""
    kernel = b"k" * 100
    names = [b"a%d" % number for number in range(5)]
    tail, size = b"", 0
    members: list[tuple[bytes, bytes, bytes]] = []
    plain, packed = kernel, deflated(kernel)
    for name in reversed(names):
        values = {"signature": b"PK\3\4", "version": 20, "method": 8, "date": 33, "name_length": len(name)}
        values |= {"crc": zlib.crc32(plain), "compressed": len(packed), "size": len(plain)}
        head = record(LOCAL, values) + name
        members.insert(0, (name, plain, packed))
        tail = head + packed
        size = len(head)
        packed = struct.pack("<BHH", 0, size, size ^ 0xFFFF) + tail
        plain = head + plain
    offsets = []
    at = 0
    for name, _, _ in members:
        offsets.append(at)
        at += 30 + len(name) + 5
    listed = [
        Member(name, plain, 8, central={"offset": offset, "compressed": len(packed)}, local=None)
        for (name, plain, packed), offset in zip(members, offsets, strict=True)
    ]
    return zipped(*listed, start=tail)
