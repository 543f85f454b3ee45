"""The headers of a tar, one after another (spec/archive.md, R6).

``tarfile`` forgives what other readers do not, and takes some headers otherwise than the server: a name of two
parts, a size behind a NUL, a bad checksum, which ends the archive in silence. Here all that is an error.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NoReturn, Protocol

from marpack.archive.names import MAX_NAME
from marpack.archive.read.random_access import read_whole
from marpack.errors import ArchiveError, UnsafeArchiveError
from marpack.frozen import frozen

_BLOCK_SIZE = 512
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12s")
_CHECKSUM = slice(148, 156)
_POSIX = b"ustar\x0000"
_XSTAR_END = b"tar\0"

FILE, FOLDER = b"0", b"5"
_FILES = {FILE, b"\0", b"7"}  # also of old tars, and contiguous ones
_WITHOUT_CONTENTS = {b"1", b"2", b"3", b"4", b"6"}
_LONG_NAME, _LONG_LINK = b"L", b"K"
_PAX, _PAX_FOR_ALL = b"x", b"g"
_EXTENDED = {_LONG_NAME, _LONG_LINK, _PAX, _PAX_FOR_ALL}

# Of a header that is longer than a block: names and the like, not contents.
_LONGEST_TEXT = 1 << 20
# With the part of it that has a field of its own.
_LONGEST_NAME = MAX_NAME + 155

_OCTAL = re.compile(rb"\ * ([0-7]*) [\ \0]*", re.VERBOSE)
_WHOLE = re.compile(r"-? [0-9]{1,19}", re.VERBOSE | re.ASCII)
_TIME = re.compile(r"-? [0-9]{1,19} (\. [0-9]*)?", re.VERBOSE | re.ASCII)
_PAX_NUMBERS = {"size": _WHOLE, "uid": _WHOLE, "gid": _WHOLE, "mtime": _TIME, "atime": _TIME, "ctime": _TIME}
_SPARSE = ("GNU.sparse", "SCHILY.realsize", "SCHILY.filetype")


class TarBytes(Protocol):
    """The bytes of a tar, one after another; ``position`` is how many have been read or skipped."""

    @property
    def position(self) -> int:
        """How many bytes lie behind."""

    def read(self, size: int, /) -> bytes:
        """Return some bytes, none at the end."""

    def skip(self, count: int, /) -> None:
        """Go on by so many bytes, or to the end."""


@frozen
class TarHeader:
    """What is said of one member; ``offset`` is where its contents begin in the tar.

    ``kind`` is the letter of its type, that of a file or a folder always the same; ``link`` is where a link leads.
    """

    name: str
    kind: bytes
    size: int
    mode: int
    mtime_ns: int
    # Numbers and names of user and group.
    owner: tuple[int, int, str, str]
    offset: int
    sparse: bool
    link: str


def read_headers(path: str, stream: TarBytes) -> Iterator[TarHeader]:
    """Yield the members' headers up to the zeros at the end; what is read of contents in between is the caller's.

    Raises ``ArchiveError`` for bytes that are no tar, ``UnsafeArchiveError`` for what readers take differently.
    """
    extended = _Extended(path)
    while (block := _exactly(path, stream, _BLOCK_SIZE, or_nothing=True)) and any(block):
        header = _header(path, block, stream.position)
        if header.kind in _EXTENDED:
            extended.add(header.kind, _text(path, stream, header.size))
            continue
        header = extended.apply(header)
        yield header
        following = header.offset + header.size + -header.size % _BLOCK_SIZE
        stream.skip(following - stream.position)
        if stream.position < following:
            raise ArchiveError(path, "breaks off within its last member: get it again", code="tar-truncated")
        extended = _Extended(path)
    if extended != _Extended(path):
        _broken(path, "ends with a header that belongs to no member")


def _header(path: str, block: bytes, offset: int) -> TarHeader:
    """Read what a block says by itself; its kind is the letter that stands there."""
    name, *fields, checksum, kind, link, magic, user, group, major, minor, prefix, end = _HEADER.unpack(block)
    if not _fits(block, _number(path, checksum)):
        _broken(path, "has a header with a wrong checksum: get it again")
    mode, uid, gid, size, mtime, *_ = [_number(path, field) for field in (*fields, major, minor)]
    if size < 0:
        _broken(path, "has a member of less than no bytes")
    text = _text_of(name)
    if kind not in _EXTENDED and ((magic != _POSIX and any(prefix + end)) or end.endswith(_XSTAR_END)):
        _unclear(path, f"has more in a header than all readers know of: {_shown(text)}")
    return TarHeader(
        name=f"{_text_of(prefix)}/{text}" if prefix[:1] != b"\0" else text,
        kind=kind,
        size=size,
        mode=mode & 0o7777,
        mtime_ns=mtime * 10**9,
        owner=(uid, gid, _text_of(user), _text_of(group)),
        offset=offset,
        sparse=False,
        link=_text_of(link),
    )


@dataclass(slots=True)
class _Extended:
    """What the headers before a member's own say of it."""

    path: str
    pax: dict[str, str] | None = None
    long_name: str | None = None
    long_link: str | None = None

    def add(self, kind: bytes, text: bytes) -> None:
        """Take in one of them."""
        if kind == _PAX:
            if self.pax is not None:
                _unclear(self.path, "has two extended headers for one member")
            self.pax = _pax_records(self.path, text)
        elif kind == _PAX_FOR_ALL:
            if any(key in ("path", "size") or key.startswith(_SPARSE) for key in _pax_records(self.path, text)):
                _unclear(self.path, "has one header that gives all members a name or a size")
        elif kind == _LONG_NAME:
            if self.long_name is not None:
                _unclear(self.path, "has two long names for one member")
            self.long_name = _long_text(text)
        else:
            self.long_link = _long_text(text)

    def apply(self, header: TarHeader) -> TarHeader:
        """Return the header of the member with what they say instead."""
        pax = self.pax or {}
        if self.long_name is not None and "path" in pax:
            _unclear(self.path, f"has a member with two names: {_shown(header.name)}")
        raw_name = header.name if self.long_name is None else self.long_name
        name = pax.get("path", raw_name)
        if len(name) > _LONGEST_NAME:
            message = f"has a member with a name of {len(name):,} characters"
            raise UnsafeArchiveError(self.path, message, code="name-long")
        size = int(pax.get("size", header.size))
        if size < 0:
            _broken(self.path, "has a member of less than no bytes")
        is_folder = header.kind == FOLDER or (header.kind in _FILES and name.endswith("/"))
        if size and (is_folder or header.kind in _WITHOUT_CONTENTS):
            _unclear(self.path, f"has something with contents that is no file: {_shown(raw_name)}")
        kind = FILE if header.kind in _FILES else header.kind
        uid, gid, user, group = header.owner
        numbers = int(pax.get("uid", uid)), int(pax.get("gid", gid))
        return replace(
            header,
            name=name,
            kind=FOLDER if is_folder else kind,
            size=size,
            mtime_ns=_nanoseconds(pax["mtime"]) if "mtime" in pax else header.mtime_ns,
            owner=(*numbers, pax.get("uname", user), pax.get("gname", group)),
            sparse=any(key.startswith(_SPARSE) for key in pax),
            link=pax.get("linkpath", header.link if self.long_link is None else self.long_link),
        )


