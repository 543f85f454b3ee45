"""What a zip says of its members in its directory, at its end (spec/archive.md, R clauses).

A zip can be read from its end, by the directory, as most programs do, or from its beginning, by the header before
each member, as TorchServe does. Where the two differ, whoever looks at one does not see what the other unpacks.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NoReturn

from marpack.archive import web_page
from marpack.archive.formats.zip_records import CENTRAL, END, END_64, END_64_LOCATOR, FILL_16, FILL_32
from marpack.archive.read.limits import Limits, raising
from marpack.archive.read.random_access import RandomAccess
from marpack.errors import ArchiveError, LimitError, UnsafeArchiveError
from marpack.frozen import frozen
from marpack.issue_codes import ReadCode

_MAX_COMMENT = (1 << 16) - 1
_UNIX_SYSTEMS = (3, 19)  # and macOS

ZIP64_EXTRA = 1
_UNICODE_PATH_EXTRA = 0x7075
# No directory is read at once: a record can be 46 bytes, and 64 KiB of each of three kinds.
_READ_SIZE = 1 << 20
# So much may each member that is allowed have in it, or all of them, however few: names are kept in memory.
USUAL_RECORD = 1 << 10
LEAST_DIRECTORY = 1 << 24
_LONGEST_RECORD = CENTRAL.size + 3 * FILL_16


@frozen
class ZipRecord:
    """One member as the directory has it, at ``index``; ``offset`` is where its local header begins."""

    index: int
    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    offset: int
    # The Unix mode with the type of file; 0 where it was packed on another system.
    attributes: int
    dos_time: tuple[int, int]
    # What some programs take for the name instead (Info-ZIP's field 0x7075).
    other_names: frozenset[bytes]

    @property
    def mtime_ns(self) -> int | None:
        """The time of last change in nanoseconds since the epoch, taken for UTC; None for what is no time."""
        time, date = self.dos_time
        day = (date >> 9) + 1980, date >> 5 & 15, date & 31
        try:
            when = datetime(*day, time >> 11, time >> 5 & 63, (time & 31) * 2, tzinfo=UTC)
        except ValueError:
            return None
        return int(when.timestamp()) * 10**9


def read_directory(path: str, data: RandomAccess, limits: Limits) -> tuple[list[ZipRecord], int]:
    """Return the members in the order of the directory, and where the directory begins.

    Raises ``ArchiveError``, ``UnsafeArchiveError`` for bytes that belong to nothing, and ``LimitError``.
    """
    count, size, offset, end = _find_directory(path, data)
    if offset + size != end:
        if offset + size > end:
            message = "is cut off, or its directory lies elsewhere than it says: get it again"
            _broken(path, "zip-truncated", message)
        if data.read_at(end - size, 4) == b"PK\1\2" or not size:
            before = f"{end - size - offset:,} bytes before its first member"
            message = f"has {before}, which TorchServe takes for an empty archive: pack it again"
            _unsafe(path, "zip-prepended", message)
        _unsafe(path, "zip-gap", "has bytes between its directory and its end that belong to nothing")
    if count > limits.members:
        how = raising("members", count)
        message = f"has {count:,} members, more than the limit of {limits.members:,}: {how}"
        raise LimitError(path, message, code="too-many-members")
    most = max(LEAST_DIRECTORY, limits.members * USUAL_RECORD)
    if size > most:
        message = f"has a directory of {size:,} bytes, more than the {most:,} of that many members"
        raise LimitError(path, f"{message}: {raising('members')}", code="too-many-members")
    if size < count * CENTRAL.size:
        _broken(path, "zip-directory", f"says that it has {count:,} members, for which its directory is too short")
    records = list(_records(path, data, offset, size, limits))
    if len(records) != count:
        _broken(path, "zip-directory", f"says that it has {count:,} members, and lists {len(records):,}")
    return records, offset


def _find_directory(path: str, data: RandomAccess) -> tuple[int, int, int, int]:
    """Return the number of members, the size of the directory, its offset, and where it must have ended."""
    if data.size < END.size:
        what = "is empty" if not data.size else "is no zip: it has no end record"
        _broken(path, "zip-no-end", f"{what}: pack it again, or get it again")
    start = max(0, data.size - END.size - _MAX_COMMENT)
    tail = data.read_at(start, data.size - start)
    starts = [found.start() for found in re.finditer(b"PK\5\6", tail) if found.start() + END.size <= len(tail)]
    ends = [at for at in starts if at + END.size + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail)]
    if not ends and web_page.begins_page(data.read_at(0, web_page.LONGEST_START)):
        _broken(path, "zip-no-end", f"{web_page.WHAT}: {web_page.FIX}")
    if not ends:
        if starts:
            _unsafe(path, "zip-trailing", "goes on behind its end: cut off what follows, or pack it again")
        message = "is no zip, or is cut off: it has no end record. Pack it again, or get it again"
        _broken(path, "zip-no-end", message)
    position = ends[0]
    if len(ends) > 1 or starts[-1] >= position + END.size:
        _unsafe(path, "zip-two-ends", "can be read as two archives, one inside the comment of the other")
    _, disk, directory_disk, here, count, size, offset, _ = END.unpack_from(tail, position)
    end = start + position
    locator = data.read_at(end - END_64_LOCATOR.size, END_64_LOCATOR.size) if end >= END_64_LOCATOR.size else b""
    if locator.startswith(b"PK\6\7"):
        narrow = count, size, offset
        _, disk_64, position_64, disks = END_64_LOCATOR.unpack(locator)
        if disk not in (0, FILL_16) or disk_64:
            _broken(path, "zip-disks", "is a part of an archive that spans several files")
        record = data.read_at(position_64, END_64.size)
        if len(record) < END_64.size or not record.startswith(b"PK\6\6"):
            _broken(path, "zip-end", "says that it has a zip64 end record, and has none there")
        _, length, _, _, disk, directory_disk, here, count, size, offset = END_64.unpack(record)
        if position_64 + 12 + length != end - END_64_LOCATOR.size:
            _unsafe(path, "zip-gap", "has bytes around its zip64 end record that belong to nothing")
        end = position_64
        wide = (count, FILL_16), (size, FILL_32), (offset, FILL_32)
        if disks > 1 or any(said not in (limit, value) for said, (value, limit) in zip(narrow, wide, strict=True)):
            _unsafe(path, "zip-two-ends", "has two end records that disagree")
    if disk or directory_disk or here != count:
        _broken(path, "zip-disks", "is a part of an archive that spans several files")
    return count, size, offset, end


def _records(path: str, data: RandomAccess, offset: int, size: int, limits: Limits) -> Iterator[ZipRecord]:
    end = offset + size
    buffer = b""
    count = 0
    while offset < end or buffer:
        if len(buffer) < _LONGEST_RECORD and offset < end:
            more = data.read_at(offset, min(_READ_SIZE, end - offset))
            if not more:
                _broken(path, "zip-truncated", "has become shorter while it was read")
            offset += len(more)
            buffer += more
        position = 0
        while len(buffer) - position >= (_LONGEST_RECORD if offset < end else 1):
            limits.require_members(path, count + 1)
            record, position = _record(path, buffer, position, count)
            count += 1
            yield record
        buffer = buffer[position:]


def _record(path: str, buffer: bytes, position: int, index: int) -> tuple[ZipRecord, int]:
    if len(buffer) - position < CENTRAL.size or buffer[position : position + 4] != b"PK\1\2":
        _broken(path, "zip-directory", "has something in its directory that is no record of a member")
    fields = CENTRAL.unpack_from(buffer, position)
    _, _, system, _, _, flags, method, time, date, crc, compressed_size, size, *rest = fields
    name_length, extra_length, comment_length, disk, _, attributes, offset = rest
    position += CENTRAL.size
    if position + name_length + extra_length + comment_length > len(buffer):
        _broken(path, "zip-directory", "has a record in its directory that is longer than the directory")
    raw_name = buffer[position : position + name_length]
    position += name_length
    extra = buffer[position : position + extra_length]
    position += extra_length + comment_length
    sizes = _wide(extra, size, compressed_size, offset)
    if sizes is None:
        _broken(path, "zip-extra", "has several zip64 fields, or one that is too short", decoded_name(raw_name))
    size, compressed_size, offset = sizes
    if disk not in (0, FILL_16):
        _broken(path, "zip-disks", "lies in another file", decoded_name(raw_name))
    record = ZipRecord(
        index=index,
        name=decoded_name(raw_name),
        raw_name=raw_name,
        flags=flags,
        method=method,
        crc=crc,
        compressed_size=compressed_size,
        size=size,
        offset=offset,
        attributes=attributes >> 16 if system in _UNIX_SYSTEMS else 0,
        dos_time=(time, date),
        other_names=frozenset(other_names(extra)),
    )
    return record, position


def decoded_name(raw_name: bytes) -> str:
    """Decode as the server does: always UTF-8, whatever the flag says; bytes that are none stay apart."""
    return raw_name.decode("utf-8", "surrogateescape")


def _wide(extra: bytes, *values: int) -> tuple[int, int, int] | None:
    """Return size, compressed size and offset, those that are filled taken from the zip64 field in this order."""
    fields = extra_fields(extra, ZIP64_EXTRA)
    if len(fields) > 1:
        return None
    found = []
    position = 0
    for value in values:
        if value == FILL_32 and fields:
            [field] = fields
            if position + 8 > len(field):
                return None
            value = int.from_bytes(field[position : position + 8], "little")
            position += 8
        found.append(value)
    size, compressed_size, offset = found
    return size, compressed_size, offset


def other_names(extra: bytes) -> set[bytes]:
    """Return the names in Info-ZIP's Unicode path fields."""
    return {field[5:] for field in extra_fields(extra, _UNICODE_PATH_EXTRA)}  # after a version and a CRC


def extra_fields(extra: bytes, wanted: int) -> list[bytes]:
    """Return the contents of all extra fields of one kind."""
    found = []
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        position += 4
        if position + length > len(extra):
            break  # as TorchServe does
        if kind == wanted:
            found.append(extra[position : position + length])
        position += length
    return found


def _broken(path: str, code: ReadCode, message: str, member: str | None = None) -> NoReturn:
    raise ArchiveError(path, message, code=code, member=member)


def _unsafe(path: str, code: ReadCode, message: str) -> NoReturn:
    raise UnsafeArchiveError(path, message, code=code)
