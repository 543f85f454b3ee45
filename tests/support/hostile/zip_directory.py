"""Zips whose directory or end is not what it says."""

from __future__ import annotations

from tests.support.hostile.case import POINTER, Json, broken_case, case
from tests.support.hostile.tgz_bytes import tar_member, tarred
from tests.support.hostile.zip_bytes import FILL, Member, zipped


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
            broken_case("nothing", b"", "zip-no-end"),
            broken_case("a text", b"hello " * 20, "zip-no-end"),
            broken_case("a gzip'd tar", tarred(tar_member("m/a")), "wrong-form"),
            broken_case("a pointer of Git LFS", POINTER, "git-lfs"),
            case("two ends, one in the comment of the other", zipped(a, comment=inner), "zip-two-ends"),
            case("two ends, the second without its comment", zipped(a, comment=zipped(b) + b"\0"), "zip-two-ends"),
            case("bytes behind the end", zipped(a, behind=b"\0"), "zip-trailing"),
            broken_case("cut off within the end", whole[:-3], "zip-no-end"),
            broken_case("cut off before the end", whole[:-22], "zip-no-end"),
            broken_case("cut off within the directory", whole[: directory + 20], "zip-no-end"),
            broken_case("cut off within a member", whole[: directory - 5], "zip-no-end"),
            broken_case("cut off within a header", whole[:20], "zip-no-end"),
            broken_case("cut out before the end", whole[:30] + whole[-50:], "zip-truncated"),
            case("bytes between the directory and the end", zipped(a, end={"size": 46, "offset": 90}), "zip-gap"),
            broken_case("one member too many", zipped(a, end={"count": 3, "here": 3}), "zip-directory"),
            broken_case("one member too few", zipped(a, end={"count": 1, "here": 1}), "zip-directory"),
            broken_case(
                "more members than have room", zipped(a, end={"count": 9999, "here": 9999}), "zip-directory"
            ),
            broken_case("no record in the directory", whole.replace(b"PK\1\2", b"PK\1\3"), "zip-directory"),
            broken_case(
                "a name longer than the directory",
                zipped(Member("a", central={"name_length": 9999})),
                "zip-directory",
            ),
            broken_case("the second disk", zipped(a, end={"disk": 1}), "zip-disks"),
            broken_case("a directory on another disk", zipped(a, end={"directory_disk": 1}), "zip-disks"),
            broken_case("members on several disks", zipped(a, end={"count": 3}), "zip-disks"),
            broken_case(
                "a member on another disk", zipped(Member("a", b"1", central={"disk": 2})), "zip-disks", "a"
            ),
            broken_case("a 64-bit end that is nowhere", zipped(a, wide={"at": 1 << 60}, end=far), "zip-end"),
            broken_case(
                "a 64-bit end beyond all numbers", zipped(a, wide={"at": (1 << 64) - 1}, end=far), "zip-end"
            ),
            broken_case("a 64-bit end that is none", zipped(a, wide={"signature": b"PK\6\5"}, end=far), "zip-end"),
            case("a 64-bit end of another length", zipped(a, wide={"length": 45}, end=far), "zip-gap"),
            case("a 64-bit end that disagrees", zipped(a, wide={"count": 1, "here": 1}), "zip-two-ends"),
            broken_case("a 64-bit end on another disk", zipped(a, wide={"locator_disk": 1}, end=far), "zip-disks"),
            case("a 64-bit end that is too short", zipped(a, wide={"length": 30}, end=far), "zip-gap"),
            case("a 64-bit end on two disks", zipped(a, wide={"disks": 2}, end=far), "zip-two-ends"),
            broken_case("a 64-bit end on the second disk", zipped(a, wide={"disk": 1}, end=far), "zip-disks"),
            broken_case(
                "a 64-bit end with a directory beyond all files",
                zipped(a, wide={"offset": (1 << 64) - 9}, end=far),
                "zip-truncated",
            ),
            case("a 64-bit end without need", zipped(a, wide={}), None),
            case("a 64-bit end that is needed", zipped(a, wide={}, end=far), None),
        ],
    }
