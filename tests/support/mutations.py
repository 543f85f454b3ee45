"""Small whole archives, and what becomes of them by chance: bytes changed, cut out, put in, fields replaced."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from tests.support.hostile import (
    CENTRAL,
    END,
    LOCAL,
    RECORDS,
    USTAR,
    Member,
    deflated,
    descriptor,
    gzipped,
    pax,
    tar_member,
    zip64,
    zipped,
)

if TYPE_CHECKING:
    from random import Random

__all__ = ["MUTATED", "mutated"]

_DATA = b"contents that compress: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 3
_FILL = 0xFFFFFFFF


def _compressed(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


_WIDE = {"size": _FILL, "compressed": _FILL, "extra": zip64(len(_DATA), len(_DATA))}
_BLANK = {"crc": 0, "compressed": 0, "size": 0}
_PACKED = _compressed(_DATA)
_ZIPS = (
    zipped(Member("a.txt", _DATA), Member("d/b.py", _DATA[:9]), Member("empty")),
    zipped(Member("d/"), Member("d/b.py", _DATA, 8, packed=_PACKED), Member("ä/é", _DATA, 8)),
    zipped(
        Member("x", _DATA, 8, 8, _BLANK, {}, _PACKED, descriptor(_DATA, _PACKED)),
        Member("y", _DATA, 8, 8, _BLANK, {}, deflated(_DATA), descriptor(_DATA, deflated(_DATA), form="<3L")),
        comment=b"a comment",
    ),
    zipped(Member("w", _DATA, local=_WIDE), Member("v", b"v"), wide={}),
)
_TARS = (
    b"".join(
        (
            tar_member("m/", kind=b"5"),
            tar_member("m/a.txt", _DATA),
            pax(("path", "m/ä"), ("mtime", "1.5"), ("size", "9")),
            tar_member("m/x", _DATA[:9]),
            tar_member("././@LongLink", b"m/d/long\0", kind=b"L"),
            tar_member("m/d/lo", b"1", magic=b"ustar  \0"),
            tar_member("b", b"2", prefix=b"m/e"),
            tar_member("m/MAR-INF/MANIFEST.json", b'{"model": {"modelName": "m"}}'),
            bytes(1024),
        )
    ),
    b"".join((tar_member("./a", _DATA), tar_member("./MAR-INF/MANIFEST.json", b"{}"), bytes(1024))),
)
MUTATED = ("m.mar", "m.tar.gz")

_NUMBERS = (0, 1, 2, 8, 9, 12, 63, 0x21, 0x40, 0x0800, 0x0808, 0x7FFF, 0xFFFE, 0xFFFF)
_SIGNATURES = {LOCAL: b"PK\3\4", CENTRAL: b"PK\1\2", END: b"PK\5\6"}
_BYTES = (0, 1, 8, 32, 47, 48, 53, 55, 92, 120, 127, 128, 255)


def mutated(name: str, chance: Random) -> bytes:
    """Change an archive of a form, sometimes not at all."""
    if name == "m.mar":
        data = bytearray(chance.choice(_ZIPS))
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            chance.choice((_in_bytes, _in_record, _in_record, _in_size, _splice))(data, chance)
        return bytes(data)
    tar = bytearray(chance.choice(_TARS))
    changes = chance.choice((0, 1, 1, 2))
    if chance.random() < 0.25:
        packed = bytearray(gzipped(bytes(tar), packed=_compressed(bytes(tar))))
        for _ in range(changes):
            chance.choice((_in_bytes, _splice))(packed, chance)
        return bytes(packed)
    for _ in range(changes):
        chance.choice((_in_header, _in_header, _in_bytes, _splice))(tar, chance)
    if chance.random() < 0.9:
        _settle(tar)
    return gzipped(bytes(tar), packed=_compressed(bytes(tar)))


def _in_bytes(data: bytearray, chance: Random) -> None:
    for _ in range(chance.randint(1, 3)):
        if data:
            data[chance.randrange(len(data))] = chance.choice((*_BYTES, chance.randrange(256)))


def _splice(data: bytearray, chance: Random) -> None:
    """Cut a piece out, double it, or put in another one."""
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((1, 4, 16, 46, 512, 1024, len(data))))
    match chance.randrange(3):
        case 0:
            del data[start:end]
        case 1:
            data[start:start] = data[start:end]
        case _:
            other = chance.choice((bytes(512), b"PK\5\6" + bytes(18), b"PK\3\4", b"\0", data[:46]))
            data[start:start] = other


def _places(data: bytearray) -> list[tuple[str, int]]:
    return [
        (fields, at)
        for fields, signature in _SIGNATURES.items()
        for at in range(len(data) - RECORDS[fields].size)
        if data.startswith(signature, at)
    ]


def _in_record(data: bytearray, chance: Random) -> None:
    """Change a field of a record, or the same of a member's two."""
    places = _places(data)
    if not places:
        return
    fields, at = chance.choice(places)
    names = fields.split()
    name = chance.choice(names[1:])
    value = chance.choice((*_NUMBERS, None, None))
    both = chance.random() < 0.4
    for other, place in places if both else [(fields, at)]:
        if name in other.split() and (not both or other is not END):
            _put(data, other, place, name, value, chance)


