"""Reading the manifest of an archive, whole or broken."""

from __future__ import annotations

import bz2
import contextlib
import gc
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import random
import re
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ArchiveError, LimitError, Limits, ManifestError, ModelStore, TargetError, UnsafeArchiveError
from marpack.archive.read.archive import Archive
from marpack.archive.read.open import read_manifest
from marpack.cli import main
from marpack.display import printable, showable
from marpack.findings import Issue
from tests.conftest import full_disk
from tests.support import hostile
from tests.support.hostile import zip64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAME = "MAR-INF/MANIFEST.json"
TEXT = json.dumps({"model": {"modelName": "m", "modelVersion": "1.0"}})
MIB = 1 << 20


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(members: list[tuple[str, bytes | str | None]]) -> bytes:
    """Make a tgz: of files (bytes), symbolic links (text) and folders (None)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            else:
                member.type = tarfile.DIRTYPE if content is None else tarfile.SYMTYPE
                member.linkname = content or ""
                archive.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["default", "zip-store", "tgz", "no-archive", "auto"])
def test_every_form(form: Any, tmp_path: Path) -> None:
    result = marpack.pack(
        model_name="m",
        version="2.0",
        handler="base_handler",
        extra_files={"a.json": b"{}" * 1000},
        metadata={"x": 1},
        export_path=tmp_path,
        archive_format=form,
    )
    for path in (os.fspath(result.path), tmp_path / os.path.basename(result.path)):
        manifest = read_manifest(path)
        assert (manifest.model.model_name, manifest.model.model_version) == ("m", "2.0")
        assert manifest.metadata == {"x": 1}


def test_a_folder_below_any_name_in_a_tgz(tmp_path: Path) -> None:
    path = tmp_path / "x.whatever"
    path.write_bytes(tarred([("else/a", b"1"), (f"else/{NAME}", TEXT.encode()), ("else/b", b"2")]))
    assert read_manifest(path).model.model_name == "m"


def test_the_last_of_two_manifests_in_a_zip_counts(tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(NAME, TEXT.replace('"m"', '"first"'))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(NAME, TEXT)
    assert read_manifest(path).model.model_name == "m"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_the_server_does_not_know(method: int, tmp_path: Path) -> None:
    error = refused(zipped({NAME: TEXT.encode()}, method), tmp_path / "m.mar")
    assert (error.code, error.member) == ("zip-method", NAME)


def changed(data: bytes, offset: int, form: str, value: int) -> bytes:
    """Change a field of the only member, in its local header and in the directory."""
    central = data.rindex(b"PK\x01\x02")
    found = bytearray(data)
    struct.pack_into(form, found, offset, value)
    struct.pack_into(form, found, central + offset + 2, value)
    return bytes(found)


WHOLE = zipped({NAME: TEXT.encode()})
STORED = zipped({NAME: TEXT.encode()}, zipfile.ZIP_STORED)
FLAGS, METHOD = 6, 8
WHOLE_TAR = tarred([(f"m/{NAME}", TEXT.encode())])


def link_in_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo(NAME)
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "../elsewhere")
    return buffer.getvalue()


def broken_inside(method: int) -> bytes:
    """Make a zip whose manifest is not what its method says."""
    data = bytearray(zipped({NAME: TEXT.encode() * 20}, method))
    start = 30 + len(NAME)
    data[start : start + 20] = bytes(range(235, 255))
    return bytes(data)


def not_utf8_name() -> bytes:
    """Make a zip that says that a name is UTF-8, which it is not."""
    data = changed(zipped({"x" * len(NAME): b""}), FLAGS, "<H", 0x800)
    return data.replace(b"x" * len(NAME), b"\xff" * len(NAME))


BROKEN_ZIPS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no-zip": lambda: b"hello" * 100,
    "a tgz": lambda: WHOLE_TAR,
    "truncated": lambda: WHOLE[:-10],
    "only-the-end": lambda: WHOLE[-22:],
    "no-manifest": lambda: zipped({"handler.py": b""}),
    "manifest-elsewhere": lambda: zipped({f"m/{NAME}": TEXT.encode()}),
    "folder": lambda: zipped({f"{NAME}/": b""}),
    "nothing": lambda: zipped({}),
    "wrong-sum": lambda: changed(WHOLE, 14, "<I", 12345),
    "encrypted": lambda: changed(STORED, FLAGS, "<H", 0x1),
    "strongly-encrypted": lambda: changed(STORED, FLAGS, "<H", 0x40),
    "unknown-method": lambda: changed(STORED, METHOD, "<H", 99),
    "deflate64": lambda: changed(STORED, METHOD, "<H", 9),
    "zstandard": lambda: changed(STORED, METHOD, "<H", 93),
    "bad-deflate": lambda: broken_inside(zipfile.ZIP_DEFLATED),
    "bad-bzip2": lambda: broken_inside(zipfile.ZIP_BZIP2),
    "bad-lzma": lambda: broken_inside(zipfile.ZIP_LZMA),
    "method-lzma-of-plain": lambda: changed(STORED, METHOD, "<H", 14),
    "method-bzip2-of-plain": lambda: changed(STORED, METHOD, "<H", 12),
    "name-not-utf-8": not_utf8_name,
    "sizes-beyond-the-end": lambda: changed(changed(STORED, 18, "<I", 1 << 30), 22, "<I", 1 << 30),
    "link": link_in_zip,
    "not-utf-8": lambda: zipped({NAME: b"\xff\xfe{}"}),
    "byte-order-mark": lambda: zipped({NAME: b"\xef\xbb\xbf" + TEXT.encode()}),
    "not-json": lambda: zipped({NAME: b"{'a': 1}"}),
    "no-object": lambda: zipped({NAME: b"[]"}),
    "nested": lambda: zipped({NAME: b"[" * 100_000}),
    "many-digits": lambda: zipped({NAME: b'{"x": ' + b"9" * 5000 + b"}"}),
    "too-long": lambda: zipped({NAME: TEXT.encode() + b" " * (16 * MIB)}),
    "bomb": lambda: zipped({NAME: bytes(96 * MIB)}),
}


@pytest.mark.parametrize("kind", BROKEN_ZIPS)
def test_a_broken_zip(kind: str, tmp_path: Path) -> None:
    refused(BROKEN_ZIPS[kind](), tmp_path / "m.mar")


def refused(data: bytes, path: Path) -> ArchiveError:
    path.write_bytes(data)
    with pytest.raises(ArchiveError) as caught:
        read_manifest(path)
    error = caught.value
    assert error.path == os.fspath(path)
    assert re.match(re.escape(repr(os.fspath(path))) + "[: ]", str(error))
    assert len(str(error)) < len(os.fspath(path)) + 300
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return error


def long_name(size: int, kind: bytes) -> bytes:
    """Make a tgz of a member whose name, so it says, is this long."""
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = kind, size
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as stream:
        stream.write(member.tobuf(tarfile.GNU_FORMAT))
        for _ in range(size // MIB):
            stream.write(bytes(MIB))
        stream.write(gzip.decompress(WHOLE_TAR))
    return buffer.getvalue()


def pax(text: bytes) -> bytes:
    """Make a tgz whose manifest has extended headers."""
    member = tarfile.TarInfo("pax")
    member.type, member.size = tarfile.XHDTYPE, len(text)
    blocks = member.tobuf(tarfile.USTAR_FORMAT) + text.ljust(-(-len(text) // 512) * 512, b"\0")
    return gzip.compress(blocks + gzip.decompress(WHOLE_TAR))


BROKEN_TARS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no-gzip": lambda: b"hello" * 1000,
    "a zip": lambda: WHOLE,
    "plain-tar": lambda: gzip.decompress(WHOLE_TAR),
    "bzip2": lambda: bz2.compress(gzip.decompress(WHOLE_TAR)),
    "xz": lambda: lzma.compress(gzip.decompress(WHOLE_TAR)),
    "no-tar": lambda: gzip.compress(b"hello" * 1000),
    "nothing": lambda: gzip.compress(b""),
    "zeros": lambda: gzip.compress(bytes(MIB)),
    "truncated": lambda: WHOLE_TAR[: len(WHOLE_TAR) // 2],
    "truncated-header": lambda: gzip.compress(gzip.decompress(WHOLE_TAR)[:100]),
    "truncated-content": lambda: gzip.compress(gzip.decompress(WHOLE_TAR)[:530]),
    "bad-deflate": lambda: WHOLE_TAR[:20] + bytes(range(200, 250)) + WHOLE_TAR[70:],
    "no-manifest": lambda: tarred([("m/handler.py", b"")]),
    "manifest-at-the-top": lambda: tarred([(NAME, TEXT.encode())]),
    "folder": lambda: tarred([(f"m/{NAME}", None)]),
    "link-to-nothing": lambda: tarred([(f"m/{NAME}", "nowhere")]),
    "link-out": lambda: tarred([(f"m/{NAME}", "../../../../etc/hostname")]),
    "link-to-another": lambda: tarred([("m/MAR-INF/x", TEXT.encode()), (f"m/{NAME}", "x")]),
    "link-to-itself": lambda: tarred([(f"m/{NAME}", "MANIFEST.json")]),
    "pax-numbers": lambda: pax(b"99999999999999999999 path=x\n"),
    "not-utf-8": lambda: tarred([(f"m/{NAME}", b"\xff")]),
    "not-json": lambda: tarred([(f"m/{NAME}", b"{")]),
    "too-long": lambda: tarred([(f"m/{NAME}", TEXT.encode() + b" " * (16 * MIB))]),
}


@pytest.mark.parametrize("kind", BROKEN_TARS)
def test_a_broken_tgz(kind: str, tmp_path: Path) -> None:
    refused(BROKEN_TARS[kind](), tmp_path / "m.tar.gz")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE]
)
def test_headers_that_explode_do_not_fill_the_memory(kind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.tar.gz"
    path.write_bytes(long_name(96 * MIB, kind))
    assert path.stat().st_size < MIB
    with bounded(48 * MIB), contextlib.suppress(ArchiveError):
        read_manifest(path)


@pytest.mark.slow
def test_many_members_do_not_fill_the_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("m/a").tobuf(tarfile.USTAR_FORMAT)
    path = tmp_path / "m.tar.gz"
    path.write_bytes(gzip.compress(header * 20_000 + gzip.decompress(WHOLE_TAR), 1))
    with bounded(8 * MIB):
        assert read_manifest(path).model.model_name == "m"


@pytest.mark.slow
def test_contents_that_explode_do_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "m.tar.gz"
    path.write_bytes(tarred([("m/weights", bytes(96 * MIB)), (f"m/{NAME}", TEXT.encode())]))
    with bounded(8 * MIB), pytest.raises(LimitError) as caught:
        read_manifest(path)
    assert caught.value.code == "too-large"
    with bounded(8 * MIB), marpack.open_archive(path, limits=Limits(ratio=5000)) as archive:
        assert archive.manifest.model.model_name == "m"
        assert archive["weights"].size == 96 * MIB
    path = tmp_path / "m.mar"
    path.write_bytes(BROKEN_ZIPS["bomb"]())
    with bounded(48 * MIB), pytest.raises(ArchiveError):
        read_manifest(path)


class bounded:  # noqa: N801 - used as a function
    """Fail when a block of code takes more memory than this at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *error: object) -> None:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < self.limit


