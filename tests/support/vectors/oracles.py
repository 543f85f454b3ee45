"""What the official tool, ``zipfile`` and ``tarfile`` make of a vector, without marpack."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import time
import zipfile
from itertools import chain
from pathlib import Path
from typing import Any

from tests.support.official import run_official, write_file
from tests.support.vectors.description import LOCAL, hexadecimal
from tests.support.vectors.files import ZIP_SUFFIXES, Json
from tests.support.vectors.worlds import content_of, inside, tool_of

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
                info.extra = padding_after(archive.start_dir + LOCAL.size + len(member["name"].encode()))
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
            lengths = slice(LOCAL.size - 2, LOCAL.size)
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
