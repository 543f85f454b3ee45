"""The JDK, which the server reads with, finds in an archive what its plan says."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import pytest

import marpack
from marpack.archive.forms import DEFLATES
from tests.archive.write.test_memory import LIMIT_KIB, PEAK
from tests.conftest import require
from tests.support.java import HERE
from tests.support.torchserve import JAVA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.archive.forms import ArchiveFormat

ZIP_FORMS: tuple[ArchiveFormat, ...] = ("default", "zip-store", "auto")
STORED, DEFLATED = 0, 8

CONTENTS = {
    "model.pt": b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(3000)),
    "model.py": b"class Model: ...\n",
    "handler.py": b"def handle(data, context): ...\n",
    "empty": b"",
    "compresses well.txt": b"the same again\n" * 100_000,
    "folder/config.json": b"{}",
    "folder/sub-folder/config.json": b'{"other": true}',
    "folder/sub-folder/empty": b"",
    "größe/日本語/🙂.txt": "größe".encode(),
    "cafe\N{COMBINING ACUTE ACCENT}": b"decomposed",
    "café": b"composed",
    "a" * 255: b"the longest name that a file system takes",
}
MANIFEST = "MAR-INF/MANIFEST.json"


class Member(NamedTuple):
    name: str
    method: int
    size: int
    compressed_size: int
    crc32: int
    sha256: str


class JdkError(Exception):
    """What the JDK says of an archive that it cannot read."""


class Jdk:
    """A running ReadArchive: one JVM for all archives."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests = requests
        self._answers = answers

    def members(self, how: str, archive: Path) -> list[Member]:
        """Read a zip forward only ("stream") or by its directory ("file"); "-crc" behind it saves the digest.

        "list" is what the directory says alone.
        """
        return [
            Member(bytes.fromhex(name).decode(), int(method), int(size), int(compressed), int(crc32), sha256)
            for name, method, size, compressed, crc32, sha256 in self._ask(how, archive)
        ]

    def unzipped_sha256(self, archive: Path) -> str:
        """Return the SHA-256 of what a gzip file holds."""
        [[*_, sha256]] = self._ask("gzip", archive)
        return sha256

    def _ask(self, how: str, archive: Path) -> list[list[str]]:
        self._requests.write(f"{how} {archive}\n")
        self._requests.flush()
        lines = list(iter(lambda: self._answers.readline().rstrip("\n"), ""))
        for line in lines:
            if line.startswith("error "):
                raise JdkError(line)
        return [line.split(" ") for line in lines]