def test_the_longest_manifest(tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    path.write_bytes(zipped({NAME: TEXT.encode().ljust(MIB)}))
    assert read_manifest(path).model.model_name == "m"
    assert "more than 1,048,576 bytes" in str(refused(zipped({NAME: TEXT.encode().ljust(MIB + 1)}), path))


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"holds no MAR-INF/MANIFEST\.json"):
        read_manifest(tmp_path)
    (tmp_path / "MAR-INF").mkdir()
    with pytest.raises(ArchiveError, match=r"holds no MAR-INF/MANIFEST\.json"):
        read_manifest(tmp_path)
    (tmp_path / NAME).write_bytes(b"\xff")
    with pytest.raises(ArchiveError, match="not UTF-8"):
        read_manifest(tmp_path)
    (tmp_path / NAME).write_bytes(TEXT.encode().ljust(16 * MIB + 1))
    with pytest.raises(ArchiveError, match="more than"):
        read_manifest(tmp_path)


def test_a_folder_called_like_a_zip(tmp_path: Path) -> None:
    (tmp_path / "m.mar" / "MAR-INF").mkdir(parents=True)
    (tmp_path / "m.mar" / NAME).write_text(TEXT)
    assert read_manifest(tmp_path / "m.mar").model.model_name == "m"


def test_what_the_disk_says_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_manifest(tmp_path / "m.mar")
    with pytest.raises(FileNotFoundError):
        read_manifest(tmp_path / "m.tar.gz")
    (tmp_path / NAME).mkdir(parents=True)
    with pytest.raises(ArchiveError, match="holds no"):
        read_manifest(tmp_path)


