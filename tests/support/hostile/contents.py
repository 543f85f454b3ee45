"""Contents that are not what is said of them."""

from __future__ import annotations

import json
import zlib

from tests.support.hostile.case import Json, Pieces, broken_case, case
from tests.support.hostile.zip_bytes import MANIFEST, TEXT, Member, deflated, zipped


def contents() -> Json:
    data = b"contents of a member"
    packed = deflated(data)
    broken = packed[:1] + b"\xff\xff" + packed[3:]
    manifest = {"model": {"modelName": "m", "serializedFile": "m.pt", "configFile": "c.yaml"}}
    sums = {"model": {"modelName": "m"}, "metadata": {"sha256": {"a": "0" * 64, "b": "1" * 64}}}

    def with_manifest(value: bytes | Json, *members: Member) -> bytes:
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        return zipped(*members, Member(MANIFEST, text), manifest=False)

    def bad(title: str, text: bytes) -> Json:
        return broken_case(title, with_manifest(text), "bad-manifest", reading="manifest")

    def found(title: str, archive: bytes, *issues: tuple[str, str]) -> Json:
        return {**case(title, archive, None, reading="verify"), "expected": {"issues": sorted(map(list, issues))}}

    return {
        "title": "contents that are not what is said of them",
        "clauses": ["R9", "R10", "R11"],
        "source": "server-behaviour A.2, A.3, A.4, B.1: TorchServe holds each member against its own header while "
        "it unpacks, and the manifest is read by Gson and by Python's json",
        "cases": [
            broken_case(
                f"a CRC that is not that of a {what} member",
                zipped(Member("a", data, method, 0, {"crc": 1}, {"crc": 1})),
                "crc",
                "a",
            )
            for what, method in (("stored", 0), ("deflated", 8))
        ]
        + [
            broken_case(title, zipped(Member("a", data, 8, local=sizes, central=sizes, packed=what)), code, "a")
            for title, what, sizes, code in (
                ("a size that is too small", packed, {"size": 5}, "size-lies"),
                ("a size that is too large", packed, {"size": 50}, "size-lies"),
                ("bytes behind what is deflated", packed + b"\0", {}, "size-lies"),
                ("two streams", packed + packed, {"size": 2 * len(data)}, "size-lies"),
                ("no deflate stream", broken, {}, "deflate"),
                ("a stream with a zlib header", b"\x78\x9c" + packed, {}, "deflate"),
                ("a stream without an end", b"\0" + packed[1:], {}, "deflate"),
                ("a stream that breaks off", packed[:10], {}, "size-lies"),
                ("an empty member that is not", packed, {"size": 0, "crc": 0}, "size-lies"),
            )
        ]
        + [
            case("no such member", zipped(), "no-member", "x", error="ArchiveError", members=["x"]),
            broken_case("no manifest", zipped(Member("a"), manifest=False), "no-manifest", reading="manifest"),
            broken_case(
                "the manifest below a folder",
                zipped(Member(f"m/{MANIFEST}", TEXT), manifest=False),
                "no-manifest",
                reading="manifest",
            ),
            bad("a manifest that is not UTF-8", b"\xff{}"),
            bad("a manifest with a byte order mark", b"\xef\xbb\xbf" + TEXT),
            bad("a manifest that is no JSON", b"{'a': 1}"),
            bad("a manifest that is no object", b"[]"),
            bad("a manifest of many digits", b'{"x": ' + b"9" * 5000 + b"}"),
            broken_case(
                "a manifest of many brackets", _deep_manifest(100_000), "bad-manifest", reading="manifest"
            ),
            found("all is there", zipped(Member("a", data))),
            found(
                "files that the manifest names, and that are not there",
                with_manifest(manifest, Member("m.pt")),
                ("c.yaml", "missing-file"),
            ),
            found(
                "sums of the manifest",
                with_manifest(sums, Member("a", data)),
                ("a", "digest"),
                ("b", "missing-file"),
            ),
            found(
                "two members with wrong CRCs",
                zipped(*(Member(name, data, 0, 0, {"crc": 1}, {"crc": 1}) for name in "ab")),
                ("a", "crc"),
                ("b", "crc"),
            ),
        ],
    }


def _deep_manifest(depth: int) -> Pieces:
    crc = zlib.crc32(b"[" * depth)
    sizes = {"crc": crc, "compressed": depth, "size": depth}
    archive = zipped(Member(MANIFEST, b"@" * depth, local=sizes, central=sizes), manifest=False)
    at = archive.index(b"@")
    return [archive[:at], (b"[", depth), archive[at + depth :]]
