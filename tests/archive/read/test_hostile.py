"""Archives that must not be unpacked are refused, each for its reason, and leave nothing behind (R clauses)."""

from __future__ import annotations

import io
import os
import tracemalloc
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import ArchiveError, Limits
from marpack.archive.read.archive import Archive
from tests.support import hostile, vectors
from tests.support.range_server import RangeServer
from tests.support.vectors import HOSTILE, Json, each_case

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CASES = [case for vector in vectors.load(HOSTILE) for case in vector.cases()]
MIB = 1 << 20
# For an archive that is refused, whatever it says of itself: some pieces of contents, what is known of it, and
# what the first archive of a process loads.
MOST_MEMORY = 20 * MIB


def test_the_vectors_are_those_that_are_built() -> None:
    assert {vector.path.stem: vector.data for vector in vectors.load(HOSTILE)} == vectors.built_hostile()
    assert len(CASES) > 200


def make(case: Json, world: Path) -> Path:
    """Make what a case opens, in a folder of its own."""
    path: Path = world / "in" / case["file"]
    if "files" in case:
        vectors.build_world(case, world / "in")
    else:
        path.parent.mkdir()
        path.write_bytes(hostile.archive_of(case))
    return path


def act(case: Json, archive: Archive, target: Path) -> None:
    match case.get("reading", "extract"):
        case "manifest":
            archive.manifest  # noqa: B018
        case "verify":
            assert [[issue.argument, issue.code] for issue in sorted(archive.verify(), key=str)] == case[
                "expected"
            ].get("issues", [])
        case _:
            archive.extract(target, case.get("members"))


def is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def ways(case: Json) -> list[str]:
    """Return how a case is opened; what is downloaded from a URL is an open file."""
    is_zip = "files" not in case and case["file"].endswith((".mar", ".war"))
    return ["path", "file", "url"] if is_zip else ["path", "file"]


@pytest.mark.parametrize(
    ("how", "case"), [pytest.param(how, case, id=f"{how}-{name}") for name, case in CASES for how in ways(case)]
)
def test_a_case(how: str, case: Json, tmp_path: Path, ranges: RangeServer) -> None:
    path = make(case, tmp_path)
    place = ranges.serve(path) if how == "url" else os.fspath(path)
    # A folder has a path only; and of an open file the bytes decide what it is, not its name.
    opened = how == "file" and path.is_file() and is_gzip(path) != path.name.endswith((".mar", ".war"))
    target = tmp_path / "target" / "out"
    target.parent.mkdir()
    before = listing(tmp_path)
    limits = Limits(**case["limits"]) if "limits" in case else None

    def run() -> None:
        with (
            path.open("rb") if opened else nullcontext(place) as source,
            marpack.open_archive(source, limits=limits) as archive,
        ):
            act(case, archive, target)

    expected = case["expected"]
    tracemalloc.start()
    try:
        if "error" not in expected:
            run()
            return
        with pytest.raises(ArchiveError) as caught:
            run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    error = caught.value
    assert (type(error).__name__, error.code) == (expected["error"], expected["code"]), str(error)
    assert error.member == expected.get("member")
    assert error.path == place
    assert len(error.message) < 300
    str(error).encode()
    assert listing(tmp_path) == before
    assert peak < MOST_MEMORY


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in CASES if "path" in ways(case) and "url" in ways(case)]
)
def test_a_case_whose_members_are_inflated_in_parts(
    case: Json, tmp_path: Path, ranges: RangeServer, in_parts: None
) -> None:
    test_a_case("path", case, tmp_path, ranges)


def listing(folder: Path) -> set[str]:
    return {os.path.join(here, name) for here, below, files in os.walk(folder) for name in (*below, *files)}


@each_case([case for case in CASES if "error" not in case[1]["expected"] and "reading" not in case[1]])
def test_what_is_fine_is_unpacked(case: Json, tmp_path: Path) -> None:
    path = make(case, tmp_path)
    with marpack.open_archive(path) as archive:
        names = archive.extract(tmp_path / "out")
        assert archive.issues == archive.verify() == ()
        assert set(names) == {entry.name for entry in archive.members}
        for name in names:
            assert (tmp_path / "out" / name).read_bytes() == archive.read(name)


@each_case([case for case in CASES if "hostile/contents:" in case[0] and case[1]["expected"].get("member") == "a"])
def test_reading_what_is_broken(case: Json, tmp_path: Path) -> None:
    with marpack.open_archive(make(case, tmp_path)) as archive, pytest.raises(ArchiveError) as caught:
        archive.read("a")
    assert caught.value.code == case["expected"]["code"]


@each_case([case for case in CASES if case[1]["expected"].get("error") == "UnsafeArchiveError"])
def test_verify_says_the_same(case: Json, tmp_path: Path) -> None:
    """What is found before anything is unpacked is found by verify too, unless there is nothing to open."""
    path = make(case, tmp_path)
    try:
        archive = marpack.open_archive(path)
    except marpack.UnsafeArchiveError as error:
        assert error.code == case["expected"]["code"]  # noqa: PT017 - both outcomes are fine
        return
    with archive:
        assert case["expected"]["code"] in {issue.code for issue in archive.verify()}


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: b"x" + data])
def test_a_whole_archive_is_told_from_others(change: Callable[[bytes], bytes]) -> None:
    """The builder's archives are refused for what is wrong with them, not for how they are made."""
    for data in (hostile.zipped(hostile.Member("a", b"1")), hostile.tarred(hostile.tar_member("m/a", b"1"))):
        with marpack.open_archive(io.BytesIO(data)) as archive:
            assert archive.verify() == ()
        with pytest.raises(ArchiveError), marpack.open_archive(io.BytesIO(change(data))) as archive:
            archive.refuse()
