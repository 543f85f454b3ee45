"""Zips of whatever records, built from the tables of the format's fields and deflated without zlib."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

MANIFEST = "MAR-INF/MANIFEST.json"
TEXT = b'{"model": {"modelName": "m"}}'

LOCAL = "signature version flags method time date crc compressed size name_length extra_length"
CENTRAL = (
    "signature made_by version flags method time date crc compressed size name_length extra_length comment_length "
    "disk internal attributes offset"
)
END = "signature disk directory_disk here count size offset comment_length"
END_64 = "signature length made_by version disk directory_disk here count size offset"
LOCATOR = "signature disk offset disks"
RECORDS = {
    LOCAL: struct.Struct("<4s5H3L2H"),
    CENTRAL: struct.Struct("<4s6H3L5H2L"),
    END: struct.Struct("<4s4H2LH"),
    END_64: struct.Struct("<4sQ2H2L4Q"),
    LOCATOR: struct.Struct("<4sLQL"),
}
FILL = 0xFFFFFFFF
UTF8, DESCRIPTOR = 0x800, 8
FILE_MODE = (stat.S_IFREG | 0o644) << 16


def record(fields: str, values: Mapping[str, Any]) -> bytes:
    """Pack a record; what is not given is 0."""
    return RECORDS[fields].pack(*(values.get(name, 0) for name in fields.split()))


def deflated(data: bytes) -> bytes:
    """Deflate in stored blocks."""
    pieces = [data[at : at + 0xFFFF] for at in range(0, len(data), 0xFFFF)] or [b""]
    return b"".join(
        struct.pack("<BHH", piece is pieces[-1], len(piece), len(piece) ^ 0xFFFF) + piece for piece in pieces
    )


def zip64(*values: int, kind: int = 1) -> bytes:
    """Pack an extra field of 64-bit numbers."""
    return struct.pack(f"<HH{len(values)}Q", kind, 8 * len(values), *values)


class Member(NamedTuple):
    """One member; ``local`` and ``central`` replace values of its headers, of which None leaves one out."""

    name: str | bytes
    data: bytes = b""
    method: int = 0
    flags: int = 0
    local: Mapping[str, Any] | None = {}
    central: Mapping[str, Any] | None = {}
    packed: bytes | None = None
    behind: bytes = b""


def descriptor(data: bytes, packed: bytes, *, form: str = "<4s3L", crc: int | None = None) -> bytes:
    """Pack what stands behind a member's contents."""
    values: tuple[Any, ...] = (zlib.crc32(data) if crc is None else crc, len(packed), len(data))
    return struct.pack(form, *((b"PK\7\x08", *values) if "s" in form else values))


def zipped(
    *members: Member,
    start: bytes = b"",
    gap: bytes = b"",
    end: Mapping[str, Any] | None = {},
    wide: Mapping[str, Any] | None = None,
    comment: bytes = b"",
    behind: bytes = b"",
    shift: int = 0,
    manifest: bool = True,
) -> bytes:
    """Make a zip; the manifest is its last member.

    ``start``, ``gap`` and ``behind`` are bytes before the first member, before the directory and at the very end;
    ``end`` replaces values of the end record, ``wide`` those of a zip64 end record and its locator.
    """
    if manifest:
        members = (*members, Member(MANIFEST, TEXT))
    data, directory = start, b""
    for member in members:
        name = member.name if isinstance(member.name, bytes) else member.name.encode()
        packed = member.packed
        if packed is None:
            packed = deflated(member.data) if member.method == 8 else member.data
        values: dict[str, Any] = {
            "made_by": 3 << 8 | 20,
            "version": 20,
            "flags": member.flags | (0 if name.isascii() or isinstance(member.name, bytes) else UTF8),
            "method": member.method,
            "date": 33,
            "crc": zlib.crc32(member.data),
            "compressed": len(packed),
            "size": len(member.data),
            "attributes": FILE_MODE if not name.endswith(b"/") else (stat.S_IFDIR | 0o755) << 16,
            "offset": len(data) - shift,
            "name": name,
            "extra": b"",
            "comment": b"",
        }
        if member.central is not None:
            directory += _header(CENTRAL, b"PK\1\2", values | dict(member.central))
        if member.local is not None:
            data += _header(LOCAL, b"PK\3\4", values | dict(member.local)) + packed
        data += member.behind
    data += gap
    count = sum(member.central is not None for member in members)
    values = {"here": count, "count": count, "size": len(directory), "offset": len(data) - shift}
    data += directory
    if wide is not None:
        at = len(data)
        more = values | {"signature": b"PK\6\6", "length": 44, "made_by": 45, "version": 45} | dict(wide)
        data += record(END_64, more)
        data += record(
            LOCATOR,
            {
                "signature": b"PK\6\7",
                "offset": wide.get("at", at),
                "disks": wide.get("disks", 1),
                "disk": wide.get("locator_disk", 0),
            },
        )
    if end is not None:
        values |= {"signature": b"PK\5\6", "comment_length": len(comment)} | dict(end)
        data += record(END, values) + comment
    return data + behind


def _header(fields: str, signature: bytes, values: dict[str, Any]) -> bytes:
    texts = [values[key] for key in (("name", "extra", "comment") if fields is CENTRAL else ("name", "extra"))]
    lengths = dict(zip(("name_length", "extra_length", "comment_length"), map(len, texts), strict=False))
    return record(fields, {"signature": signature, **lengths, **values}) + b"".join(texts)
