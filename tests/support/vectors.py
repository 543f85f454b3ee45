"""The vectors of the specification: load them, act them out, describe what came of it (spec/README.md).

``python -m tests.support.vectors dump`` writes the expectations of archives and manifests anew, never from
marpack: from the official tool where a vector names it as its oracle, else from ``zipfile``,
``tarfile`` and the members that the vector lists.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import math
import os
import re
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

import marpack
from marpack.archive.plan.extra_files import Patterns
from marpack.packing import export_path_issues, reporting
from tests.support import hostile
from tests.support.official import MODELS, WORKFLOWS, Tool, run_official, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack import WriteResult

Json: TypeAlias = dict[str, Any]

SPEC = Path(__file__).parents[2] / "spec"
FORMATS = ("archive", "manifest", "properties", "snapshot")
HOSTILE = "archive/invalid/hostile"
FOLDERS = (*(f"{name}/{kind}" for name in FORMATS for kind in ("valid", "invalid")), HOSTILE)
DUMPED = tuple(folder for folder in FOLDERS if folder.startswith(("archive/", "manifest/")))
MANIFEST = "MAR-INF/MANIFEST.json"
WORKFLOW_MANIFEST = "WAR-INF/MANIFEST.json"

TEXTS = {name: (SPEC / f"{name}.md").read_text("utf-8") for name in FORMATS}
CLAUSES = [
    clause for text in TEXTS.values() for clause in re.findall(r"^### ([A-Z][0-9]+)\. ", text, re.MULTILINE)
]
LETTERS = "AZTNWRMPS"
CITATION = re.compile(rf"\b[{LETTERS}][0-9]{{1,2}}\b")

ZIP_SUFFIXES = {".mar", ".war"}

_LINE = 110
_RECORD_LINE = 320
_SHORT = 200
_FEW_ZEROS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Vector:
    """One file below ``spec/vectors``."""

    name: str
    path: Path
    data: Json

    def text(self, data: Json | None = None) -> str:
        """Return the file's text as ``dump`` writes it."""
        return _layout(data or self.data) + "\n"

    def cases(self) -> list[tuple[str, Json]]:
        """Return the cases of a vector that holds several, completed by what they have in common."""
        shared = {key: value for key, value in self.data.items() if key != "cases"}
        return [(f"{self.name}: {case['title']}", {**shared, **case}) for case in self.data["cases"]]


def load(folder: str) -> list[Vector]:
    """Read the vectors of a folder, such as ``archive/valid``."""
    return [
        Vector(
            name=path.relative_to(SPEC / "vectors").with_suffix("").as_posix(),
            path=path,
            data=json.loads(path.read_text("ascii")),
        )
        for path in sorted((SPEC / "vectors" / folder).glob("*.json"))
    ]


def by_name(*values: Vector) -> pytest.MarkDecorator:
    """Run a test once for each vector."""
    return pytest.mark.parametrize("vector", values, ids=lambda vector: vector.name)


def each_case(cases: list[tuple[str, Json]]) -> pytest.MarkDecorator:
    """Run a test once for each case."""
    return pytest.mark.parametrize("case", [case for _, case in cases], ids=[name for name, _ in cases])


# ------------------------------------------------------------------------------------------------- clauses