def _put(data: bytearray, fields: str, at: int, name: str, value: int | None, chance: Random) -> None:
    layout, names = RECORDS[fields], fields.split()
    values = list(layout.unpack_from(data, at))
    index = names.index(name)
    known: int = values[index]
    width = {"H": 0xFFFF, "L": _FILL}
    letters = "".join(letter * int(count or 1) for count, letter in _letters(layout.format))
    most = width[letters[index - 1]]
    values[index] = (known + chance.choice((-1, 1, 12, 16)) if value is None else value) & most
    layout.pack_into(data, at, *values)


def _letters(form: str) -> list[tuple[str, str]]:
    found, count = [], ""
    for letter in form.removeprefix("<4s"):
        if letter.isdigit():
            count += letter
        else:
            found.append((count, letter))
            count = ""
    return found


def _in_size(data: bytearray, chance: Random) -> None:
    """Make a member and its records agree on another size, with the CRC that fits."""
    places = [at for fields, at in _places(data) if fields is LOCAL]
    if not places:
        return
    at = chance.choice(places)
    _, _, _, method, _, _, _, compressed, _, name, extra = struct.unpack_from("<4s5H3L2H", data, at)
    start = at + 30 + name + extra
    size = max(0, compressed + chance.choice((-3, -1, 1, 30)))
    if method or compressed == _FILL:
        return
    crc = zlib.crc32(data[start : start + size])
    for other in [at, *(place for fields, place in _places(data) if fields is CENTRAL)]:
        fields = LOCAL if other == at else CENTRAL
        offset = 14 if fields is LOCAL else 16
        if fields is LOCAL or data[other + 46 : other + 46 + name] == data[at + 30 : at + 30 + name]:
            struct.pack_into("<3L", data, other + offset, crc, size, size)


def _in_header(data: bytearray, chance: Random) -> None:
    """Change a field of a tar's header."""
    starts = [at for at in range(0, len(data) - 511, 512) if data[at + 257 : at + 262] == b"ustar"]
    if not starts:
        return
    at = chance.choice(starts)
    name, size = chance.choice(USTAR)
    offset = at + sum(width for field, width in USTAR[: [field for field, _ in USTAR].index(name)])
    text = chance.choice(
        (
            b"m/../x",
            b"m/MAR-INF/MANIFEST.json",
            b"m/d/",
            b"0",
            b"00000000000",
            b"00000000001",
            b"00000000777",
            b"%011o" % chance.randrange(2048),
            b"\x80" + bytes(max(0, size - 2)) + b"\5",
            b"\xff" * size,
            b" 7 ",
            b"7\x008",
            b"123456Lxg~S7",
            chance.randbytes(size),
        )
    )
    if size == 1:
        text = bytes([chance.choice(text)])
    data[offset : offset + size] = text[:size].ljust(size, b"\0")


def _settle(data: bytearray) -> None:
    """Correct the checksums, so that the changes are looked at."""
    for at in range(0, len(data) - 511, 512):
        if data[at + 257 : at + 262] == b"ustar":
            data[at + 148 : at + 156] = b" " * 8
            data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