@pytest.fixture(scope="module")
def jdk() -> Iterator[Jdk]:
    require(shutil.which("javac"), "a JDK to read archives with")
    program = HERE / "ReadArchive.java"
    with subprocess.Popen(
        [*JAVA, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin
        assert process.stdout
        yield Jdk(process.stdin, process.stdout)


def plan(form: ArchiveFormat, deflate: marpack.typing.Deflate = "zlib") -> marpack.ArchivePlan:
    own = ("model.pt", "model.py", "handler.py")
    return marpack.plan_archive(
        model_name="jdk",
        model_file=CONTENTS["model.py"],
        serialized_file=CONTENTS["model.pt"],
        handler={"handler.py": CONTENTS["handler.py"]},
        extra_files={name: data for name, data in CONTENTS.items() if name not in own},
        archive_format=form,
        deflate=deflate,
    )


def write(plan: marpack.ArchivePlan, sink: str, folder: Path) -> Path:
    archive = folder / plan.file_name
    if sink == "file":
        marpack.write_archive(plan, archive)
    else:
        with archive.open("wb") as file:
            file.writelines(marpack.iter_archive(plan))
    return archive


@pytest.mark.parametrize("how", ["stream", "file"])
@pytest.mark.parametrize("sink", ["file", "chunks"])
@pytest.mark.parametrize("deflate", DEFLATES)
@pytest.mark.parametrize("form", ZIP_FORMS)
def test_a_zip_holds_its_members_in_order(
    form: ArchiveFormat, deflate: marpack.typing.Deflate, sink: str, how: str, jdk: Jdk, tmp_path: Path
) -> None:
    planned = plan(form, deflate)
    members = jdk.members(how, write(planned, sink, tmp_path))

    assert [member.name for member in members] == [*(entry.name for entry in planned.files), MANIFEST]
    given = CONTENTS | {MANIFEST: planned.manifest_text.encode()}
    assert {member.name: (member.size, member.crc32, member.sha256) for member in members} == {
        name: (len(data), zlib.crc32(data), hashlib.sha256(data).hexdigest()) for name, data in given.items()
    }


@pytest.mark.parametrize("how", ["stream", "file"])
@pytest.mark.parametrize("form", ZIP_FORMS)
def test_the_result_says_what_was_written(form: ArchiveFormat, how: str, jdk: Jdk, tmp_path: Path) -> None:
    result = marpack.write_archive(plan(form), tmp_path / "jdk.mar", digest=True)
    assert [
        (entry.name, entry.size, entry.compressed_size, entry.crc32, entry.sha256) for entry in result.members
    ] == [
        (member.name, member.size, member.compressed_size, member.crc32, member.sha256)
        for member in jdk.members(how, Path(result.path))
    ]


@pytest.mark.parametrize(
    ("form", "weights", "source"),
    [("default", DEFLATED, DEFLATED), ("zip-store", STORED, STORED), ("auto", STORED, DEFLATED)],
)
def test_each_form_compresses_what_it_should(
    form: ArchiveFormat, weights: int, source: int, jdk: Jdk, tmp_path: Path
) -> None:
    methods = {member.name: member.method for member in jdk.members("stream", write(plan(form), "file", tmp_path))}
    assert (methods["model.pt"], methods["compresses well.txt"]) == (weights, source)


@pytest.mark.parametrize("deflate", DEFLATES)
@pytest.mark.parametrize("form", ZIP_FORMS)
def test_unzip_finds_no_fault(form: ArchiveFormat, deflate: marpack.typing.Deflate, tmp_path: Path) -> None:
    require(shutil.which("unzip"), "Info-ZIP's unzip")
    done = subprocess.run(
        ["unzip", "-tqq", write(plan(form, deflate), "file", tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("sink", ["file", "chunks"])
@pytest.mark.parametrize("deflate", DEFLATES)
def test_a_tgz_holds_the_tar_that_python_sees(
    deflate: marpack.typing.Deflate, sink: str, jdk: Jdk, tmp_path: Path
) -> None:
    archive = write(plan("tgz", deflate), sink, tmp_path)
    data = archive.read_bytes()
    tar = gzip.decompress(data)
    assert jdk.unzipped_sha256(archive) == hashlib.sha256(tar).hexdigest()

    # The server stops after the first gzip member (T2), which the JDK's own reader does not.
    first = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    assert first.decompress(data) == tar
    assert (first.eof, first.unused_data) == (True, b"")


def test_more_members_than_a_plain_directory_counts(jdk: Jdk, tmp_path: Path) -> None:
    names = [f"{number:05}" for number in range(2**16)]
    archive = tmp_path / "many.mar"
    marpack.write_archive(
        marpack.plan_archive(
            model_name="many",
            handler={"handler.py": CONTENTS["handler.py"]},
            extra_files=dict.fromkeys(names, b""),
            archive_format="zip-store",
        ),
        archive,
    )
    for how in ("stream", "file"):
        assert [member.name for member in jdk.members(how, archive)] == [*names, "handler.py", MANIFEST]


# Each is filled up by another length; the last is of several blocks.
LARGE = {
    name: os.urandom(1 << 20) + bytes(size)
    for name, size in {"a.bin": 1, "b" * 200 + ".bin": 4096, "ü/c.bin": 123_457, "weights": 5 << 20}.items()
}


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aligned")
    for name, data in LARGE.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    planned = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": CONTENTS["handler.py"]},
        serialized_file=folder / "weights",
        extra_files={name: folder / name for name in LARGE if name != "weights"},
        archive_format="auto",
    )
    archive = write(planned, "file", folder)
    assert b"".join(marpack.iter_archive(planned)) == archive.read_bytes()
    data = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        infos = [opened.getinfo(name) for name in LARGE]
    lengths = [struct.unpack_from("<2H", data, info.header_offset + 26) for info in infos]
    starts = [info.header_offset + 30 + sum(both) for info, both in zip(infos, lengths, strict=True)]
    assert [start % 4096 for start in starts] == [0] * len(LARGE)
    assert {info.extra for info in infos} == {b""}  # the directory's
    return archive


@pytest.mark.parametrize("how", ["stream", "file"])
def test_the_jdk_reads_aligned_members(how: str, aligned: Path, jdk: Jdk) -> None:
    found = {member.name: (member.method, member.sha256) for member in jdk.members(how, aligned)}
    assert {name: found[name] for name in LARGE} == {
        name: (STORED, hashlib.sha256(data).hexdigest()) for name, data in LARGE.items()
    }


@pytest.mark.parametrize(
    "words",
    [["unzip", "-qq"], ["bsdtar", "-xf"], ["7z", "x", "-bd", "-bso0"], [sys.executable, "-m", "zipfile", "-e"]],
    ids=["unzip", "bsdtar", "7z", "zipfile"],
)
def test_other_programs_unpack_aligned_members(words: list[str], aligned: Path, tmp_path: Path) -> None:
    if words[0] in {"bsdtar", "7z"} and not shutil.which(words[0]):
        pytest.skip(f"needs {words[0]}")
    require(shutil.which(words[0]), words[0])
    into = ["."] if words[-1] == "-e" else []
    done = subprocess.run(
        [*words, aligned, *into],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {name: (tmp_path / name).read_bytes() == data for name, data in LARGE.items()} == dict.fromkeys(
        LARGE, True
    )


PACK = (
    PEAK
    + """
import json, sys
import marpack
before = peak()
weights, archive, archive_format, deflate = sys.argv[1:]
plan = marpack.plan_archive(
    model_name="big",
    handler={"handler.py": b"def handle(data, context): ..."},
    serialized_file=weights,
    extra_files={"z.txt": b"last"},  # after the weights, so that its place is beyond 4 GiB too
    archive_format=archive_format,
    deflate=deflate,
)
result = marpack.write_archive(plan, archive, threads=64)
members = [(each.name, each.size, each.compressed_size, each.crc32) for each in result.members]
print(json.dumps([peak() - before, members]))
"""
)


# In `auto` the header is filled up behind its sizes of 64 bits.
# What is inflated takes the longest, and lies at no place beyond 4 GiB: its directory is read, and nothing by it.
@pytest.mark.parametrize(
    ("form", "deflate", "read"),
    [("default", "fast", ("stream-crc", "list")), ("auto", "zlib", ("stream-crc", "file-crc"))],
)
def test_a_member_above_4_gib(form: str, deflate: str, read: tuple[str, str], jdk: Jdk, tmp_path: Path) -> None:
    """It is packed in as little memory as what is smaller (``test_memory``)."""
    weights = tmp_path / "weights.bin"
    weights.touch()
    os.truncate(weights, size := 2**32 + 4096)  # sparse: the disk holds the archive only
    archive = tmp_path / "big.mar"
    command = [sys.executable, "-c", PACK, str(weights), str(archive), form, deflate]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        taken, written = json.loads(done.stdout)
        assert taken < LIMIT_KIB
        assert ["weights.bin", size] in [each[:2] for each in written]
        for how in read:
            members = jdk.members(how, archive)
            assert [[each.name, each.size, each.compressed_size, each.crc32] for each in members] == written
    finally:
        archive.unlink(missing_ok=True)


@pytest.mark.parametrize("how", ["stream", "file"])
@pytest.mark.parametrize("form", ZIP_FORMS)
def test_the_jdk_notices_one_wrong_byte(form: ArchiveFormat, how: str, jdk: Jdk, tmp_path: Path) -> None:
    archive = write(plan(form), "file", tmp_path)
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1  # the middle of these archives is some member's content
    archive.write_bytes(data)
    with pytest.raises(JdkError):
        jdk.members(how, archive)