def test_the_reason_is_kept(tmp_path: Path) -> None:
    error = refused(zipped({NAME: b'{"model": {"modelName": [5]}}'}), tmp_path / "m.mar")
    assert isinstance(error.__cause__, ManifestError)
    assert "'modelName' must be a string, not a list" in str(error)
    assert "pack it again" in str(refused(b"", tmp_path / "n.mar"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["m.mar", "m.tar.gz"])
def test_whatever_is_changed_nothing_else_is_raised(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    stored = zipped({NAME: TEXT.encode(), "a": b"x" * 50}, zipfile.ZIP_STORED)
    wholes = {"m.mar": [WHOLE, stored], "m.tar.gz": [WHOLE_TAR]}
    tar = gzip.decompress(tarred([("m/a", b"1"), (f"m/{NAME}", TEXT.encode())]))[:3072]
    chance = random.Random(1)
    for number in range(1500):
        in_tar = name == "m.tar.gz" and number % 3 > 0
        data = bytearray(tar if in_tar else chance.choice(wholes[name]))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(data))
            data[place] = chance.choice([0, 1, 32, 48, 55, 127, 128, 255, chance.randrange(256)])
        if chance.random() < 0.1:
            del data[chance.randrange(len(data)) :]
        if in_tar:
            settle(data)
            data = bytearray(gzip.compress(bytes(data), 1))
        path.write_bytes(data)
        try:
            read_manifest(path)
        except ArchiveError as error:
            assert error.path == os.fspath(path)  # noqa: PT017 - both outcomes are fine


def settle(tar: bytearray) -> None:
    """Correct the sums of the headers, so that the changes behind them are looked at."""
    for start in (0, 1024):
        header = tar[start : start + 512]
        if len(header) == 512:
            header[148:156] = b" " * 8
            tar[start + 148 : start + 156] = b"%06o\0 " % sum(header)


@pytest.mark.parametrize("name", ["m.mar", "m.tar.gz"])
def test_what_is_no_file_is_not_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ArchiveError, match=rf"{re.escape(name)}' is not a regular file$"):
        read_manifest(tmp_path / name)
    assert ModelStore(tmp_path).list() == ()


# ------------------------------------------------------------------------------------------------- open_archive