def _text_of(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _long_text(text: bytes) -> str:
    return text.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _nanoseconds(seconds: str) -> int:
    # As a double, which is how times are written (T4); of those far away, all digits.
    return round(float(seconds) * 10**9) if "." in seconds else int(seconds) * 10**9


def _text(path: str, stream: TarBytes, size: int) -> bytes:
    if size > _LONGEST_TEXT:
        _broken(path, f"has a header of {size:,} bytes")
    return _exactly(path, stream, size + -size % _BLOCK_SIZE)[:size]


def _exactly(path: str, stream: TarBytes, size: int, *, or_nothing: bool = False) -> bytes:
    data = read_whole(stream.read, size)
    if len(data) < size and (data or not or_nothing):
        raise ArchiveError(path, "breaks off within a header: get it again", code="tar-truncated")
    return data


def _fits(block: bytes, checksum: int) -> bool:
    """Tell whether it is the sum of a header's bytes, as they should be taken or as some programs took them."""
    blank = bytearray(block)
    blank[_CHECKSUM] = b" " * 8
    difference = sum(blank) - checksum
    return not difference or difference == 256 * sum(byte > 127 for byte in blank)


def _number(path: str, field: bytes) -> int:
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big") - (256 ** (len(field) - 1) if field[0] == 0xFF else 0)
    found = _OCTAL.fullmatch(field)
    if not found:
        _broken(path, f"has a header with {field!r} for a number")
    return int(found[1] or b"0", 8)


def _pax_records(path: str, text: bytes) -> dict[str, str]:
    """Read ``<length> <key>=<value>`` lines; a key without a value is none."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        blank = text.find(b" ", position, position + 8)
        digits = text[position : max(blank, position)]
        if not digits.isdigit():
            _broken(path, "has an extended header that is none")
        length = int(digits)
        record = text[blank + 1 : position + length]
        raw_key, _, value = record.partition(b"=")
        if not (raw_key and value.endswith(b"\n") and position + length <= len(text)):
            _broken(path, "has an extended header that is none")
        found[raw_key.decode("utf-8", "replace")] = value[:-1].decode("utf-8", "surrogateescape")
        position += length
    found = {key: value for key, value in found.items() if value}
    for key, pattern in _PAX_NUMBERS.items():
        if key in found and not pattern.fullmatch(found[key]):
            _broken(path, f"has an extended header with {found[key][:40]!r} for a number")
    return found


def _shown(name: str) -> str:
    return repr(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _broken(path: str, message: str) -> NoReturn:
    raise ArchiveError(path, f"{message} (its tar is broken)", code="tar")


def _unclear(path: str, message: str) -> NoReturn:
    raise UnsafeArchiveError(path, message, code="tar-header")
