"""Tgz files that are none, or that readers take differently."""

from __future__ import annotations

from typing import Any

from tests.support.hostile.case import POINTER, Json, tgz_case
from tests.support.hostile.tgz_bytes import gzipped, pax, tar_member, tarred
from tests.support.hostile.zip_bytes import MANIFEST, TEXT, zipped


def tars() -> Json:
    a = tar_member("m/a", b"1")
    last = tar_member(f"m/{MANIFEST}", TEXT)
    whole = tarred(a)
    half = gzipped(a) + gzipped(last + bytes(1024))
    long_name = tar_member("././@LongLink", b"m/b\0", kind=b"L")

    def broken(title: str, archive: bytes, code: str, **more: Any) -> Json:
        return tgz_case(title, archive, code, error="ArchiveError", **more)

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
            tgz_case("two gzip members", half, "gzip-members"),
            tgz_case("an empty second gzip member", tarred(a, behind=gzipped(b"")), "gzip-members"),
            tgz_case("bytes behind the end", tarred(a, behind=b"\0"), "gzip-trailing"),
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
            tgz_case("two extended headers", tarred(pax(("path", "m/b")), pax(("path", "m/c")), a), "tar-header"),
            tgz_case("two long names", tarred(long_name, long_name, a), "tar-header"),
            tgz_case("a long name and one of PAX's", tarred(long_name, pax(("path", "m/c")), a), "tar-header"),
            tgz_case("one name for all", tarred(pax(("path", "m/b"), kind=b"g"), a), "tar-header"),
            tgz_case("one size for all", tarred(pax(("size", "0"), kind=b"g"), a), "tar-header"),
            tgz_case(
                "sizes of holes in a GNU header",
                tarred(tar_member("m/a", magic=b"ustar  \0", end=b"\x80")),
                "tar-header",
            ),
            tgz_case(
                "a first part of a name in a GNU header",
                tarred(tar_member("a", b"1", magic=b"ustar  \0", prefix=b"m/MAR-INF")),
                "tar-header",
            ),
            tgz_case(
                "a first part of a name in an old header",
                tarred(tar_member("a", magic=b"", prefix=b"m")),
                "tar-header",
            ),
            tgz_case(
                "star's header", tarred(tar_member("a", prefix=b"m", end=b"\0" * 8 + b"tar\0")), "tar-header"
            ),
            tgz_case("a folder with contents", tarred(tar_member("m/d/", b"1", kind=b"5")), "tar-header"),
            tgz_case("a file with a folder's name and contents", tarred(tar_member("m/d/", b"1")), "tar-header"),
            tgz_case("a link with contents", tarred(tar_member("m/a", b"1", kind=b"1", link=b"b")), "tar-header"),
            tgz_case("a second tar", tarred(a, end=bytes(1024) + a + last + bytes(1024)), "tar-trailing"),
            tgz_case("zeros between members", tarred(a, bytes(512), last, manifest=False), "tar-trailing"),
            tgz_case("bytes behind the tar", tarred(a, end=bytes(1024) + b"x"), "tar-trailing"),
            tgz_case("a long name of GNU's", tarred(long_name, a), None),
            tgz_case("a name of PAX's", tarred(pax(("path", "m/ü"), ("mtime", "1.5")), a), None),
            tgz_case("a comment for all", tarred(pax(("comment", "x"), kind=b"g"), a), None),
            tgz_case(
                "a folder of its own", tarred(tar_member("m/", kind=b"5"), tar_member("m/d/", kind=b"5"), a), None
            ),
            tgz_case(
                "names that begin with a dot", tarred(tar_member("./a", b"1"), tar_member("./d/b", b"2")), None
            ),
            tgz_case("no zeros at the end", tarred(a, end=b""), None),
            tgz_case("numbers of 256s", tarred(tar_member("m/a", b"1", size=b"\x80" + bytes(10) + b"\1")), None),
            tgz_case("an old header", tarred(tar_member("m/a", b"1", kind=b"\0", magic=b"")), None),
        ],
    }