FORMS: list[marpack.typing.ArchiveFormat] = ["default", "zip-store", "auto", "tgz", "no-archive"]
FILES = {
    "weights.pt": random.Random(1).randbytes(1_500_000),
    "text.txt": b"the same again\n" * 100_000,
    "empty": b"",
    "folder/sub-folder/config.json": b"{}",
    "gr\u00f6\u00dfe": b"x",
}


def packed(folder: Path, form: Any = "default", files: dict[str, bytes] = FILES, **options: Any) -> Path:
    result = marpack.pack(
        model_name="m",
        version="1",
        handler="base_handler",
        extra_files=files,
        export_path=folder,
        archive_format=form,
        **options,
    )
    return folder / os.path.basename(result.path)


@pytest.fixture(params=FORMS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    with marpack.open_archive(packed(tmp_path, request.param)) as opened:
        yield opened


def test_what_is_in_it(archive: Archive) -> None:
    assert {entry.name: entry.size for entry in archive.members} == {
        **{name: len(data) for name, data in FILES.items()},
        NAME: len(archive.manifest_text.encode()),
    }
    assert archive.members[-1].name == NAME or archive.form == "folder"
    assert archive["weights.pt"].size == 1_500_000
    assert "weights.pt" in archive
    assert "folder" not in archive
    assert archive.manifest.model.handler == "base_handler"
    assert archive.issues == archive.verify() == archive.verify(threads=1) == ()
    for name in ("nothing", "folder", "folder/"):
        with pytest.raises(ArchiveError, match="is not in the archive") as caught:
            archive.read(name)
        assert (caught.value.code, caught.value.member) == ("no-member", name)


def test_reading_a_member(archive: Archive) -> None:
    for name, data in FILES.items():
        assert archive.read(name) == data
        with archive.open(name) as file:
            assert (file.readable(), file.seekable(), file.tell()) == (True, True, 0)
            assert file.read() == data
            assert file.read() == file.read(5) == b""
    with archive.open("text.txt") as file:
        # As much as is asked for, which readers of formats rely on.
        assert len(file.read(1_200_000)) == 1_200_000
        assert io.TextIOWrapper(io.BufferedReader(file)).read(20) == "the same again\nthe s"[:20]


def test_seeking_in_a_member(archive: Archive) -> None:
    chance = random.Random(2)
    for name in ("weights.pt", "text.txt", "empty"):
        data = FILES[name]
        with archive.open(name) as file:
            for _ in range(20):
                place = chance.randrange(len(data) + 1)
                whence = chance.randrange(3)
                offset = place - (0, file.tell(), len(data))[whence]
                assert file.seek(offset, whence) == file.tell() == place
                size = chance.choice([0, 1, 1000, 600_000])
                assert file.read(size) == data[place : place + size]
            assert file.seek(-1) == 0
            assert file.seek(5, 2) == len(data)
            with pytest.raises(ValueError, match="whence must be"):
                file.seek(0, 3)
        for use in (file.read, lambda: file.seek(0), lambda: file.read1(1)):
            with pytest.raises(ValueError, match="the member is closed"):
                use()


def test_many_threads_read_at_once(archive: Archive) -> None:
    def read(number: int) -> bool:
        name = sorted(FILES)[number % len(FILES)]
        with archive.open(name) as file:
            half = file.read(len(FILES[name]) // 2)
            return half + file.read() == FILES[name] and archive.issues == ()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(40)))


@pytest.mark.parametrize("form", FORMS)
def test_an_open_file(form: Any, tmp_path: Path) -> None:
    path = packed(tmp_path, form)
    if form == "no-archive":
        return
    for source in (path.open("rb"), io.BytesIO(path.read_bytes()), Slow(path.read_bytes()), path.open("rb", 0)):
        with source, marpack.open_archive(source) as archive:
            assert {name: archive.read(name) for name in FILES} == FILES
            assert archive.path == (os.fspath(path) if hasattr(source, "name") else "")
            archive.close()
            assert not source.closed


