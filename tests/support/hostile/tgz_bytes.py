"""Tars of whatever headers, gzip'd: built from the table of the format's fields and deflated without zlib."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from tests.support.hostile.zip_bytes import FILL, MANIFEST, TEXT, deflated

USTAR = (
    ("name", 100),
    ("mode", 8),
    ("uid", 8),
    ("gid", 8),
    ("size", 12),
    ("mtime", 12),
    ("checksum", 8),
    ("kind", 1),
    ("link", 100),
    ("magic", 8),
    ("user", 32),
    ("group", 32),
    ("major", 8),
    ("minor", 8),
    ("prefix", 155),
    ("end", 12),
)


def tar_member(name: str | bytes, data: bytes = b"", *, kind: bytes = b"0", **fields: bytes | int) -> bytes:
    """Make a header with its contents; numbers are octal, bytes stand as they are."""
    values: dict[str, bytes | int] = {
        "name": name if isinstance(name, bytes) else name.encode(),
        "mode": 0o644,
        "uid": 0,
        "gid": 0,
        "size": len(data),
        "mtime": 0,
        "checksum": b" " * 8,
        "kind": kind,
        "magic": b"ustar\x0000",
        **fields,
    }
    block = b""
    for field, size in USTAR:
        value = values.get(field, b"")
        text = value if isinstance(value, bytes) else b"%0*o" % (size - 1, value)
        block += text.ljust(size, b"\0")
    if "checksum" not in fields:
        block = block[:148] + b"%06o\0 " % sum(block) + block[156:]
    return block + data + bytes(-len(data) % 512)


def pax(*records: tuple[str, str | bytes], kind: bytes = b"x") -> bytes:
    """Make an extended header."""
    text = b""
    for key, value in records:
        rest = b" %s=%s\n" % (key.encode(), value if isinstance(value, bytes) else value.encode())
        length = len(rest) + 1
        while len(b"%d" % length) + len(rest) != length:
            length += 1
        text += b"%d" % length + rest
    return tar_member("././@PaxHeader", text, kind=kind)


def gzipped(
    data: bytes,
    *,
    packed: bytes | None = None,
    flags: int = 0,
    extra: bytes = b"",
    crc: int | None = None,
    size: int | None = None,
    behind: bytes = b"",
) -> bytes:
    """Make a gzip file of one member."""
    head = struct.pack("<2s2BL2B", b"\x1f\x8b", 8, flags, 0, 0, 255) + extra
    tail = struct.pack("<2L", zlib.crc32(data) if crc is None else crc, len(data) & FILL if size is None else size)
    return head + (deflated(data) if packed is None else packed) + tail + behind


def tarred(*members: bytes, end: bytes = bytes(1024), manifest: bool = True, **options: Any) -> bytes:
    """Make a tgz; the manifest is its last member."""
    last = (tar_member(f"m/{MANIFEST}", TEXT),) if manifest else ()
    return gzipped(b"".join((*members, *last, end)), **options)
