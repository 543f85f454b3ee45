"""The header before each member of a zip, held against the directory: what a reader from the beginning finds."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from operator import attrgetter

from marpack.archive.formats.zip_records import ALIGNMENT, ENCRYPTED, FILL_32, HAS_DESCRIPTOR, LOCAL, UTF8_NAME
from marpack.archive.forms import Compression
from marpack.archive.read.random_access import RandomAccess
from marpack.archive.read.zip_directory import ZIP64_EXTRA, ZipRecord, decoded_name, extra_fields, other_names
from marpack.errors import UnsafeArchiveError
from marpack.findings import Issue
from marpack.issue_codes import ReadCode

# What nothing is deflated to: 2 bytes, or 5.
_MOST_FOR_NOTHING = 16
_OTHER_NAME = "has a second name, by which some programs go"


class LocalHeaders:
    """The headers before the members, each of which is read once: by what first asks for it.

    ``records`` are those of the directory, in its order, and ``directory`` is where that begins.
    """

    def __init__(self, data: RandomAccess, records: Sequence[ZipRecord], directory: int) -> None:
        self._data = data
        self._records = records
        self._directory = directory
        # Where contents begin, by the record's index, once the header has been read and nothing is wrong with it.
        self._starts: list[int | None] = [None] * len(records)

    def data_offset(self, path: str, record: ZipRecord) -> int:
        """Return where a member's contents begin; raise ``UnsafeArchiveError`` if its header says otherwise."""
        issue, start = self._read(record)
        if issue:
            raise UnsafeArchiveError(path, issue.message, code=issue.code, member=record.name)
        return start

    def _read(self, record: ZipRecord) -> tuple[Issue | None, int]:
        known = self._starts[record.index]
        if known is not None:
            return None, known
        issue, start = _local_issue(self._data, record)
        if not issue:
            self._starts[record.index] = start
        return issue, start

    def issues(self) -> Iterator[Issue]:
        """Yield what the server, which reads from the beginning, would find otherwise than in the directory."""
        ordered = sorted(self._records, key=attrgetter("offset"))
        for record in self._records:
            yield from _record_issues(record)
        if self._directory and not ordered:
            message = "has bytes before its directory, which has no members"
            yield Issue(code="zip-gap", argument="", message=message)
        if ordered and ordered[0].offset:
            where = f"begins {ordered[0].offset:,} bytes into the archive"
            yield _issue("zip-prepended", ordered[0], f"{where}, of which TorchServe then reads nothing")
        # Z9: a header may be longer by what fills it up.
        self._data.expect(
            (record.offset, record.offset + _likely_length(record) + ALIGNMENT) for record in ordered
        )
        ends = []
        for record in ordered:
            issue, start = self._read(record)
            if issue:
                yield issue
            elif record.name.endswith("/") and not _is_empty(self._data, record, start):
                yield _issue("folder-or-file", record, "is a folder, and has contents")
            ends.append(start + record.compressed_size)
        followings = [*(record.offset for record in ordered[1:]), self._directory]
        for record, end, following in zip(ordered, ends, followings, strict=False):
            yield from _border_issues(self._data, record, end, following)


def _is_empty(data: RandomAccess, record: ZipRecord, start: int) -> bool:
    """Look at a folder's contents, which nobody unpacks: other members could lie in them."""
    if record.size or record.crc or record.compressed_size > _MOST_FOR_NOTHING:
        return False
    content = data.read_at(start, record.compressed_size)
    if record.method == Compression.STORED:
        return not content
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return not stream.decompress(content) and stream.eof and not stream.unused_data
    except zlib.error:
        return False


def _record_issues(record: ZipRecord) -> Iterator[Issue]:
    if record.flags & ENCRYPTED:
        yield _issue("encrypted", record, "is encrypted, which TorchServe refuses: pack it without a password")
    if record.method not in (Compression.STORED, Compression.DEFLATED):
        message = f"is compressed by method {record.method}, and TorchServe knows 0 and 8 only: pack it again"
        yield _issue("zip-method", record, message)
    elif record.method == Compression.STORED and record.compressed_size != record.size:
        message = f"is stored, and has {record.size:,} bytes in {record.compressed_size:,}"
        yield _issue("size-lies", record, message)
    kind = stat.S_IFMT(record.attributes)
    is_folder = record.name.endswith("/")
    if kind == stat.S_IFLNK:
        yield _issue("link", record, "is a link: pack the file that it leads to")
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield _issue("device", record, "is neither a file nor a folder")
    elif (kind == stat.S_IFDIR and not is_folder) or (is_folder and kind == stat.S_IFREG):
        yield _issue("folder-or-file", record, "is a folder by its name or its type, and a file by the other")
    if record.other_names - {record.raw_name}:
        yield _issue("zip-other-name", record, _OTHER_NAME)
    if not record.raw_name.isascii() and not record.flags & UTF8_NAME:
        message = "does not say that its name is UTF-8, as which TorchServe takes it and others do not"
        yield _issue("zip-name-flag", record, message)


