"""The records of a zip file, byte for byte as Python's ``zipfile`` writes them (spec/archive.md, Z clauses).

Pure: values in, bytes out. ``zipfile`` cannot write to a sink that does not seek without data descriptors, which
the server refuses on stored members (Z7), cannot take a member's bytes from elsewhere, and pads no local header
alone (Z9). Otherwise its records are the same, and the tests hold these against them.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from marpack.archive.forms import Compression
from marpack.frozen import frozen

# Z6: where 64-bit fields begin. A local header is written before the compressed size is known, so it
# has room for 64 bits from this uncompressed size on, in which 5 % are left for what does not compress.
ZIP64_LIMIT = (1 << 31) - 1
ZIP64_FROM = 2_045_222_521

_VERSION = 20
_ZIP64_VERSION = 45
_UNIX = 3
# What stands in a narrow field whose value is in a wide one.
FILL_16 = (1 << 16) - 1
FILL_32 = (1 << 32) - 1
# Of the flags: encrypted, or strongly so, or with its headers; sizes and CRC stand behind the contents.
ENCRYPTED = 1 | 1 << 6 | 1 << 13
HAS_DESCRIPTOR = 1 << 3
UTF8_NAME = 1 << 11

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s4B4H3L5H2L")
END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
END_64_LOCATOR = struct.Struct("<4sLQL")
_LOCAL_ZIP64 = struct.Struct("<HHQQ")

# Z9: what the contents of a large stored member begin at a multiple of in `auto`, and what is large.
ALIGNMENT = 4096
ALIGNED_ABOVE = 1 << 20
# Android's field, which nobody reads but who aligns anew: id, length, the alignment, zeros.
_PADDING = struct.Struct("<3H")
_PADDING_ID = 0xD935

# Z5: zip dates count from 1980 in seven bits; times outside are clamped to the nearest (D-03).
_FIRST = (1980, 1, 1, 0, 0, 0)
_LAST = (2107, 12, 31, 23, 59, 58)


@frozen
class ZipMember:
    """What the records say of one member; ``attributes`` are Unix mode bits, ``mtime`` whole seconds.

    ``padding`` is the length of what the local header is filled up with, 0 or at least 6 (Z9).
    """

    name: str
    compression: Compression
    attributes: int
    mtime: int
    size: int
    compressed_size: int = 0
    crc: int = 0
    offset: int = 0
    padding: int = 0

    def aligned(self) -> ZipMember:
        """Return the same with the least padding that has the contents begin at a multiple of ``ALIGNMENT``."""
        missing = -(self.offset + self.local_size - self.padding) % ALIGNMENT
        if 0 < missing < _PADDING.size:
            missing += ALIGNMENT
        return replace(self, padding=missing)

    @property
    def zip64(self) -> bool:
        """Whether the local header has 64-bit sizes (Z6)."""
        return self.size >= ZIP64_FROM

    @property
    def local_size(self) -> int:
        """How long the local header is, whatever CRC and sizes it states."""
        wide = _LOCAL_ZIP64.size if self.zip64 else 0
        return LOCAL.size + len(self.name.encode()) + wide + self.padding


def local_header(member: ZipMember) -> bytes:
    """Return the record before the member's bytes (Z2)."""
    name, flags = _encode_name(member.name)
    sizes = (member.compressed_size, member.size)
    extra = b""
    if member.zip64:
        extra = _LOCAL_ZIP64.pack(1, 16, member.size, member.compressed_size)
        sizes = (FILL_32, FILL_32)
    if member.padding:
        field = _PADDING.pack(_PADDING_ID, member.padding - 4, ALIGNMENT)
        extra += field.ljust(member.padding, b"\0")
    version = _ZIP64_VERSION if member.zip64 else _VERSION
    head = b"PK\3\4", version, flags, member.compression, *_dos_time(member.mtime)
    return LOCAL.pack(*head, member.crc, *sizes, len(name), len(extra)) + name + extra


def central_header(member: ZipMember) -> bytes:
    """Return the member's record in the central directory (Z3)."""
    name, flags = _encode_name(member.name)
    wide: list[int] = []
    sizes = (member.compressed_size, member.size)
    if max(sizes) > ZIP64_LIMIT:
        wide += [member.size, member.compressed_size]
        sizes = (FILL_32, FILL_32)
    offset = member.offset
    if offset > ZIP64_LIMIT:
        wide.append(offset)
        offset = FILL_32
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    version = _ZIP64_VERSION if wide or member.zip64 else _VERSION
    head = b"PK\1\2", version, _UNIX, version, 0, flags, member.compression, *_dos_time(member.mtime)
    lengths = len(name), len(extra), 0, 0, 0
    fixed = CENTRAL.pack(*head, member.crc, *sizes, *lengths, member.attributes << 16, offset)
    return fixed + name + extra


def end_records(*, count: int, size: int, offset: int) -> bytes:
    """Return what follows a central directory of ``count`` records, ``size`` bytes, at ``offset`` (Z4)."""
    wide = b""
    if count > FILL_16 or max(size, offset) > ZIP64_LIMIT:
        wide = END_64.pack(
            b"PK\6\6", 44, _ZIP64_VERSION, _ZIP64_VERSION, 0, 0, count, count, size, offset
        ) + END_64_LOCATOR.pack(b"PK\6\7", 0, offset + size, 1)
    count, size, offset = min(count, FILL_16), min(size, FILL_32), min(offset, FILL_32)
    return wide + END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)


def _encode_name(name: str) -> tuple[bytes, int]:
    try:
        return name.encode("ascii"), 0
    except UnicodeEncodeError:
        return name.encode(), UTF8_NAME


@lru_cache(maxsize=1024)  # the files of a model are often of a few moments, and each is asked for twice
def _dos_time(mtime: int) -> tuple[int, int]:
    try:
        fields = datetime.fromtimestamp(mtime, UTC).timetuple()[:6]
    except (ValueError, OverflowError, OSError):
        fields = _FIRST if mtime < 0 else _LAST
    year, month, day, hour, minute, second = min(max(fields, _FIRST), _LAST)
    return hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day