class Slow(io.BytesIO):
    """A file that gives less than it is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1000) if size and size > 0 else size)


def test_a_file_that_is_closed(tmp_path: Path) -> None:
    archive = marpack.open_archive(packed(tmp_path))
    archive.close()
    archive.close()
    with pytest.raises(ValueError, match="the archive is closed"):
        archive.read("weights.pt")


def test_a_name_decides(tmp_path: Path) -> None:
    for name, data in {
        "m.mar": WHOLE_TAR,
        "m.war": WHOLE_TAR,
        "m.tar.gz": WHOLE,
        "m.MAR": WHOLE,
        "m": WHOLE,
    }.items():
        error = refused(data, tmp_path / name)
        assert error.code == "wrong-form"
    assert marpack.open_archive(io.BytesIO(WHOLE)).form == "zip"
    assert marpack.open_archive(io.BytesIO(WHOLE_TAR)).form == "tgz"


def test_a_folder_in_a_folder(tmp_path: Path) -> None:
    packed(tmp_path / "..", "no-archive", force=True)
    inner = tmp_path / "outer" / "m"
    inner.parent.mkdir()
    (tmp_path.parent / "m").rename(inner)
    with marpack.open_archive(inner.parent) as archive:
        assert archive.read("weights.pt") == FILES["weights.pt"]
    (inner.parent / "other").write_bytes(b"")
    with marpack.open_archive(inner.parent) as archive:
        assert "m/weights.pt" in archive
        assert "other" in archive
    (inner.parent / "other").unlink()
    inner.rename(tmp_path / "elsewhere")
    inner.symlink_to("../elsewhere")
    with marpack.open_archive(inner.parent) as archive:
        assert archive.members == ()
        assert [issue.code for issue in archive.issues] == ["link"]


def test_a_file_of_a_folder_that_is_replaced(tmp_path: Path) -> None:
    path = packed(tmp_path, "no-archive")
    with marpack.open_archive(path) as archive:
        (path / "empty").unlink()
        with pytest.raises(FileNotFoundError):
            archive.open("empty")
        os.mkfifo(path / "empty")
        with pytest.raises(ArchiveError) as caught:
            archive.open("empty")
        assert caught.value.code == "device"
        # What could not be opened is not closed once more when it goes: its number is another file's by then.
        other = os.open(path / "text.txt", os.O_RDONLY)
        del caught
        gc.collect()
        os.fstat(other)
        os.close(other)
        (path / "text.txt").write_bytes(b"less")
        with pytest.raises(ArchiveError) as caught:
            archive.read("text.txt")
        assert caught.value.code == "size-lies"


def test_limits(archive: Archive) -> None:
    with pytest.raises(LimitError) as caught:
        archive.read("text.txt", limit=1_499_999)
    assert (caught.value.code, caught.value.member) == ("too-large", "text.txt")
    assert len(archive.read("text.txt", limit=1_500_000)) == 1_500_000
    with pytest.raises(LimitError, match="members"):
        marpack.open_archive(archive.path, limits=Limits(members=4)).refuse()
    with pytest.raises(LimitError, match="1,000,000"):
        marpack.open_archive(archive.path, limits=Limits(size=1_000_000)).refuse()
    with pytest.raises(ValueError, match="members must be a whole number"):
        Limits(members=-1)


class Counted(io.FileIO):
    """A file that counts the bytes that are read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size) or b""
        self.count += len(data)
        return data


def test_20_gb_are_not_read_for_a_manifest(tmp_path: Path) -> None:
    """A sparse archive, made by hand: the weights are zeros that nobody ever wrote."""
    size = 20 * 10**9
    known = {"size": 0xFFFFFFFF, "compressed": 0xFFFFFFFF, "crc": 0, "extra": zip64(size, size)}
    head, rest = hostile.zipped(hostile.Member("weights.pt", b"@", local=known, central=known)).split(b"@", 1)
    directory = rest.index(b"PK\1\2")
    end = hostile.record(
        hostile.END_64,
        {"signature": b"PK\6\6", "length": 44, "here": 2, "count": 2, "size": len(rest) - directory - 22}
        | {"offset": len(head) + size + directory},
    )
    end += hostile.record(
        hostile.LOCATOR, {"signature": b"PK\6\7", "offset": len(head) + size + len(rest) - 22, "disks": 1}
    )
    # The manifest has moved.
    at = rest.index(b"PK\1\2", directory + 4)
    central = rest[at : len(rest) - 22]
    moved = central[:42] + struct.pack("<L", 0xFFFFFFFF) + central[46:] + zip64(len(head) + size)
    moved = moved[:30] + struct.pack("<H", 12) + moved[32:]
    end = end[:40] + struct.pack("<Q", len(rest) - directory - 22 + 12) + end[48:]
    end = end[: 56 + 8] + struct.pack("<Q", len(head) + size + len(rest) - 22 + 12) + end[56 + 16 :]
    path = tmp_path / "m.mar"
    with path.open("wb") as file:
        file.write(head)
        file.seek(size, 1)
        file.write(rest[:at] + moved + end + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, *[0xFFFFFFFF] * 2, 0))
    with Counted(path) as counted, bounded(4 * MIB), marpack.open_archive(counted) as archive:
        assert archive.manifest.model.model_name == "m"
        assert archive.issues == ()
        with archive.open("weights.pt") as member:
            member.seek(-5, 2)
            assert member.read() == bytes(5)
        assert archive["weights.pt"].size == size
        assert counted.count < MIB


# ------------------------------------------------------------------------------------------------------ extract


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_extract(archive: Archive, tmp_path: Path) -> None:
    whole = {**FILES, NAME: archive.manifest_text.encode()}
    progress: list[int] = []
    target = tmp_path / "new"
    assert set(archive.extract(target, progress=progress.append)) == set(whole)
    assert tree(target) == whole
    assert sum(progress) == sum(map(len, whole.values()))
    assert {path.stat().st_mode & 0o111 for path in target.rglob("*") if path.is_file()} == {0}

    with pytest.raises(marpack.ArchiveExistsError):
        archive.extract(target)
    (target / "more").write_bytes(b"")
    archive.extract(f"{target}/", force=True)
    assert tree(target) == whole

    empty = tmp_path / "empty"
    empty.mkdir()
    archive.extract(empty)
    assert tree(empty) == whole

    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_bytes(b"")
    with pytest.raises(TargetError, match="is nothing that could be replaced"):
        archive.extract(other, force=True)
    assert tree(other) == {"mine": b""}