def _border_issues(data: RandomAccess, record: ZipRecord, end: int, following: int) -> Iterator[Issue]:
    """Look at what lies between the contents of a member and what follows: nothing, or its descriptor."""
    if end > following:
        yield _issue("zip-overlap", record, "shares bytes with what follows it, as only bombs do")
        return
    between = following - end
    if record.flags & HAS_DESCRIPTOR:
        if record.method == Compression.STORED:
            message = "is stored with its size behind it, which TorchServe refuses: pack it again"
            yield _issue("zip-stored-descriptor", record, message)
            return
        if between not in (12, 16, 20, 24):
            yield _issue("zip-gap", record, _gap(between))
            return
        wide = between >= 20
        fits = max(record.compressed_size, record.size) <= FILL_32
        numbers = b""
        if wide or fits:
            numbers = struct.pack("<L2Q" if wide else "<3L", record.crc, record.compressed_size, record.size)
        signature = b"PK\7\x08"
        descriptor = data.read_at(end, between)
        signed = descriptor.startswith(signature)
        if signed != (between in (16, 24)) or descriptor.removeprefix(signature) != numbers:
            message = "has sizes or a CRC behind it that are not those of the directory"
            yield _issue("zip-descriptor", record, message)
        elif wide and fits:
            message = "has sizes of 64 bits behind it without need, which TorchServe refuses: pack it again"
            yield _issue("zip-descriptor", record, message)
    elif between:
        yield _issue("zip-gap", record, _gap(between))


def _gap(between: int) -> str:
    what = f"is followed by {between:,} bytes that belong to nothing"
    return f"{what}, where TorchServe stops reading: pack it again"


def _likely_length(record: ZipRecord) -> int:
    return LOCAL.size + len(record.raw_name) + 64


def _local_issue(data: RandomAccess, record: ZipRecord) -> tuple[Issue | None, int]:
    """Return how the header before a member differs from the directory, and where its contents begin."""
    header = data.read_at(record.offset, _likely_length(record))
    if len(header) < LOCAL.size or not header.startswith(b"PK\3\4"):
        message = "has no header where the directory says that it begins"
        return _issue("zip-no-header", record, message), record.offset
    _, _, flags, method, _, _, crc, compressed_size, size, name_length, extra_length = LOCAL.unpack_from(header)
    start = record.offset + LOCAL.size + name_length + extra_length
    raw_name = header[LOCAL.size : LOCAL.size + name_length]
    if raw_name != record.raw_name:
        message = f"is called {decoded_name(raw_name)!r} in its own header, the name that TorchServe unpacks"
        return _issue("zip-local-name", record, message), start
    extra_start = LOCAL.size + name_length
    extra = header[extra_start : extra_start + extra_length]
    if len(extra) < extra_length:
        extra = data.read_at(record.offset + extra_start, extra_length)
    if FILL_32 in (size, compressed_size):
        fields = extra_fields(extra, ZIP64_EXTRA)
        # TorchServe takes the last of several, and both sizes from it.
        if len(fields) != 1 or len(fields[0]) < 16:
            message = "has no zip64 field with both sizes in its own header, or several"
            return _issue("zip-extra", record, message), start
        size, compressed_size = struct.unpack_from("<QQ", fields[0])
    if other_names(extra) - {raw_name}:
        return _issue("zip-other-name", record, _OTHER_NAME), start
    significant = ENCRYPTED | HAS_DESCRIPTOR | (0 if raw_name.isascii() else UTF8_NAME)
    said = [("method", method, record.method), ("flags", flags & significant, record.flags & significant)]
    if not (flags & HAS_DESCRIPTOR and crc == size == compressed_size == 0):  # else they stand behind the contents
        said += [("CRC", crc, record.crc), ("compressed size", compressed_size, record.compressed_size)]
        said += [("size", size, record.size)]
    if differs := [what for what, here, there in said if here != there]:
        mine = f"has another {', '.join(differs)} in its own header, which TorchServe goes by"
        return _issue("zip-local-header", record, f"{mine}, than in the directory, which others go by"), start
    return None, start


def _issue(code: ReadCode, record: ZipRecord, message: str) -> Issue:
    return Issue(code=code, argument=record.name, message=message)
