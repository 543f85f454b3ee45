"""The archive as a file: how it is called and put together."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

from tests.checks.cases.case import HANDLER, Archive, Case
from tests.support.archives import finally_in_finally

FILES: dict[str, str | bytes] = {"handler.py": HANDLER}
GOOD = Archive(files=FILES)
NOT_SAVED = r"Failed to save model: {name}"


def again(data: bytes, *, method: int = zipfile.ZIP_DEFLATED, sink: io.RawIOBase | None = None) -> bytes:
    """Write a zip's members in another way."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(sink or buffer, "w", method) as after:
        for name in before.namelist():
            after.writestr(name, before.read(name))
    return buffer.getvalue()


class Pipe(io.RawIOBase):
    """What cannot seek: sizes then stand behind the members."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self.data += part
        return len(part)


def streamed(data: bytes) -> bytes:
    pipe = Pipe()
    again(data, method=zipfile.ZIP_STORED, sink=pipe)
    return bytes(pipe.data)


def encrypted(data: bytes) -> bytes:
    """Set the flag before and behind: what the server and what everything else goes by."""
    changed = bytearray(data)
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = changed.index(signature) + flags
        changed[place : place + 2] = struct.pack("<H", 1)
    return bytes(changed)


def with_gap(data: bytes) -> bytes:
    """Put a byte before the second member, and correct the directory, as a program that aligns does."""
    second = data.index(b"PK\3\4", 4)
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    directory = bytearray(data[start:end])
    place = directory.index(b"PK\1\2", 4)
    directory[place + 42 : place + 46] = struct.pack("<L", second + 1)
    tail = bytearray(data[end:])
    tail[16:20] = struct.pack("<L", start + 1)
    return b"".join([data[:second], b"\0", data[second:start], directory, tail])


def in_two(data: bytes) -> bytes:
    """Compress the tar in two halves, one behind the other."""
    tar = gzip.decompress(data)
    return gzip.compress(tar[:700]) + gzip.compress(tar[700:])


def with_one_name(data: bytes) -> bytes:
    """Give the second member the name of the first."""
    return data.replace(b"renamed.py", b"handler.py")


def wrong_crc(data: bytes) -> bytes:
    """Change the CRC of the first member, before and behind."""
    changed = bytearray(data)
    for signature, place in ((b"PK\3\4", 14), (b"PK\1\2", 16)):
        changed[changed.index(signature) + place] ^= 1
    return bytes(changed)


CASES = [
    Case(
        code="container-structure",
        title="bzip2",
        broken=Archive(files=FILES, raw=lambda data: again(data, method=zipfile.ZIP_BZIP2)),
        repaired=GOOD,
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="stored into a pipe",
        broken=Archive(files=FILES, raw=streamed),
        repaired=GOOD,
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="encrypted",
        broken=Archive(files=FILES, raw=encrypted),
        repaired=GOOD,
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="a byte between members",
        broken=Archive(files=FILES, raw=with_gap),
        repaired=GOOD,
        fails="register",
        says=r"Model name is not defined\.",
    ),
    Case(
        code="container-structure",
        title="something before it",
        broken=Archive(files=FILES, raw=lambda data: b"#!/usr/bin/env python\n" + data),
        repaired=GOOD,
        fails="register",
        says=r"Model name is not defined\.",
    ),
    Case(
        code="container-structure",
        title="no zip",
        broken=Archive(files=FILES, raw=lambda data: b"version https://git-lfs.github.com/spec/v1\n"),
        repaired=GOOD,
        fails="register",
        says=r"Model name is not defined\.",
    ),
    Case(
        code="container-structure",
        title="cut off",
        broken=Archive(files=FILES, raw=lambda data: data[: data.index(b"PK\3\4", 4) - 10]),
        repaired=GOOD,
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="a wrong byte",
        broken=Archive(files=FILES, raw=wrong_crc),
        repaired=GOOD,
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="two gzip members",
        broken=Archive(files=FILES, form="tgz", raw=in_two),
        repaired=Archive(files=FILES, form="tgz"),
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="a tar that is not compressed",
        broken=Archive(files=FILES, form="tgz", raw=gzip.decompress),
        repaired=Archive(files=FILES, form="tgz"),
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="a zip called tar.gz",
        broken=Archive(files=FILES, suffix=".tar.gz"),
        repaired=Archive(files=FILES, form="tgz"),
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="a tar called mar",
        broken=Archive(files=FILES, form="tgz", suffix=".mar"),
        repaired=GOOD,
        fails="register",
        says=r"Model name is not defined\.",
    ),
    Case(
        code="container-structure",
        title="one name twice",
        broken=Archive(files={**FILES, "renamed.py": "raise ValueError\n"}, raw=with_one_name),
        repaired=GOOD,
        fails="worker",
        says="ValueError",
    ),
    Case(
        code="container-structure",
        title="a name that is absolute",
        broken=Archive(files={**FILES, "/data.txt": "x"}),
        repaired=Archive(files={**FILES, "data.txt": "x"}),
        fails="serves",
    ),
    Case(
        code="container-structure",
        title="a way out",
        broken=Archive(files={**FILES, "../outside.txt": "x"}),
        repaired=Archive(files={**FILES, "inside.txt": "x"}),
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="a file and a folder",
        broken=Archive(files={**FILES, "data": "x", "data/one.txt": "x"}),
        repaired=Archive(files={**FILES, "data/one.txt": "x"}),
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="a backslash",
        broken=Archive(files={**FILES, "data\\one.txt": "x"}),
        repaired=Archive(files={**FILES, "data/one.txt": "x"}),
        fails="serves",
    ),
    Case(
        code="container-structure",
        title="a zip in capitals",
        broken=Archive(files=FILES, suffix=".MAR"),
        repaired=GOOD,
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-structure",
        title="a zip called zip",
        broken=Archive(files=FILES, suffix=".zip"),
        repaired=GOOD,
        fails="register",
        says=NOT_SAVED,
    ),
    Case(
        code="container-file-name",
        title="a tgz called tgz",
        broken=Archive(files=FILES, form="tgz", suffix=".tgz"),
        repaired=Archive(files=FILES, form="tgz"),
        fails="serves",
    ),
    Case(
        code="container-dots",
        title="two dots",
        broken=Archive(files=FILES, suffix="..v1.mar"),
        repaired=GOOD,
        fails="register",
        says=r"Relative path is not allowed in url: {name}\.\.v1\.mar",
    ),
    Case(
        code="container-single-folder",
        title="MAR-INF alone",
        broken=Archive(form="folder", model={"handler": "base_handler"}),
        repaired=Archive(files=FILES, form="folder"),
        fails="register",
        says=r"Model name is not defined\.",
    ),
    Case(
        code="container-case",
        title="a README in two cases",
        broken=Archive(files={**FILES, "README.md": "x", "readme.md": "y"}),
        repaired=Archive(files={**FILES, "README.md": "x"}),
        fails="serves",
    ),
    Case(
        code="container-not-ascii",
        title="an umlaut",
        broken=Archive(files={**FILES, "schlüssel.txt": "x"}),
        repaired=Archive(files={**FILES, "schluessel.txt": "x"}),
        fails="serves",
    ),
    Case(
        code="container-control-characters",
        title="a new line",
        broken=Archive(files={**FILES, "one\ntwo.txt": "x"}),
        repaired=Archive(files={**FILES, "one-two.txt": "x"}),
        fails="serves",
    ),
    Case(
        code="container-unread",
        title="a handler of more than 1 MiB",
        broken=Archive(files={"handler.py": HANDLER + "#" * (1 << 20)}),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="container-unread",
        title="a handler of very many small statements",
        broken=Archive(files={"handler.py": HANDLER + "0;" * 83_000}),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="container-unread",
        title="a handler that takes long to compile",
        broken=Archive(files={"handler.py": HANDLER + finally_in_finally(14)}),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="container-useless",
        title="what Finder leaves",
        broken=Archive(files={**FILES, ".DS_Store": b"\0\0\0\1Bud1"}),
        repaired=GOOD,
        fails="serves",
    ),
]
