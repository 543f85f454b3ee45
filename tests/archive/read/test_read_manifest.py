"""Reading the manifest of an archive, whole or broken."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import pickle
import random
import re
import stat
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ArchiveError, LimitError, Limits, ManifestError, ModelStore
from marpack.archive.read.open import read_manifest
from tests.support.archive_bytes import tarred, zipped
from tests.support.archives import MANIFEST as NAME
from tests.support.archives import TEXT
from tests.support.bounded_memory import bounded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 1 << 20


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