def section(clause: str) -> str:
    """Return the text of a clause."""
    [found] = [
        body
        for text in TEXTS.values()
        for body in re.findall(rf"^### {clause}\. (.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    ]
    return str(found)


def codes(clause: str) -> dict[str, str]:
    """Return the codes in a clause's table, each with what stands in the column behind it."""
    return dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \|", section(clause), re.MULTILINE))


# ---------------------------------------------------------------------------------------------- inputs


def unique(pairs: list[tuple[str, Any]]) -> Json:
    """Let ``json`` read an object that gives no key twice."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError
    return dict(pairs)


def finite(number: str) -> float:
    """Let ``json`` read a number that is one."""
    if not math.isfinite(value := float(number)):
        raise ValueError(number)
    return value


def text_of(value: str | list[str]) -> str:
    """Return a text that a vector may give as its lines."""
    return value if isinstance(value, str) else "\n".join(value)


def content_of(file: Json) -> bytes:
    """Return the contents that a vector gives in one of its four ways."""
    if "base64" in file:
        return base64.b64decode(file["base64"])
    if "repeat" in file:
        text, count = file["repeat"]
        return text.encode() * count  # type: ignore[no-any-return]
    return text_of(file["lines"] if "lines" in file else file["text"]).encode()


def build_world(data: Json, world: Path) -> None:
    """Make the files of a vector below ``world``, and the empty export folder."""
    (world / "out").mkdir(parents=True)
    for name, file in data.get("files", {}).items():
        path = world / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "link" in file:
            path.symlink_to(file["link"])
        elif "folder" in file:
            path.mkdir()
        elif "fifo" in file:
            os.mkfifo(path)
        else:
            times = {"mtime_ns": file["mtime_ns"]} if "mtime_ns" in file else {}
            write_file(path, content_of(file), mode=int(file.get("mode", "0644"), 8), **times)


@contextlib.contextmanager
def inside(world: Path) -> Iterator[pytest.MonkeyPatch]:
    """Work in ``world`` under the umask that the vectors assume."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        umask = os.umask(0o022)
        try:
            yield patch
        finally:
            os.umask(umask)


def tool_of(data: Json) -> Tool:
    """Return the official tool for what a vector packs."""
    return WORKFLOWS if "workflow_name" in data["arguments"] else MODELS


def manifest_of(data: Json) -> str:
    """Return the name of the manifest in what a vector packs."""
    return WORKFLOW_MANIFEST if tool_of(data) is WORKFLOWS else MANIFEST


def pack(data: Json, world: Path) -> WriteResult:
    """Let marpack pack what a vector says."""
    with inside(world), contextlib.ExitStack() as stack:
        decoded = {name: _decode(value, stack) for name, value in data["arguments"].items()}
        if isinstance(extra_files := decoded.get("extra_files"), str):
            decoded["extra_files"] = Patterns(extra_files)  # as on the command line
        if tool_of(data) is WORKFLOWS:
            return _pack_workflow(**decoded)
        return marpack.pack(**{"export_path": "out", "version": "1.0", **decoded})


def _pack_workflow(*, export_path: str = "out", force: bool = False, **arguments: Any) -> WriteResult:
    with reporting(export_path_issues(export_path)):
        plan = marpack.plan_workflow(**arguments)
    return marpack.write_archive(plan, os.path.join(export_path, plan.file_name), force=force)


def _decode(value: Any, stack: contextlib.ExitStack) -> Any:
    """Turn JSON into an argument; an object with a ``$`` key is what JSON cannot say."""
    if isinstance(value, list):
        return [_decode(item, stack) for item in value]
    if not isinstance(value, dict):
        return value
    given: Any
    tag, given = next(iter(value.items()), ("", None))
    match tag:
        case "$base64":
            return base64.b64decode(given)
        case "$text":
            return given.encode()
        case "$list":
            return Patterns(given)
        case "$path":
            return Path(given)
        case "$open":
            return stack.enter_context(open(given, "rb"))
        case "$stream":
            return io.BytesIO(given.encode())
        case "$text-stream":
            return io.StringIO(given)
        case "$pipe":
            reader, writer = os.pipe()
            os.write(writer, given.encode())
            os.close(writer)
            return stack.enter_context(open(reader, "rb"))
        case "$tree":
            return marpack.tree(**given)
        case "$datetime":
            return datetime.fromisoformat(given)
        case "$float":
            return float(given)
        case "$owner":
            return marpack.Owner(**given)
        case _:
            return {name: _decode(item, stack) for name, item in value.items()}


# ------------------------------------------------------------------------------------------------ oracles


def archiver_argv(arguments: Json) -> list[str]:
    """Return the options that say the same to the official tool; ``ValueError`` if there are none."""
    argv = []
    is_workflow = "workflow_name" in arguments
    options: Json = {"export_path": "out", **({} if is_workflow else {"version": "1.0"}), **arguments}
    for name, value in options.items():
        if is_workflow and name in {"spec_file", "handler"} and isinstance(value, list):
            value = ",".join(value)
        if name in {"timestamp", "owner"}:
            continue
        if value is True:
            argv.append(f"--{name}")
        elif isinstance(value, str):
            argv.append(f"--{name.replace('_', '-')}={value}")
        else:
            raise ValueError(f"the official tool cannot be told {name}={value!r}")
    return argv


def run_archiver(data: Json, world: Path) -> tuple[int, str]:
    """Let the official tool pack what a vector says; return its exit status and standard error."""
    arguments = data["arguments"]
    owner = arguments.get("owner", {"$owner": {}})["$owner"]
    get_info = tarfile.TarFile.gettarinfo

    def owned(tar: tarfile.TarFile, *args: Any, **kwargs: Any) -> tarfile.TarInfo:
        # Who runs the tool is its surroundings, as the clock is: the vector says who.
        info = get_info(tar, *args, **kwargs)
        info.uid, info.gid = owner.get("uid", 0), owner.get("gid", 0)
        info.uname, info.gname = owner.get("user", ""), owner.get("group", "")
        return info

    with inside(world) as patch:
        patch.setattr(tarfile.TarFile, "gettarinfo", owned)
        outcome = run_official(archiver_argv(arguments), world, arguments.get("timestamp", 0), tool=tool_of(data))
    return outcome.status, outcome.stderr


def make_by_oracle(data: Json, world: Path) -> Path:
    """Make the archive without marpack and return where it is."""
    if data["oracle"] == "archiver":
        status, errors = run_archiver(data, world)
        if status:
            raise ValueError(f"the official tool failed: {errors}")
        [made] = (world / "out").iterdir()
        return made
    path: Path = world / "made" / data["file"]
    path.parent.mkdir()
    members = [
        (member, content_of(data["files"][member["from"]] if "from" in member else member))
        for member in data["members"]
    ]
    if path.suffix in ZIP_SUFFIXES:
        _make_zip(path, members)
    elif path.suffix == ".gz":
        _make_tgz(path, members, data["gzip_mtime"])
    else:
        for member, content in members:
            write_file(path / member["name"], content, mode=int(member["mode"], 8))
    return path


def _make_zip(path: Path, members: list[tuple[Json, bytes]]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members:
            year, month, day, hour, minute, second = member["date_time"]
            info = zipfile.ZipInfo(member["name"], (year, month, day, hour, minute, second))
            info.create_system = 3
            info.external_attr = int(member["mode"], 8) << 16
            info.compress_type = member["method"]
            if member.get("aligned"):
                info.extra = padding_after(archive.start_dir + _LOCAL.size + len(member["name"].encode()))
            archive.writestr(info, content)
            info.extra = b""  # Z9: it is in the local header alone


def padding_after(end: int) -> bytes:
    """Return the shortest field after which a multiple of 4,096 begins (Z9), found by trying."""
    fields = (struct.pack("<3H", 0xD935, 2 + zeros, 4096) + bytes(zeros) for zeros in range(2 * 4096))
    return next(field for field in chain([b""], fields) if (end + len(field)) % 4096 == 0)


def _make_tgz(path: Path, members: list[tuple[Json, bytes]], mtime: int) -> None:
    with (
        path.open("wb") as file,
        gzip.GzipFile(path.with_suffix(""), "wb", 9, file, mtime) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for member, content in members:
            info = tarfile.TarInfo(member["name"])
            info.size, info.mode, info.mtime = len(content), int(member["mode"], 8), member["mtime"]
            archive.addfile(info, io.BytesIO(content))


# ------------------------------------------------------------------------------------------- description


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


_LOCAL = struct.Struct("<4s5H3L2H")
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
        *values, name_length, extra_length = _LOCAL.unpack_from(data, position)[1:]
        local = dict(zip(_LOCAL_FIELDS, values, strict=True))
        name, extra, start = _tail(data, position + _LOCAL.size, name_length, extra_length)
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


# ------------------------------------------------------------------------------------------ zip records


class _Far(io.BytesIO):
    """A file in which only what is written last is kept, so that it may seem to be of any size."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self.truncate(super().seek(0))
        self._position = offset
        return offset

    def tell(self) -> int:
        return self._position + super().tell()


def records_by_zipfile(member: Json | None, directory: Json | None) -> Json:
    """Return what ``zipfile`` writes for a member, or after a directory, that is only pretended."""
    info = zipfile.ZipInfo("a")
    info.header_offset = info.CRC = 0
    if member:
        moment = time.gmtime(member["mtime"])[:6]
        info = zipfile.ZipInfo(member["name"], moment)
        info.compress_type, info.external_attr = member["method"], int(member["mode"], 8) << 16
        info.file_size, info.compress_size = member["size"], member["compressed_size"]
        info.CRC, info.header_offset = int(member["crc32"], 16), member["offset"]
    info.create_system = 3
    result = {}
    if member:
        wide = info.file_size * 1.05 > (1 << 31) - 1
        local = info.FileHeader(zip64=wide)
        if member.get("aligned"):
            # zipfile puts a field of the caller's before its own.
            field = padding_after(info.header_offset + len(local))
            lengths = slice(_LOCAL.size - 2, _LOCAL.size)
            extra_length = int.from_bytes(local[lengths], "little") + len(field)
            local = local[: lengths.start] + extra_length.to_bytes(2, "little") + local[lengths.stop :] + field
        result["local"] = hexadecimal(local)
    far = _Far()
    archive = zipfile.ZipFile(far, "w")
    archive.writestr("a", b"")
    archive.filelist[:] = [info] * (directory["count"] if directory else 1)
    archive.start_dir = directory["offset"] if directory else 0
    archive.close()
    written = far.getvalue()
    end = written.rindex(b"PK\5\6")
    if member:
        result["central"] = written[:end].hex()
    if directory:
        if directory["size"] >= len(written):
            raise ValueError("the directory is not as large as its vector says")
        result["end"] = written[directory["size"] :].hex()
    return result


# ------------------------------------------------------------------------------------------------ dump


def expected(data: Json, folder: Path) -> Json:
    """Return a vector's data with the expectation that its oracle makes now."""
    if "records" in data:
        records = [
            {**case, "expected": records_by_zipfile(case.get("member"), case.get("directory"))}
            for case in data["records"]
        ]
        return data | {"records": records}
    if data.get("oracle") is None:
        return data
    build_world(data, folder)
    path = make_by_oracle(data, folder)
    if "text" in data:
        return data | {"text": (path / MANIFEST).read_text("ascii").split("\n")}
    return data | {"expected": describe(path)}


def built_hostile() -> dict[str, Json]:
    """Return the vectors of hostile archives as they are built now, with the recorded answers of the server."""
    before = {vector.path.stem: vector.data for vector in load(HOSTILE)}
    return hostile.vectors(before.get)


def _dump() -> int:
    changed = 0
    for name, data in built_hostile().items():
        (SPEC / "vectors" / HOSTILE / f"{name}.json").write_text(_layout(data) + "\n", "ascii")
    for vector in [vector for folder in DUMPED for vector in load(folder)]:
        with tempfile.TemporaryDirectory() as folder:
            text = vector.text(expected(vector.data, Path(folder) / "world"))
        if text != vector.path.read_text("ascii"):
            vector.path.write_text(text, "ascii")
            print(f"changed: {vector.name}")
            changed += 1
    print(f"{changed} vectors changed")
    return 0


def _layout(value: Any, indent: int = 0) -> str:
    """Return JSON in which whatever fits into a line stands in one, and so does a record."""
    line = json.dumps(value)
    if not isinstance(value, (dict, list)) or len(line) + indent <= _LINE:
        return line
    if isinstance(value, dict):
        if indent > 2 and len(line) <= _RECORD_LINE and not any(map(_is_nested, value.values())):
            return line
        items = [f"{json.dumps(key)}: {_layout(item, indent + 2)}" for key, item in value.items()]
    else:
        items = [_layout(item, indent + 2) for item in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    inner = "\n" + " " * (indent + 2)
    return first + inner + f",{inner}".join(items) + "\n" + " " * indent + last


def _is_nested(value: object) -> bool:
    return isinstance(value, (dict, list))


if __name__ == "__main__":
    if sys.argv[1:] != ["dump"]:
        sys.exit("usage: python -m tests.support.vectors dump")
    sys.exit(_dump())
