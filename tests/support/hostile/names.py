"""Names that lead out of the folder, that no folder takes, or that are two members."""

from __future__ import annotations

from typing import Any

from tests.support.hostile.case import Json, case, tgz_case
from tests.support.hostile.tgz_bytes import pax, tar_member, tarred
from tests.support.hostile.zip_bytes import MANIFEST, UTF8, Member, zipped


def _plain(name: str, **more: Any) -> bytes:
    return zipped(Member(name, b"x", **more))


NAMES = {
    "name-traversal": ["../x", "a/../../x", "a/../b", "..", "../outevil/x", "../.marpack", "a/.."],
    "name-absolute": ["/etc/x", "//x/y"],
    "name-drive": ["C:/x", "c:x"],
    "name-backslash": ["..\\x", "a\\b", "\\\\host\\share\\x"],
    "name-nul": ["a\0b", "MAR-INF/MANIFEST.json\0"],
    "name-dot": ["./a", "a//b", "a/./b", "."],
    "name-empty": [""],
    "name-long": ["a" * 256, "/".join(["a" * 250] * 17), "/".join(["a"] * 300)],
}


def names() -> Json:
    cases = []
    for code, listed in NAMES.items():
        for name in listed:
            shown = name if name.isprintable() else repr(name)[1:-1]
            title = shown if len(shown) < 40 else f"{len(shown)} characters"
            cases.append(case(f"zip: {title!r}", _plain(name), code, name or None))
            if name.startswith("/"):
                cases.append(tgz_case(f"tgz: {title!r}", tarred(tar_member(name, b"x")), code, name))
            elif len(name) < 98 and "\0" not in name and name and name != "." and not name.startswith("./"):
                inner = name if code != "name-drive" else f"{name}"
                cases.append(
                    tgz_case(f"tgz: m/{title!r}", tarred(tar_member(f"m/{inner}", b"x")), *_in_tgz(code, name))
                )
    cases += [
        case("a name that is not UTF-8", zipped(Member(b"\xff", b"x", flags=UTF8)), "name-encoding", "\udcff"),
        case("an overlong form", zipped(Member(b"a\xc0\xaf", b"x", flags=UTF8)), "name-encoding", "a\udcc0\udcaf"),
        case("another character set", zipped(Member("ä".encode("cp437"), b"x")), "zip-name-flag", "\udc84"),
        case("a folder", zipped(Member("../x/")), "name-traversal", "../x"),
        case("nothing but a slash", zipped(Member("/")), "name-empty"),
        tgz_case("Latin-1 in a tgz", tarred(tar_member("m/ä".encode("latin-1"))), "name-encoding", "m/\udce4"),
        tgz_case("all of the name", tarred(tar_member("../x", b"x")), "name-traversal", "../x"),
        tgz_case("a folder in a tgz", tarred(tar_member("m/../../x/", kind=b"5")), "name-traversal", "m/../../x/"),
        tgz_case(
            "in a PAX header", tarred(pax(("path", "m/../../x")), tar_member("m/x")), "name-traversal", "m/../../x"
        ),
        tgz_case(
            "absolute in a PAX header", tarred(pax(("path", "/x")), tar_member("m/x")), "name-absolute", "/x"
        ),
        tgz_case(
            "in a long name of GNU's",
            tarred(tar_member("././@LongLink", b"m/../../x\0", kind=b"L"), tar_member("m/x")),
            "name-traversal",
            "m/../../x",
        ),
        tgz_case(
            "a NUL in a long name of GNU's",
            tarred(tar_member("././@LongLink", b"m/x\0y\0", kind=b"L"), tar_member("m/x")),
            "name-nul",
            "m/x\x00y",
        ),
        tgz_case("joined of two parts", tarred(tar_member("../x", prefix=b"m/..")), "name-traversal", "m/../../x"),
        tgz_case("the longest of all", tarred(pax(("path", "m/" + "a/" * 3000)), tar_member("m/x")), "name-long"),
    ]
    return {
        "title": "names that lead out of the folder, or that no folder takes",
        "clauses": ["R2", "R4", "R11"],
        "source": "server-behaviour A.5, E1: TorchServe refuses, misplaces or keeps them as they are; its check "
        "of '../<folder>evil/x' is one of a prefix and passes",
        "cases": cases,
    }


def _in_tgz(code: str, shown: str) -> tuple[str, str]:
    # A drive is one at the beginning only, which the first folder takes; the whole name is looked at first.
    return code, shown if code in ("name-drive", "name-dot") else f"m/{shown}"


def side_by_side() -> Json:
    one, other = Member("a", b"1"), Member("a", b"2")
    return {
        "title": "names that are two members",
        "clauses": ["R2", "R11"],
        "source": "server-behaviour A.5: the last of two equal names counts for TorchServe, the first for others; "
        "a file that is a folder too is refused",
        "cases": [
            case("the same name twice", zipped(one, other), "duplicate", "a"),
            case("two manifests", zipped(Member(MANIFEST, b"{}")), "duplicate", MANIFEST),
            case("names that differ in case", zipped(one, Member("A", b"2")), "case-collision", "A"),
            case("folders that differ in case", zipped(Member("d/a"), Member("D/b")), "case-collision", "D"),
            case(
                "a folder of its own and another case", zipped(Member("D/"), Member("d/b")), "case-collision", "D"
            ),
            case("beyond ASCII", zipped(Member("ß", b"1"), Member("SS", b"2")), "case-collision", "SS"),
            case("composed and decomposed", zipped(Member("é"), Member("e\u0301")), "case-collision", "e\u0301"),
            case("a file that is a folder", zipped(one, Member("a/b")), "file-and-folder", "a"),
            case("a folder that is a file", zipped(Member("a/b"), one), "file-and-folder", "a"),
            case("an empty folder that is a file", zipped(Member("a/"), one), "file-and-folder", "a"),
            tgz_case("tgz: the same name twice", tarred(tar_member("m/a"), tar_member("m/a")), "duplicate", "a"),
            tgz_case("tgz: below two folders", tarred(tar_member("m/a"), tar_member("n/a")), "duplicate", "a"),
            tgz_case("tgz: case", tarred(tar_member("m/a"), tar_member("m/A")), "case-collision", "A"),
            tgz_case(
                "tgz: a file that is a folder",
                tarred(tar_member("m/a"), tar_member("m/a/b")),
                "file-and-folder",
                "a",
            ),
        ],
    }