def test_extract_some(archive: Archive, tmp_path: Path) -> None:
    names = archive.extract(tmp_path / "some", ["folder", "empty"])
    assert set(names) == {"folder/sub-folder/config.json", "empty"}
    assert tree(tmp_path / "some") == {name: FILES[name] for name in names}
    assert archive.extract(tmp_path / "none", []) == ()
    with pytest.raises(ArchiveError) as caught:
        archive.extract(tmp_path / "bad", ["empty", "fold"])
    assert (caught.value.code, caught.value.member) == ("no-member", "fold")
    with pytest.raises(TypeError, match="not one"):
        archive.extract(tmp_path / "bad", "empty")
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize("name", ["m.mar", "m.tar.gz"])
def test_nothing_is_left_after_an_error(name: str, tmp_path: Path) -> None:
    form = "zip-store" if name == "m.mar" else "tgz"
    path = packed(tmp_path, form)
    if form == "tgz":
        opened = marpack.open_archive(path)
        data = bytearray(path.read_bytes())
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    else:
        data = bytearray(path.read_bytes())
        data[data.index(b"the same") + 5] ^= 1
    path.write_bytes(data)
    if form != "tgz":
        opened = marpack.open_archive(path)
    before = sorted(tmp_path.iterdir())
    with opened, pytest.raises(ArchiveError):
        opened.extract(tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with marpack.open_archive(packed(tmp_path, form, force=True)) as archive:
        with pytest.raises(KeyboardInterrupt):
            archive.extract(tmp_path / "out", progress=stop)
        assert sorted(tmp_path.iterdir()) == before
        with full_disk(10_000), pytest.raises(OSError, match="File too large"):
            archive.extract(tmp_path / "out")
        assert sorted(tmp_path.iterdir()) == before


def test_a_deep_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    deep = hostile.Member("/".join(["d"] * 256), b"x")
    broken = hostile.Member("e", b"x", local={"crc": 1}, central={"crc": 1})
    for members, code in (((deep, broken), "crc"), ((hostile.Member("/".join(["d"] * 257), b"x"),), "name-long")):
        archive = marpack.open_archive(io.BytesIO(hostile.zipped(*members)))
        with pytest.raises(ArchiveError) as caught:
            archive.extract(tmp_path / "out")
        assert caught.value.code == code
        assert not list(tmp_path.iterdir())


def test_a_directory_is_not_read_that_no_members_need(tmp_path: Path) -> None:
    """It is sparse, or another one's network: 100,000 names of 60,000 characters are 12 GB in memory."""
    path = tmp_path / "m.mar"
    for size, code in ((100_000 * 1024, "zip-directory"), (100_000 * 1024 + 1, "too-many-members")):
        with path.open("wb") as file:
            file.truncate(size)
            file.seek(size)
            file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0))
        with pytest.raises(ArchiveError) as caught:
            marpack.open_archive(path)
        assert caught.value.code == code


@pytest.mark.slow
def test_many_folders_do_not_fill_the_memory() -> None:
    """Each of these names is of 2,000 bytes, and needs a thousand folders that no other needs."""
    names = [f"{number}/" + "a/" * 250 + "b" * 200 for number in range(3000)]
    archive = marpack.open_archive(io.BytesIO(hostile.zipped(*map(hostile.Member, names))))
    with bounded(96 * MIB), pytest.raises(LimitError) as caught:
        archive.refuse()
    assert caught.value.code == "too-many-members"


def test_names_that_differ_in_case(tmp_path: Path) -> None:
    archive = marpack.open_archive(io.BytesIO(zipped({"a": b"1", "A": b"2", "d/x": b"3", "D/x": b"4"})))
    with pytest.raises(UnsafeArchiveError) as caught:
        archive.extract(tmp_path / "out")
    assert caught.value.code == "case-collision"
    archive.extract(tmp_path / "out", case_sensitive=True)
    assert tree(tmp_path / "out") == {"a": b"1", "A": b"2", "d/x": b"3", "D/x": b"4"}


# ------------------------------------------------------------------------------------------------------- verify


def test_verify(tmp_path: Path) -> None:
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    path = packed(tmp_path, "auto", metadata={"sha256": sums})
    with marpack.open_archive(path) as archive:
        progress: list[int] = []
        assert archive.verify(progress=progress.append) == ()
        assert sum(progress) == sum(entry.size for entry in archive.members)
    sums["weights.pt"] = "0" * 64
    sums["gone"] = "1" * 64
    path = packed(tmp_path, "auto", metadata={"sha256": sums}, force=True)
    data = bytearray(path.read_bytes())
    data[data.index(b"weights.pt") + 100_000] ^= 1
    with marpack.open_archive(path) as archive:
        assert {(issue.argument, issue.code) for issue in archive.verify()} == {
            ("weights.pt", "digest"),
            ("gone", "missing-file"),
        }
    with marpack.open_archive(io.BytesIO(data)) as archive:
        assert {(issue.argument, issue.code) for issue in archive.verify()} == {
            ("weights.pt", "crc"),
            ("gone", "missing-file"),
        }


