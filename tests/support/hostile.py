"""Archives that must not be unpacked, and how they are made (spec/README.md, ``archive/invalid/hostile``).

Built from the tables of the formats' fields, without any library that could refuse or correct them, and deflated
without zlib, so that the bytes are the same everywhere.
"""

from __future__ import annotations

import base64
import json
import re
import stat
import struct
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Json: TypeAlias = dict[str, Any]
Pieces: TypeAlias = "Sequence[bytes | tuple[bytes, int]]"

MANIFEST = "MAR-INF/MANIFEST.json"
TEXT = b'{"model": {"modelName": "m"}}'

# ---------------------------------------------------------------------------------------------------------- zip

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
        values: Json = {
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


def _header(fields: str, signature: bytes, values: Json) -> bytes:
    texts = [values[key] for key in (("name", "extra", "comment") if fields is CENTRAL else ("name", "extra"))]
    lengths = dict(zip(("name_length", "extra_length", "comment_length"), map(len, texts), strict=False))
    return record(fields, {"signature": signature, **lengths, **values}) + b"".join(texts)


# ---------------------------------------------------------------------------------------------------------- tgz

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


# ------------------------------------------------------------------------------------------------------- vectors


def case(
    title: str,
    archive: bytes | Pieces,
    code: str | None,
    member: str | None = None,
    *,
    error: str = "UnsafeArchiveError",
    file: str = "m.mar",
    **more: Any,
) -> Json:
    """Make a case; ``code`` None is for an archive that is fine."""
    expected = (
        {} if code is None else {"error": error, "code": code, **({} if member is None else {"member": member})}
    )
    pieces = [archive] if isinstance(archive, bytes) else archive
    found = [_piece(data, times) for piece in pieces for data, times in _runs(piece) if data]
    return {"title": title, "file": file, "archive": found, **more, "expected": expected}


def _runs(piece: bytes | tuple[bytes, int]) -> Iterator[tuple[bytes, int]]:
    """Take runs of one byte out of bytes: a tar is little else."""
    if isinstance(piece, tuple):
        yield piece
        return
    at = 0
    for run in re.finditer(rb"(.)\1{47,}", piece, re.DOTALL):
        yield piece[at : run.start()], 1
        yield run[1], len(run[0])
        at = run.end()
    yield piece[at:], 1


def _piece(data: bytes, times: int) -> Json:
    text = {"base64": base64.b64encode(data).decode()}
    return text if times == 1 else {**text, "times": times}


def archive_of(case: Json) -> bytes:
    """Return the bytes of a case."""
    return b"".join(base64.b64decode(piece["base64"]) * piece.get("times", 1) for piece in case["archive"])


def _plain(name: str, **more: Any) -> bytes:
    return zipped(Member(name, b"x", **more))


def _tgz(title: str, archive: bytes | Pieces, code: str | None, member: str | None = None, **more: Any) -> Json:
    return case(title, archive, code, member, **{"file": "m.tar.gz", **more})


def _broken(title: str, archive: bytes | Pieces, code: str, member: str | None = None, **more: Any) -> Json:
    return case(title, archive, code, member, **{"error": "ArchiveError", **more})


# What git leaves in a clone where Git LFS is not installed.
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"7" * 64 + b"\nsize 247105259\n"

NAMES = {
    "name-traversal": ["../x", "a/../../x", "a/../b", "..", "../outevil/x", "../.marpack", "a/.."],
    "name-absolute": ["/etc/x", "//x/y"],
    "name-drive": ["C:/x", "c:x"],
    "name-backslash": ["..\\x", "a\\b", "\\\\host\\share\\x"],
    "name-nul": ["a\0b", "MAR-INF/MANIFEST.json\0"],
    "name-dot": ["./a", "a//b", "a/./b", "."],
    "name-empty": [""],
    "name-long": ["a" * 256, "/".join(["a" * 250] * 17), "/".join(["a"] * 300)],
}


def names() -> Json:
    cases = []
    for code, listed in NAMES.items():
        for name in listed:
            shown = name if name.isprintable() else repr(name)[1:-1]
            title = shown if len(shown) < 40 else f"{len(shown)} characters"
            cases.append(case(f"zip: {title!r}", _plain(name), code, name or None))
            if name.startswith("/"):
                cases.append(_tgz(f"tgz: {title!r}", tarred(tar_member(name, b"x")), code, name))
            elif len(name) < 98 and "\0" not in name and name and name != "." and not name.startswith("./"):
                inner = name if code != "name-drive" else f"{name}"
                cases.append(
                    _tgz(f"tgz: m/{title!r}", tarred(tar_member(f"m/{inner}", b"x")), *_in_tgz(code, name))
                )
    cases += [
        case("a name that is not UTF-8", zipped(Member(b"\xff", b"x", flags=UTF8)), "name-encoding", "\udcff"),
        case("an overlong form", zipped(Member(b"a\xc0\xaf", b"x", flags=UTF8)), "name-encoding", "a\udcc0\udcaf"),
        case("another character set", zipped(Member("ä".encode("cp437"), b"x")), "zip-name-flag", "\udc84"),
        case("a folder", zipped(Member("../x/")), "name-traversal", "../x"),
        case("nothing but a slash", zipped(Member("/")), "name-empty"),
        _tgz("Latin-1 in a tgz", tarred(tar_member("m/ä".encode("latin-1"))), "name-encoding", "m/\udce4"),
        _tgz("all of the name", tarred(tar_member("../x", b"x")), "name-traversal", "../x"),
        _tgz("a folder in a tgz", tarred(tar_member("m/../../x/", kind=b"5")), "name-traversal", "m/../../x/"),
        _tgz(
            "in a PAX header", tarred(pax(("path", "m/../../x")), tar_member("m/x")), "name-traversal", "m/../../x"
        ),
        _tgz("absolute in a PAX header", tarred(pax(("path", "/x")), tar_member("m/x")), "name-absolute", "/x"),
        _tgz(
            "in a long name of GNU's",
            tarred(tar_member("././@LongLink", b"m/../../x\0", kind=b"L"), tar_member("m/x")),
            "name-traversal",
            "m/../../x",
        ),
        _tgz(
            "a NUL in a long name of GNU's",
            tarred(tar_member("././@LongLink", b"m/x\0y\0", kind=b"L"), tar_member("m/x")),
            "name-nul",
            "m/x\x00y",
        ),
        _tgz("joined of two parts", tarred(tar_member("../x", prefix=b"m/..")), "name-traversal", "m/../../x"),
        _tgz("the longest of all", tarred(pax(("path", "m/" + "a/" * 3000)), tar_member("m/x")), "name-long"),
    ]
    return {
        "title": "names that lead out of the folder, or that no folder takes",
        "clauses": ["R2", "R4", "R11"],
        "source": "server-behaviour A.5, E1: TorchServe refuses, misplaces or keeps them as they are; its check "
        "of '../<folder>evil/x' is one of a prefix and passes",
        "cases": cases,
    }


def _in_tgz(code: str, shown: str) -> tuple[str, str]:
    # A drive is one at the beginning only, which the first folder takes; the whole name is looked at first.
    return code, shown if code in ("name-drive", "name-dot") else f"m/{shown}"


def side_by_side() -> Json:
    one, other = Member("a", b"1"), Member("a", b"2")
    return {
        "title": "names that are two members",
        "clauses": ["R2", "R11"],
        "source": "server-behaviour A.5: the last of two equal names counts for TorchServe, the first for others; "
        "a file that is a folder too is refused",
        "cases": [
            case("the same name twice", zipped(one, other), "duplicate", "a"),
            case("two manifests", zipped(Member(MANIFEST, b"{}")), "duplicate", MANIFEST),
            case("names that differ in case", zipped(one, Member("A", b"2")), "case-collision", "A"),
            case("folders that differ in case", zipped(Member("d/a"), Member("D/b")), "case-collision", "D"),
            case(
                "a folder of its own and another case", zipped(Member("D/"), Member("d/b")), "case-collision", "D"
            ),
            case("beyond ASCII", zipped(Member("ß", b"1"), Member("SS", b"2")), "case-collision", "SS"),
            case("composed and decomposed", zipped(Member("é"), Member("e\u0301")), "case-collision", "e\u0301"),
            case("a file that is a folder", zipped(one, Member("a/b")), "file-and-folder", "a"),
            case("a folder that is a file", zipped(Member("a/b"), one), "file-and-folder", "a"),
            case("an empty folder that is a file", zipped(Member("a/"), one), "file-and-folder", "a"),
            _tgz("tgz: the same name twice", tarred(tar_member("m/a"), tar_member("m/a")), "duplicate", "a"),
            _tgz("tgz: below two folders", tarred(tar_member("m/a"), tar_member("n/a")), "duplicate", "a"),
            _tgz("tgz: case", tarred(tar_member("m/a"), tar_member("m/A")), "case-collision", "A"),
            _tgz(
                "tgz: a file that is a folder",
                tarred(tar_member("m/a"), tar_member("m/a/b")),
                "file-and-folder",
                "a",
            ),
        ],
    }


def kinds() -> Json:
    def of_kind(mode: int) -> Json:
        return {"attributes": (mode | 0o777) << 16}

    zips = [
        case("a link", zipped(Member("a", b"/etc/passwd", central=of_kind(stat.S_IFLNK))), "link", "a"),
        case(
            "a link of macOS",
            zipped(Member("a", b"x", central={**of_kind(stat.S_IFLNK), "made_by": 19 << 8 | 20})),
            "link",
            "a",
        ),
        case(
            "a link, and a file through it",
            zipped(Member("a", b"..", central=of_kind(stat.S_IFLNK)), Member("a/x", b"x")),
            "link",
            "a",
        ),
        case("a device", zipped(Member("a", central=of_kind(stat.S_IFBLK))), "device", "a"),
        case("a pipe", zipped(Member("a", central=of_kind(stat.S_IFIFO))), "device", "a"),
        case(
            "a folder by its type only", zipped(Member("a", central=of_kind(stat.S_IFDIR))), "folder-or-file", "a"
        ),
        case(
            "a file by its type only", zipped(Member("a/", central=of_kind(stat.S_IFREG))), "folder-or-file", "a/"
        ),
        case("a folder with contents", zipped(Member("a/", b"x")), "folder-or-file", "a/"),
        case("a member in a folder's contents", zipped(_folder_that_hides()), "folder-or-file", "a/"),
        case("encrypted", zipped(Member("a", b"x", flags=1)), "encrypted", "a"),
        case("strongly encrypted", zipped(Member("a", b"x", flags=0x41)), "encrypted", "a"),
        case("an unknown method", zipped(Member("a", b"x", method=99)), "zip-method", "a"),
        case("deflate64", zipped(Member("a", b"x", method=9)), "zip-method", "a"),
        case("bzip2", zipped(Member("a", b"x", method=12)), "zip-method", "a"),
        case("a folder by an unknown method", zipped(Member("a/", method=14)), "zip-method", "a/"),
    ]
    tars = [
        _tgz(title, tarred(tar_member("m/a", kind=kind, link=link)), code, "m/a")
        for title, kind, link, code in (
            ("a symbolic link in a tgz", b"2", b"../../../etc/passwd", "link"),
            ("a hard link in a tgz", b"1", b"/etc/passwd", "link"),
            ("a character device", b"3", b"", "device"),
            ("a block device", b"4", b"", "device"),
            ("a FIFO", b"6", b"", "device"),
            ("a sparse file", b"S", b"", "tar-type"),
            ("a continued file", b"M", b"", "tar-type"),
            ("a letter that nobody knows", b"~", b"", "tar-type"),
        )
    ]
    tars += [
        _tgz(
            "a link, and a file through it in a tgz",
            tarred(tar_member("m/a", kind=b"2", link=b".."), tar_member("m/a/x", b"x")),
            "link",
            "m/a",
        ),
        _tgz(
            "sparse by PAX",
            tarred(pax(("GNU.sparse.name", "m/b"), ("GNU.sparse.size", "9")), tar_member("m/a", b"x")),
            "tar-type",
            "m/a",
        ),
    ]
    return {
        "title": "members that are no files",
        "clauses": ["R3", "R11"],
        "source": "server-behaviour A.3, A.4, A.5, E1: of a link TorchServe makes a file with its text (zip) or "
        "an empty one (tgz); it refuses what is encrypted or compressed otherwise",
        "cases": [*zips, *tars],
    }


def _folder_that_hides() -> Member:
    """Make a folder in whose contents, behind a stream that ends early, another member lies."""
    hidden = zipped(Member("hidden.py", b"1"), manifest=False, end=None)[:40]
    inner = deflated(b"")
    packed = inner + struct.pack("<4s3L", b"PK\7\x08", 0, len(inner), 0) + hidden
    sizes = {"compressed": len(packed), "size": 0, "crc": 0}
    return Member(
        "a/",
        b"",
        8,
        DESCRIPTOR,
        {"crc": 0, "compressed": 0, "size": 0},
        sizes,
        packed,
        struct.pack("<4s3L", b"PK\7\x08", 0, len(packed), 0),
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
        _broken(
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


def directories() -> Json:
    a, b = Member("a", b"1"), Member("b", b"2")
    whole = zipped(a, b)
    directory = whole.index(b"PK\1\2")
    inner = zipped(Member("evil", b"x"))
    far = {"offset": FILL}
    return {
        "title": "a zip whose directory or end is not what it says",
        "clauses": ["R1", "R7", "R11"],
        "source": "server-behaviour A.4: TorchServe reads no directory, and takes what it cannot read for an "
        "empty archive; other programs read it",
        "cases": [
            _broken("nothing", b"", "zip-no-end"),
            _broken("a text", b"hello " * 20, "zip-no-end"),
            _broken("a gzip'd tar", tarred(tar_member("m/a")), "wrong-form"),
            _broken("a pointer of Git LFS", POINTER, "git-lfs"),
            case("two ends, one in the comment of the other", zipped(a, comment=inner), "zip-two-ends"),
            case("two ends, the second without its comment", zipped(a, comment=zipped(b) + b"\0"), "zip-two-ends"),
            case("bytes behind the end", zipped(a, behind=b"\0"), "zip-trailing"),
            _broken("cut off within the end", whole[:-3], "zip-no-end"),
            _broken("cut off before the end", whole[:-22], "zip-no-end"),
            _broken("cut off within the directory", whole[: directory + 20], "zip-no-end"),
            _broken("cut off within a member", whole[: directory - 5], "zip-no-end"),
            _broken("cut off within a header", whole[:20], "zip-no-end"),
            _broken("cut out before the end", whole[:30] + whole[-50:], "zip-truncated"),
            case("bytes between the directory and the end", zipped(a, end={"size": 46, "offset": 90}), "zip-gap"),
            _broken("one member too many", zipped(a, end={"count": 3, "here": 3}), "zip-directory"),
            _broken("one member too few", zipped(a, end={"count": 1, "here": 1}), "zip-directory"),
            _broken("more members than have room", zipped(a, end={"count": 9999, "here": 9999}), "zip-directory"),
            _broken("no record in the directory", whole.replace(b"PK\1\2", b"PK\1\3"), "zip-directory"),
            _broken(
                "a name longer than the directory",
                zipped(Member("a", central={"name_length": 9999})),
                "zip-directory",
            ),
            _broken("the second disk", zipped(a, end={"disk": 1}), "zip-disks"),
            _broken("a directory on another disk", zipped(a, end={"directory_disk": 1}), "zip-disks"),
            _broken("members on several disks", zipped(a, end={"count": 3}), "zip-disks"),
            _broken("a member on another disk", zipped(Member("a", b"1", central={"disk": 2})), "zip-disks", "a"),
            _broken("a 64-bit end that is nowhere", zipped(a, wide={"at": 1 << 60}, end=far), "zip-end"),
            _broken("a 64-bit end beyond all numbers", zipped(a, wide={"at": (1 << 64) - 1}, end=far), "zip-end"),
            _broken("a 64-bit end that is none", zipped(a, wide={"signature": b"PK\6\5"}, end=far), "zip-end"),
            case("a 64-bit end of another length", zipped(a, wide={"length": 45}, end=far), "zip-gap"),
            case("a 64-bit end that disagrees", zipped(a, wide={"count": 1, "here": 1}), "zip-two-ends"),
            _broken("a 64-bit end on another disk", zipped(a, wide={"locator_disk": 1}, end=far), "zip-disks"),
            case("a 64-bit end that is too short", zipped(a, wide={"length": 30}, end=far), "zip-gap"),
            case("a 64-bit end on two disks", zipped(a, wide={"disks": 2}, end=far), "zip-two-ends"),
            _broken("a 64-bit end on the second disk", zipped(a, wide={"disk": 1}, end=far), "zip-disks"),
            _broken(
                "a 64-bit end with a directory beyond all files",
                zipped(a, wide={"offset": (1 << 64) - 9}, end=far),
                "zip-truncated",
            ),
            case("a 64-bit end without need", zipped(a, wide={}), None),
            case("a 64-bit end that is needed", zipped(a, wide={}, end=far), None),
        ],
    }


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
            _tgz("zeros in a tgz", [*_gzip_of_zeros(text, size)], "too-large", error="LimitError"),
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
            _tgz(
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
            _broken(
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


def contents() -> Json:
    data = b"contents of a member"
    packed = deflated(data)
    broken = packed[:1] + b"\xff\xff" + packed[3:]
    manifest = {"model": {"modelName": "m", "serializedFile": "m.pt", "configFile": "c.yaml"}}
    sums = {"model": {"modelName": "m"}, "metadata": {"sha256": {"a": "0" * 64, "b": "1" * 64}}}

    def with_manifest(value: bytes | Json, *members: Member) -> bytes:
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        return zipped(*members, Member(MANIFEST, text), manifest=False)

    def bad(title: str, text: bytes) -> Json:
        return _broken(title, with_manifest(text), "bad-manifest", reading="manifest")

    def found(title: str, archive: bytes, *issues: tuple[str, str]) -> Json:
        return {**case(title, archive, None, reading="verify"), "expected": {"issues": sorted(map(list, issues))}}

    return {
        "title": "contents that are not what is said of them",
        "clauses": ["R9", "R10", "R11"],
        "source": "server-behaviour A.2, A.3, A.4, B.1: TorchServe holds each member against its own header while "
        "it unpacks, and the manifest is read by Gson and by Python's json",
        "cases": [
            _broken(
                f"a CRC that is not that of a {what} member",
                zipped(Member("a", data, method, 0, {"crc": 1}, {"crc": 1})),
                "crc",
                "a",
            )
            for what, method in (("stored", 0), ("deflated", 8))
        ]
        + [
            _broken(title, zipped(Member("a", data, 8, local=sizes, central=sizes, packed=what)), code, "a")
            for title, what, sizes, code in (
                ("a size that is too small", packed, {"size": 5}, "size-lies"),
                ("a size that is too large", packed, {"size": 50}, "size-lies"),
                ("bytes behind what is deflated", packed + b"\0", {}, "size-lies"),
                ("two streams", packed + packed, {"size": 2 * len(data)}, "size-lies"),
                ("no deflate stream", broken, {}, "deflate"),
                ("a stream with a zlib header", b"\x78\x9c" + packed, {}, "deflate"),
                ("a stream without an end", b"\0" + packed[1:], {}, "deflate"),
                ("a stream that breaks off", packed[:10], {}, "size-lies"),
                ("an empty member that is not", packed, {"size": 0, "crc": 0}, "size-lies"),
            )
        ]
        + [
            case("no such member", zipped(), "no-member", "x", error="ArchiveError", members=["x"]),
            _broken("no manifest", zipped(Member("a"), manifest=False), "no-manifest", reading="manifest"),
            _broken(
                "the manifest below a folder",
                zipped(Member(f"m/{MANIFEST}", TEXT), manifest=False),
                "no-manifest",
                reading="manifest",
            ),
            bad("a manifest that is not UTF-8", b"\xff{}"),
            bad("a manifest with a byte order mark", b"\xef\xbb\xbf" + TEXT),
            bad("a manifest that is no JSON", b"{'a': 1}"),
            bad("a manifest that is no object", b"[]"),
            bad("a manifest of many digits", b'{"x": ' + b"9" * 5000 + b"}"),
            _broken("a manifest of many brackets", _deep_manifest(100_000), "bad-manifest", reading="manifest"),
            found("all is there", zipped(Member("a", data))),
            found(
                "files that the manifest names, and that are not there",
                with_manifest(manifest, Member("m.pt")),
                ("c.yaml", "missing-file"),
            ),
            found(
                "sums of the manifest",
                with_manifest(sums, Member("a", data)),
                ("a", "digest"),
                ("b", "missing-file"),
            ),
            found(
                "two members with wrong CRCs",
                zipped(*(Member(name, data, 0, 0, {"crc": 1}, {"crc": 1}) for name in "ab")),
                ("a", "crc"),
                ("b", "crc"),
            ),
        ],
    }


def _deep_manifest(depth: int) -> Pieces:
    crc = zlib.crc32(b"[" * depth)
    sizes = {"crc": crc, "compressed": depth, "size": depth}
    archive = zipped(Member(MANIFEST, b"@" * depth, local=sizes, central=sizes), manifest=False)
    at = archive.index(b"@")
    return [archive[:at], (b"[", depth), archive[at + depth :]]


def tars() -> Json:
    a = tar_member("m/a", b"1")
    last = tar_member(f"m/{MANIFEST}", TEXT)
    whole = tarred(a)
    half = gzipped(a) + gzipped(last + bytes(1024))
    long_name = tar_member("././@LongLink", b"m/b\0", kind=b"L")

    def broken(title: str, archive: bytes, code: str, **more: Any) -> Json:
        return _tgz(title, archive, code, error="ArchiveError", **more)

    def number(field: bytes) -> bytes:
        return tarred(tar_member("m/a", size=field))

    return {
        "title": "a tgz that is none, or that readers take differently",
        "clauses": ["R1", "R4", "R6", "R9", "R11"],
        "source": "server-behaviour E1: TorchServe reads the first gzip member and the first tar in it, does not "
        "notice checksums, and drops the first folder of each name",
        "cases": [
            broken("nothing", b"", "gzip"),
            broken("a text", b"hello " * 200, "gzip"),
            broken("a zip", zipped(), "wrong-form"),
            broken("a pointer of Git LFS", POINTER, "git-lfs"),
            broken("a plain tar", a + last + bytes(1024), "gzip"),
            broken("unknown flags", whole[:3] + b"\x20" + whole[4:], "gzip"),
            broken("a header without an end", whole[:3] + b"\x08" + b"\1" * 30, "gzip"),
            broken("no deflate stream", whole[:10] + b"\7" + whole[11:], "gzip"),
            broken("cut off within its contents", whole[:900], "gzip-truncated"),
            broken("cut off before its sum", whole[:-8], "gzip-truncated"),
            broken("cut off within its sum", whole[:-3], "gzip-truncated"),
            broken("a wrong sum", tarred(a, crc=1), "crc"),
            broken("a wrong size", tarred(a, size=1), "crc"),
            _tgz("two gzip members", half, "gzip-members"),
            _tgz("an empty second gzip member", tarred(a, behind=gzipped(b"")), "gzip-members"),
            _tgz("bytes behind the end", tarred(a, behind=b"\0"), "gzip-trailing"),
            broken("no tar", gzipped(b"hello " * 200), "tar"),
            broken("cut off within a header", gzipped((a + last)[:1100]), "tar-truncated"),
            broken("cut off within a member", gzipped((a + last)[:1540]), "tar-truncated"),
            broken("a wrong checksum at first", tarred(tar_member("m/a", checksum=b"0000001\0")), "tar"),
            broken("a wrong checksum in the middle", tarred(a, tar_member("m/b", checksum=b"0000001\0")), "tar"),
            broken(
                "a wrong checksum at the end",
                tarred(a, last, tar_member("m/b", checksum=b"0000001\0"), manifest=False),
                "tar",
            ),
            broken("a size below zero", number(b"\xff" * 12), "tar"),
            broken("a size beyond all", number(b"\x80" + b"\x7f" * 11), "tar-truncated", limits={"size": 1 << 62}),
            broken("a size that is no number", number(b"0000000009z"), "tar"),
            broken("a size in two parts", number(b"1\x001\0"), "tar"),
            broken("a size of PAX's below zero", tarred(pax(("size", "-1")), tar_member("m/a")), "tar"),
            broken("a size of PAX's that is no number", tarred(pax(("size", "1_0")), tar_member("m/a")), "tar"),
            broken("an extended header that is none", tarred(tar_member("x", b"9 a=b", kind=b"x"), a), "tar"),
            broken(
                "an extended header with a second record that is none",
                tarred(tar_member("x", b"6 a=b\n" + b"z" * 20, kind=b"x"), a),
                "tar",
            ),
            broken(
                "an extended header without a member", tarred(a, last, pax(("path", "m/b")), manifest=False), "tar"
            ),
            broken("a huge extended header", tarred(tar_member("x", b"", kind=b"x", size=1 << 30), a), "tar"),
            broken("a huge long name", tarred(tar_member("x", b"", kind=b"L", size=1 << 30), a), "tar"),
            _tgz("two extended headers", tarred(pax(("path", "m/b")), pax(("path", "m/c")), a), "tar-header"),
            _tgz("two long names", tarred(long_name, long_name, a), "tar-header"),
            _tgz("a long name and one of PAX's", tarred(long_name, pax(("path", "m/c")), a), "tar-header"),
            _tgz("one name for all", tarred(pax(("path", "m/b"), kind=b"g"), a), "tar-header"),
            _tgz("one size for all", tarred(pax(("size", "0"), kind=b"g"), a), "tar-header"),
            _tgz(
                "sizes of holes in a GNU header",
                tarred(tar_member("m/a", magic=b"ustar  \0", end=b"\x80")),
                "tar-header",
            ),
            _tgz(
                "a first part of a name in a GNU header",
                tarred(tar_member("a", b"1", magic=b"ustar  \0", prefix=b"m/MAR-INF")),
                "tar-header",
            ),
            _tgz(
                "a first part of a name in an old header",
                tarred(tar_member("a", magic=b"", prefix=b"m")),
                "tar-header",
            ),
            _tgz("star's header", tarred(tar_member("a", prefix=b"m", end=b"\0" * 8 + b"tar\0")), "tar-header"),
            _tgz("a folder with contents", tarred(tar_member("m/d/", b"1", kind=b"5")), "tar-header"),
            _tgz("a file with a folder's name and contents", tarred(tar_member("m/d/", b"1")), "tar-header"),
            _tgz("a link with contents", tarred(tar_member("m/a", b"1", kind=b"1", link=b"b")), "tar-header"),
            _tgz("a second tar", tarred(a, end=bytes(1024) + a + last + bytes(1024)), "tar-trailing"),
            _tgz("zeros between members", tarred(a, bytes(512), last, manifest=False), "tar-trailing"),
            _tgz("bytes behind the tar", tarred(a, end=bytes(1024) + b"x"), "tar-trailing"),
            _tgz("a long name of GNU's", tarred(long_name, a), None),
            _tgz("a name of PAX's", tarred(pax(("path", "m/ü"), ("mtime", "1.5")), a), None),
            _tgz("a comment for all", tarred(pax(("comment", "x"), kind=b"g"), a), None),
            _tgz(
                "a folder of its own", tarred(tar_member("m/", kind=b"5"), tar_member("m/d/", kind=b"5"), a), None
            ),
            _tgz("names that begin with a dot", tarred(tar_member("./a", b"1"), tar_member("./d/b", b"2")), None),
            _tgz("no zeros at the end", tarred(a, end=b""), None),
            _tgz("numbers of 256s", tarred(tar_member("m/a", b"1", size=b"\x80" + bytes(10) + b"\1")), None),
            _tgz("an old header", tarred(tar_member("m/a", b"1", kind=b"\0", magic=b"")), None),
        ],
    }


def folders() -> Json:
    def given(title: str, files: Json, code: str | None, member: str | None = None, **more: Any) -> Json:
        made = case(title, b"", code, member, file="m", **more)
        del made["archive"]
        return {**made, "files": {f"m/{name}": file for name, file in files.items()}}

    manifest = {MANIFEST: {"text": TEXT.decode()}}
    return {
        "title": "folders, and what is neither a folder nor a file",
        "clauses": ["R1", "R3", "R5", "R11"],
        "source": "server-behaviour E1: TorchServe uses a folder as it is, through links too",
        "cases": [
            given("a link out of the folder", {**manifest, "a": {"link": "../elsewhere"}}, "link", "a"),
            given("a link to nowhere", {**manifest, "a": {"link": "nowhere"}}, "link", "a"),
            given("a link to the folder that it lies in", {**manifest, "a": {"link": "."}}, "link", "a"),
            given("a link that is all there is", {"a": {"link": "../out"}}, "link", "a"),
            given("a pipe", {**manifest, "a": {"fifo": True}}, "device", "a"),
            given("a backslash", {**manifest, "a\\b": {"text": ""}}, "name-backslash", "a\\b"),
            given(
                "names that differ in case",
                {**manifest, "a": {"text": ""}, "A": {"text": ""}},
                "case-collision",
                "a",
            ),
            given(
                "more members than allowed",
                {**manifest, **{str(number): {"text": ""} for number in range(8)}},
                "too-many-members",
                error="LimitError",
                limits={"members": 5},
            ),
            given("a link within the folder", {**manifest, "a": {"link": "MAR-INF/MANIFEST.json"}}, None),
            {
                "title": "a pipe in the place of an archive",
                "file": "m.mar",
                "files": {"m.mar": {"fifo": True}},
                "expected": {"error": "ArchiveError", "code": "not-a-file"},
            },
        ],
    }


VECTORS = {
    "names": names,
    "names-together": side_by_side,
    "kinds": kinds,
    "zip-headers": headers,
    "zip-directory": directories,
    "bombs": bombs,
    "contents": contents,
    "tgz": tars,
    "folders": folders,
}


def vectors(before: Callable[[str], Json | None]) -> dict[str, Json]:
    """Return the data of all vectors; what the server does with each is kept from what was there ``before``."""
    found = {}
    for name, make in VECTORS.items():
        data = make()
        known = {case["title"]: case for case in (before(name) or {"cases": []})["cases"]}
        for made in data["cases"]:
            answers = known.get(made["title"], {})
            made |= {key: answers[key] for key in ("server", "beside") if key in answers}
        found[name] = data
    return found
