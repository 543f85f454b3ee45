"""Everything of an archive that does not depend on a build of zlib."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import struct
import zipfile
import zlib
from pathlib import Path

from tests.support.vectors.files import ZIP_SUFFIXES, Json

_SHORT = 200
_FEW_ZEROS = 16


def describe(path: Path) -> Json:
    """Say everything of an archive that does not depend on a build of zlib.

    Reads forward as the server does, and takes nothing for granted: ``ValueError`` for what breaks a clause
    that all archives of a form obey.
    """
    if path.is_dir():
        return {"file": path.name, "tree": _describe_tree(path)}
    data = path.read_bytes()
    return {"file": path.name, **(_describe_zip(data) if path.suffix in ZIP_SUFFIXES else _describe_tgz(data))}


def _describe_content(data: bytes) -> Json:
    with contextlib.suppress(UnicodeDecodeError):
        text = data.decode()
        if len(data) <= _SHORT and "\n" not in text[:-1]:
            return {"text": text}
        if len(text.splitlines()) <= _SHORT:
            return {"lines": text.split("\n")}
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _describe_tree(folder: Path) -> Json:
    tree = {}
    for path in sorted(folder.rglob("*")):
        mode = {"mode": f"{path.lstat().st_mode & 0o7777:04o}"}
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ValueError(f"{path} is neither a file nor a folder")
        if path.is_file():
            tree[path.relative_to(folder).as_posix()] = mode | _describe_content(path.read_bytes())
        elif not any(path.iterdir()):
            raise ValueError(f"{path} is empty")
    return tree


LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_FIELDS = ("version_needed", "flags", "method", "time", "date", "crc32", "compressed_size", "size")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_CENTRAL_FIELDS = (
    *("version_made_by", *_LOCAL_FIELDS, "name_length", "extra_length", "comment_length", "disk"),
    *("internal_attributes", "external_attributes", "offset"),
)
_END = struct.Struct("<4s4H2LH")
_END_FIELDS = (
    *("disk", "directory_disk", "disk_count", "count"),
    *("directory_size", "directory_offset", "comment_length"),
)
_HEX = {"flags": 6, "time": 6, "date": 6, "crc32": 10, "version_made_by": 6, "external_attributes": 10}


def _describe_zip(data: bytes) -> Json:
    members: list[Json] = []
    offsets, position, content = [], 0, b""
    while data[position : position + 4] == b"PK\3\4":
        offsets.append(position)
        *values, name_length, extra_length = LOCAL.unpack_from(data, position)[1:]
        local = dict(zip(_LOCAL_FIELDS, values, strict=True))
        name, extra, start = _tail(data, position + LOCAL.size, name_length, extra_length)
        position = start + local["compressed_size"]
        content = _unpack(data[start:position], local)
        members.append({"name": name, "local": local | {"extra": extra}})
    directory = position
    for member, offset in zip(members, offsets, strict=True):
        if data[position : position + 4] != b"PK\1\2":
            raise ValueError(f"no central header at {position}")
        central = dict(zip(_CENTRAL_FIELDS, _CENTRAL.unpack_from(data, position)[1:], strict=True))
        lengths = central.pop("name_length"), central.pop("extra_length")
        name, extra, position = _tail(data, position + _CENTRAL.size, *lengths)
        if (name, central.pop("offset")) != (member["name"], offset):
            raise ValueError(f"the central header of {name!r} belongs to another member")
        if any(central.pop(field) != member["local"][field] for field in _LOCAL_FIELDS):
            raise ValueError(f"the central header of {name!r} differs from the local header")
        member["central"] = central | {"extra": extra}
    if len(data) != position + _END.size or data[position : position + 4] != b"PK\5\6":
        raise ValueError("the directory and the end record do not follow the members at once")
    end = dict(zip(_END_FIELDS, _END.unpack_from(data, position)[1:], strict=True))
    if end.pop("directory_offset") != directory:
        raise ValueError("the end record names another directory")
    for member in members:
        if member["local"]["method"] == zipfile.ZIP_DEFLATED:
            del member["local"]["compressed_size"]
        for side in ("local", "central"):
            member[side] = {
                key: f"{value:#0{_HEX[key]}x}" if key in _HEX else value for key, value in member[side].items()
            }
    result: Json = {"manifest": content.decode("ascii").split("\n"), "members": members, "end": end}
    if all(member["local"]["method"] == zipfile.ZIP_STORED for member in members) and len(data) <= 4096:
        result["base64"] = base64.b64encode(data).decode()
    return result


def _tail(data: bytes, start: int, name_length: int, extra_length: int) -> tuple[str, str, int]:
    middle, end = start + name_length, start + name_length + extra_length
    return data[start:middle].decode(), hexadecimal(data[middle:end]), end


def hexadecimal(extra: bytes) -> str:
    """Write an extra field in hexadecimal, with the many zeros at its end counted."""
    filled = extra.rstrip(b"\0")
    zeros = len(extra) - len(filled)
    return extra.hex() if zeros <= _FEW_ZEROS else f"{filled.hex()}00x{zeros}"


def _unpack(data: bytes, local: Json) -> bytes:
    if local["method"] == zipfile.ZIP_DEFLATED:
        decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        data = decompressor.decompress(data)
        if not decompressor.eof or decompressor.unused_data:
            raise ValueError("a member is not one whole deflate stream")
    if (len(data), zlib.crc32(data)) != (local["size"], local["crc32"]):
        raise ValueError("a local header does not fit its member")
    return data


_GZIP = struct.Struct("<2sBBLBB")
_GZIP_FIELDS = ("method", "flags", "mtime", "extra_flags", "system")
# POSIX pax, "ustar Interchange Format".
_USTAR = struct.Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12x")
_USTAR_FIELDS = (
    *("name", "mode", "uid", "gid", "size", "mtime", "checksum", "type", "linkname"),
    *("magic", "version", "uname", "gname", "devmajor", "devminor", "prefix"),
)
_BLOCK = 512


def _describe_tgz(data: bytes) -> Json:
    head = dict(zip(_GZIP_FIELDS, _GZIP.unpack_from(data)[1:], strict=True))
    name = data[_GZIP.size : data.index(b"\0", _GZIP.size)].decode("latin-1")
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
    tar = decompressor.decompress(data)
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("not one whole gzip member")
    blocks, position, content = [], 0, b""
    while tar[position] != 0:
        fields = zip(_USTAR_FIELDS, _USTAR.unpack_from(tar, position), strict=True)
        header = {field: text for field, value in fields if (text := value.rstrip(b"\0").decode("latin-1"))}
        start = position + _BLOCK
        end = start + int(header["size"], 8)
        position = end + -end % _BLOCK
        content = tar[start:end]
        if any(tar[end:position]):
            raise ValueError(f"{header['name']} is not padded with zeros")
        blocks.append({"header": header, **_describe_content(content)})
    if any(tar[position:]):
        raise ValueError("something follows the end of the tar")
    return {
        "gzip": head | {"name": name},
        "manifest": content.decode("ascii").split("\n"),
        "tar": blocks,
        "zeros_at_end": len(tar) - position,
    }