def test_verify_does_not_unpack_a_bomb(tmp_path: Path) -> None:
    def never(_: int) -> None:
        raise AssertionError("it is read")

    for form in ("default", "no-archive"):
        limits = Limits(size=2_000_000)
        with marpack.open_archive(packed(tmp_path, form), limits=limits) as archive:
            assert "too-large" in {issue.code for issue in archive.verify(progress=never, threads=1)}


def test_an_open_file_is_what_its_bytes_say(tmp_path: Path) -> None:
    """A temporary file's name says nothing, as those of uploads."""
    for form in ("default", "tgz"):
        plan = marpack.plan_archive(model_name="m", handler="base_handler", archive_format=form)
        path = tmp_path / f"{form}-upload-7f3a"
        with path.open("w+b") as file:
            marpack.write_archive(plan, file)
            with marpack.open_archive(file) as archive:
                assert archive.manifest.model.model_name == "m"
                assert archive.file_name == ""


@pytest.mark.parametrize(
    ("handler", "runtime", "reference"),
    [
        ("h.py", "python", "h.py"),
        ("h", "python3", "h.py"),
        ("h:f", "python", "h.py"),
        ("h.py:f", "python", "h.py"),
        ("p/h.py:f", "python", "p/h.py"),
        ("image_classifier", "python", None),
        ("image_classifier:f", "python", None),
        ("densenet_handler", "python", None),
        ("p.h", "python", None),
        ("libh.so", "LSP", None),
        ("", "python", None),
    ],
)
def test_the_handler_is_a_reference(handler: str, runtime: str, reference: str | None, tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    text = json.dumps({"runtime": runtime, "model": {"modelName": "m", "handler": handler}})
    path.write_bytes(zipped({NAME: text.encode()}))
    with marpack.open_archive(path) as archive:
        assert archive.references.get("handler") == reference
        assert [issue.argument for issue in archive.verify()] == ([reference] if reference else [])


def test_what_a_reader_of_a_tar_leaves_to_garbage_does_not_block(tmp_path: Path) -> None:
    plan = marpack.plan_archive(
        model_name="m", handler="base_handler", extra_files={"a": b"a" * 9, "b": b"b"}, archive_format="tgz"
    )
    marpack.write_archive(plan, tmp_path / plan.file_name)
    with marpack.open_archive(tmp_path / plan.file_name) as archive:
        for _ in range(3):
            archive.open("a").read(4)
            assert archive.read("b") == b"b"
        reader = archive.open("a")
        assert reader.read1() == b"a" * 9


def test_a_folder_whose_files_change_behind_its_back(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    marpack.pack(
        model_name="m",
        handler="base_handler",
        extra_files={"a": b"a", "b": b"b", "c": b"c"},
        archive_format="no-archive",
        export_path=tmp_path,
    )
    secret = tmp_path / "secret"
    secret.write_bytes(b"s")
    with marpack.open_archive(folder) as archive:
        (folder / "a").unlink()
        (folder / "a").symlink_to(secret)
        (folder / "b").write_bytes(b"grown")
        with pytest.raises(ArchiveError, match="not the file any more"):
            archive.read("a")
        with pytest.raises(ArchiveError, match="has 5 bytes, not the 1"):
            archive.read("b")
        assert archive.read("c") == b"c"
        with pytest.raises(ArchiveError):
            archive.extract(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="closed"):
        archive.read("c")


def test_links_that_multiply(tmp_path: Path) -> None:
    for one in range(12):
        (tmp_path / f"d{one}").mkdir()
        for other in range(12):
            if one != other:
                (tmp_path / f"d{one}" / f"l{other}").symlink_to(tmp_path / f"d{other}")
    with pytest.raises(LimitError, match="links lead"):
        marpack.open_archive(tmp_path)


@pytest.mark.parametrize("source", [3, b"PK", None, io.StringIO("text")])
def test_what_cannot_be_opened_at_all(source: Any) -> None:
    with pytest.raises(TypeError, match=r"binary file|mode 'rb'"):
        marpack.open_archive(source)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("place", [None, 0, 1 << 25, (1 << 25) + 1, 70 * MIB - 1])
def test_a_large_stored_member_is_verified_in_parts(place: int | None, threads: int, tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    noise = random.Random(0).randbytes(MIB)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(NAME, TEXT)
        archive.writestr("weights.bin", noise * 70)
        archive.writestr("more.bin", noise * 5)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("weights.bin").header_offset + 30 + len("weights.bin")
    if place is not None:
        with path.open("r+b") as file:
            file.seek(start + place)
            byte = file.read(1)[0]
            file.seek(start + place)
            file.write(bytes([byte ^ 1]))
    counted: list[int] = []
    with marpack.open_archive(path) as opened:
        issues = opened.verify(threads=threads, progress=counted.append)
        assert sum(counted) == sum(entry.size for entry in opened.members) or (threads == 1 and place is not None)
    expected = [] if place is None else [("weights.bin", "crc")]
    assert [(issue.argument, issue.code) for issue in issues] == expected


# -------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["../a\nb", "a\\\x1b[2Jb", "x\udcffy"])
def test_names_in_errors_and_issues_are_those_of_the_archive(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are escaped where they are shown, and nowhere else."""
    path = tmp_path / "m.mar"
    path.write_bytes(hostile.zipped(hostile.Member(name.encode("utf-8", "surrogateescape"), b"x")))
    with marpack.open_archive(path) as archive:
        with pytest.raises(UnsafeArchiveError) as caught:
            archive.refuse()
        error = caught.value
        assert error.member == error.issue.argument == name
        assert error.member in archive
        assert {issue.argument for issue in archive.issues} == {name}
        assert str(error).isprintable()
        assert all(str(issue).isprintable() for issue in (error.issue, *archive.issues, *archive.verify()))
    for words in (["verify"], ["verify", "--json"], ["inspect"], ["inspect", "--json"], ["extract"], ["check"]):
        main([*words, str(path)])
        out, err = capsys.readouterr()
        assert (out + err).replace("\n", "").isprintable(), words
        if "--json" in words:  # which escapes by itself, so that a program finds the member by its name
            assert json.loads(out)["issues"][0]["argument"] == showable(name)
        else:
            assert printable(name) in out + err, words


def test_a_name_in_a_message_is_escaped_once(tmp_path: Path) -> None:
    path = tmp_path / "m.tar.gz"
    path.write_bytes(hostile.tarred(hostile.tar_member("m/a\nb", b"x", kind=b"2")))
    with pytest.raises(UnsafeArchiveError, match=r"that is no file: 'm/a\\nb'$"):
        marpack.open_archive(path)


def test_json_hides_what_is_secret_in_the_name_of_a_member() -> None:
    issue = Issue(code="crc", argument="a\n?token=hush", message="is damaged")
    assert issue.asdict() == {"code": "crc", "argument": "a\n?token=***", "message": "is damaged"}


def test_names_of_what_is_damaged_are_those_of_the_archive(tmp_path: Path) -> None:
    name = "b\tc"
    digests = {"metadata": {"sha256": {name: "0" * 64, "gone\n": "0" * 64}}}
    path = tmp_path / "m.mar"
    data = zipped({NAME: json.dumps(json.loads(TEXT) | digests).encode(), name: b"x"})
    path.write_bytes(data)
    with marpack.open_archive(path) as archive:
        assert {(issue.argument, issue.code) for issue in archive.verify()} == {
            (name, "digest"),
            ("gone\n", "missing-file"),
        }
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a\nb").symlink_to("gone")
    with marpack.open_archive(tmp_path / "m") as archive:
        assert [issue.argument for issue in archive.issues] == ["a\nb"]
    (tmp_path / "m.tar.gz").write_bytes(tarred([("x/l\nk", "a")]))
    with marpack.open_archive(tmp_path / "m.tar.gz") as archive:
        assert [issue.argument for issue in archive.issues] == ["x/l\nk"]


@pytest.mark.parametrize("threads", [0, -1])
def test_less_than_one_thread_is_refused(threads: int, tmp_path: Path) -> None:
    with (
        marpack.open_archive(packed(tmp_path, "default")) as archive,
        pytest.raises(ValueError, match="threads must be a whole number from 1 on"),
    ):
        archive.verify(threads=threads)


class CountedHeaders(io.BytesIO):
    """A zip that counts how often each local header, by its place, is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.starts = [found.start() for found in re.finditer(b"PK\3\4", data)]
        self.counts: Counter[int] = Counter()

    def read(self, size: int | None = -1, /) -> bytes:
        at = self.tell()
        data = super().read(size)
        self.counts.update([at] if at in self.starts and 4 <= len(data) < 200 else [])
        return data


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_local_header_is_read_once(method: int, tmp_path: Path) -> None:
    file = CountedHeaders(
        zipped({NAME: TEXT.encode()} | {f"f{number}": b"x" * 100 for number in range(11)}, method)
    )
    with marpack.open_archive(file) as archive:
        archive.extract(tmp_path / "out")
        assert len(file.starts) == 12
        assert file.counts == dict.fromkeys(file.starts, 1)
        assert archive.verify() == ()
        assert archive.read("f3") == b"x" * 100
        assert file.counts == dict.fromkeys(file.starts, 1)


def test_equal_members_are_equal_wherever_they_lie(tmp_path: Path) -> None:
    """A copy of a member opens it, too: what ties it to its record is its place."""
    twice = hostile.zipped(hostile.Member("a", b"x"), hostile.Member("a", b"x"))
    for data in (twice, tarred([("m/a", b"x"), ("m/b", b"y")])):
        path = tmp_path / ("m.mar" if data is twice else "m.tar.gz")
        path.write_bytes(data)
        with marpack.open_archive(path) as archive:
            assert [member.index for member in archive.members] == list(range(len(archive.members)))
            for member in archive.members:
                with archive.open(replace(member)) as reader:
                    assert reader.read()
            assert replace(archive.members[0], index=9) == archive.members[0]


def test_a_path_that_no_disk_has() -> None:
    for ask in (marpack.open_archive, read_manifest):
        with pytest.raises(ArchiveError, match="'a\\\\x00b' is no path"):
            ask("a\0b")
    [finding] = marpack.check("a\0b")
    assert (finding.severity, finding.code) == ("error", "container-structure")
