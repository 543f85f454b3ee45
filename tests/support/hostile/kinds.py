"""Members that are no files, and folders that are no plain ones."""

from __future__ import annotations

import stat
import struct
from typing import Any

from tests.support.hostile.case import Json, case, tgz_case
from tests.support.hostile.tgz_bytes import pax, tar_member, tarred
from tests.support.hostile.zip_bytes import DESCRIPTOR, MANIFEST, TEXT, Member, deflated, zipped


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
        tgz_case(title, tarred(tar_member("m/a", kind=kind, link=link)), code, "m/a")
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
        tgz_case(
            "a link, and a file through it in a tgz",
            tarred(tar_member("m/a", kind=b"2", link=b".."), tar_member("m/a/x", b"x")),
            "link",
            "m/a",
        ),
        tgz_case(
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
