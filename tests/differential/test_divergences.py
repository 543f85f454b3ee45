"""Where marpack differs from the official tool on purpose: both are run, and what each does is asserted.

Each test shows one row of spec/divergences.md.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack import compat
from tests.conftest import full_disk
from tests.support import official
from tests.support.official import MODELS, ROOT, WORKFLOWS, Outcome, Tool, Worlds, write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Both = Callable[..., tuple[Outcome, Outcome]]

BASE = ["--model-name=m", "-v1.0", "--handler=base_handler", "--export-path=out"]
WORKFLOW = ["--workflow-name=w", "--spec-file=s.yaml", "--handler=", "--export-path=out"]


@pytest.fixture(autouse=True)
def _official() -> None:
    official.require_official()
    official.require_official(WORKFLOWS)


@pytest.fixture
def both(tmp_path: Path) -> Both:
    """Run both tools on these files, with these arguments after the usual ones."""
    return running(tmp_path, MODELS, BASE)


@pytest.fixture
def both_workflows(tmp_path: Path) -> Both:
    """Do the same for workflows, with a specification among the files."""
    return running(tmp_path, WORKFLOWS, WORKFLOW, {"s.yaml": b"models: {}"})


def running(folder: Path, tool: Tool, base: list[str], always: Mapping[str, bytes] | None = None) -> Both:
    def run(
        files: Mapping[str, bytes], *argv: str, prepare: Callable[[Path], object] | None = None, **options: Any
    ) -> tuple[Outcome, Outcome]:
        def build(world: Path) -> None:
            (world / "out").mkdir()
            for name, content in {**(always or {}), **files}.items():
                write_file(world / name, content)
            if prepare:
                prepare(world)

        return Worlds(folder, build, tool=tool).run([*base, *argv], **options)

    return run


def members(outcome: Outcome, archive: str = "out/m.mar") -> dict[str, bytes]:
    """Return what is in a zip archive but its manifest."""
    with zipfile.ZipFile(outcome.world / archive) as opened:
        names = [name for name in opened.namelist() if not name.endswith("-INF/MANIFEST.json")]
        return {name: opened.read(name) for name in names}


def manifest(outcome: Outcome, archive: str = "out/m.mar") -> dict[str, Any]:
    with zipfile.ZipFile(outcome.world / archive) as opened:
        found: dict[str, Any] = json.loads(opened.read(opened.namelist()[-1]))
        return found


def dates(outcome: Outcome, archive: str = "out/m.mar") -> dict[str, tuple[int, int, int, int, int, int]]:
    with zipfile.ZipFile(outcome.world / archive) as opened:
        return {info.filename: info.date_time for info in opened.infolist()}


def written(outcome: Outcome, folder: str = "out") -> set[str]:
    return {path.relative_to(outcome.world / folder).as_posix() for path in (outcome.world / folder).rglob("*")}


def statuses(outcomes: tuple[Outcome, Outcome]) -> tuple[int, int]:
    return outcomes[0].status, outcomes[1].status


def refuses(outcome: Outcome, *words: str) -> bool:
    """Tell whether marpack said no with these words and wrote nothing."""
    return outcome.status == 1 and all(word in outcome.stderr for word in words) and not written(outcome)


def test_every_row_has_a_test_and_every_test_a_row() -> None:
    table = (Path(__file__).parents[2] / "spec" / "divergences.md").read_text("utf-8")
    rows = re.findall(r"^\| (D-\d\d) \|", table, re.MULTILINE)
    marks = [mark for value in globals().values() for mark in getattr(value, "pytestmark", [])]
    tested = {mark.args[0] for mark in marks if mark.name == "divergence"}
    assert len(rows) == len(set(rows)) > 0
    assert tested == set(rows)


def test_what_holds_for_workflows_too_has_a_test_of_them() -> None:
    table = (Path(__file__).parents[2] / "spec" / "divergences.md").read_text("utf-8")
    stated = table.partition("in the same way for workflows:")[2].partition("\n\n")[0]
    tested = {
        mark.args[0]
        for name, value in globals().items()
        for mark in getattr(value, "pytestmark", [])
        if mark.name == "divergence" and name.startswith("test_workflow")
    }
    own = set(re.findall(r"^\| (D-\d\d) \| workflows: ", table, re.MULTILINE))
    assert tested - own == set(re.findall(r"D-\d\d", stated))
    assert own


# ------------------------------------------------------------------------------------- temporary folder


@pytest.mark.divergence("D-01")
def test_a_folder_named_like_the_model_in_the_temporary_folder(both: Both) -> None:
    theirs, ours = both({"tmp/m/precious": b"x"}, temporary="tmp")
    assert statuses((theirs, ours)) == (0, 0)
    assert not (theirs.world / "tmp" / "m").exists()
    assert (ours.world / "tmp" / "m" / "precious").read_bytes() == b"x"


@pytest.mark.divergence("D-01")
def test_an_input_inside_of_that_folder(both: Both) -> None:
    theirs, ours = both({"tmp/m/w.pt": b"x"}, "--serialized-file=tmp/m/w.pt", temporary="tmp")
    assert statuses((theirs, ours)) == (1, 0)
    assert not (theirs.world / "tmp" / "m" / "w.pt").exists()
    assert members(ours) == {"w.pt": b"x"}


@pytest.mark.divergence("D-02")
@pytest.mark.parametrize(("export_path", "status"), [(f"{ROOT}/out", 0), ("out", 1)])
def test_no_archive_into_the_temporary_folder(both: Both, export_path: str, status: int) -> None:
    theirs, ours = both(
        {"w.pt": b"x"},
        "--serialized-file=w.pt",
        "--archive-format=no-archive",
        f"--export-path={export_path}",
        temporary="out",
    )
    assert statuses((theirs, ours)) == (status, 0)
    assert "m/MAR-INF/MANIFEST.json" not in written(theirs)
    assert written(ours) == {"m", "m/w.pt", "m/MAR-INF", "m/MAR-INF/MANIFEST.json"}


# ------------------------------------------------------------------------------------------------ times


@pytest.mark.divergence("D-03")
@pytest.mark.parametrize(
    ("seconds", "date"),
    [
        (0, (1980, 1, 1, 0, 0, 0)),
        (315_532_799, (1980, 1, 1, 0, 0, 0)),
        (4_354_819_200, (2107, 12, 31, 23, 59, 58)),
        (7_000_000_000, (2107, 12, 31, 23, 59, 58)),
    ],
)
@pytest.mark.parametrize("archive_format", ["default", "zip-store"])
def test_a_file_of_a_time_that_zip_cannot_hold(
    both: Both, archive_format: str, seconds: int, date: tuple[int, ...]
) -> None:
    def prepare(world: Path) -> None:
        write_file(world / "x", b"x", mtime_ns=seconds * 10**9)

    theirs, ours = both({}, "--extra-files=x", f"--archive-format={archive_format}", prepare=prepare)
    assert statuses((theirs, ours)) == (1, 0)
    assert dates(ours)["x"] == date


@pytest.mark.divergence("D-03")
def test_packed_at_a_time_that_zip_cannot_hold(both: Both) -> None:
    theirs, ours = both({"w.pt": b"x"}, "--serialized-file=w.pt", timestamp=0)
    assert statuses((theirs, ours)) == (1, 0)
    assert set(dates(ours).values()) == {(1980, 1, 1, 0, 0, 0)}
    assert manifest(ours)["createdOn"] == "01/01/1970 00:00:00"


@pytest.mark.divergence("D-03")
def test_packed_at_a_time_that_gzip_cannot_hold(both: Both) -> None:
    theirs, ours = both({}, "--archive-format=tgz", timestamp=2**32)
    assert statuses((theirs, ours)) == (1, 0)
    assert (ours.world / "out" / "m.tar.gz").read_bytes()[4:8] == b"\xff" * 4


@pytest.mark.divergence("D-04")
def test_local_time(both: Both) -> None:
    theirs, ours = both({"x": b""}, "--extra-files=x", zone="IST-5:30")
    assert manifest(theirs)["createdOn"] == "15/11/2023 03:43:21"
    assert manifest(ours)["createdOn"] == "14/11/2023 22:13:21"
    assert dates(theirs)["x"] == (2020, 9, 13, 17, 56, 40)
    assert dates(ours)["x"] == (2020, 9, 13, 12, 26, 40)


# ------------------------------------------------------------------------------------------ extra files


@pytest.mark.divergence("D-05")
@pytest.mark.parametrize("value", ["a.txt, b.txt", " a.txt,b.txt", "a.txt , b.txt ", "a.txt, ,b.txt"])
def test_blanks_around_an_item(both: Both, value: str) -> None:
    theirs, ours = both({"a.txt": b"a", "b.txt": b"b"}, f"--extra-files={value}")
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours) == {"a.txt": b"a", "b.txt": b"b"}


@pytest.mark.divergence("D-05")
def test_a_name_that_begins_with_a_blank(both: Both) -> None:
    theirs, ours = both({" a.txt": b"a"}, "--extra-files= a.txt")
    assert statuses((theirs, ours)) == (0, 0)
    assert members(theirs) == {}
    assert members(ours) == {" a.txt": b"a"}


@pytest.mark.divergence("D-06")
def test_a_name_that_looks_like_a_wildcard(both: Both) -> None:
    files = {"weights[1].bin": b"1", "a*b": b"2", "aXb": b"3"}
    theirs, ours = both(files, "--extra-files=weights[1].bin,a*b")
    assert statuses((theirs, ours)) == (0, 0)
    assert members(theirs) == {"a*b": b"2", "aXb": b"3"}
    assert members(ours) == {"weights[1].bin": b"1", "a*b": b"2"}


@pytest.mark.divergence("D-10")
def test_two_folders_with_a_sub_folder_of_one_name(both: Both) -> None:
    theirs, ours = both({"f/sub/a": b"a", "g/sub/b": b"b"}, "--extra-files=f,g")
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours) == {"sub/a": b"a", "sub/b": b"b"}


@pytest.mark.divergence("D-10")
def test_one_folder_twice(both: Both) -> None:
    theirs, ours = both({"f/sub/a": b"a"}, "--extra-files=f,f")
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours) == {"sub/a": b"a"}


@pytest.mark.divergence("D-14")
@pytest.mark.parametrize("make", [lambda path: path.symlink_to("nowhere"), os.mkfifo])
def test_what_is_no_file_in_a_folder(both: Both, make: Callable[[Path], object]) -> None:
    theirs, ours = both({"f/a": b"a"}, "--extra-files=f", prepare=lambda world: make(world / "f" / "weights"))
    assert theirs.status == 0
    assert members(theirs) == {"a": b"a"}
    assert refuses(ours, "f/weights")


@pytest.mark.divergence("D-14")
def test_a_device_for_a_file(both: Both) -> None:
    theirs, ours = both({}, "--requirements-file=/dev/null")
    assert theirs.status == 0
    assert members(theirs) == {"null": b""}
    assert refuses(ours, "/dev/null")


@pytest.mark.divergence("D-15")
def test_a_folder_that_is_left_out_is_not_looked_into(both: Both) -> None:
    def prepare(world: Path) -> None:
        (world / "f" / ".git").mkdir()
        (world / "f" / ".git" / "broken").symlink_to("nowhere")

    theirs, ours = both({"f/a": b"a"}, "--extra-files=f", prepare=prepare)
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours) == {"a": b"a"}


# ------------------------------------------------------------------------------------------------ names


@pytest.mark.divergence("D-11")
@pytest.mark.parametrize("name", ["MAR-INF/MANIFEST.json", "MAR-INF/other", "mar-inf/x", "Mar-Inf"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_in_mar_inf(both: Both, name: str) -> None:
    theirs, ours = both({f"f/{name}": b"x"}, "--extra-files=f")
    assert theirs.status == 0
    with zipfile.ZipFile(theirs.world / "out" / "m.mar") as opened:
        assert opened.namelist()[0] == name
        assert len(opened.namelist()) == 2
    assert refuses(ours, "MAR-INF", name)


@pytest.mark.divergence("D-12")
def test_a_backslash_in_a_name(both: Both) -> None:
    theirs, ours = both({"f/a\\b": b"x"}, "--extra-files=f")
    assert theirs.status == 0
    assert members(theirs) == {"a\\b": b"x"}
    assert refuses(ours, "backslash")


@pytest.mark.divergence("D-12")
@pytest.mark.parametrize(
    ("archive_format", "status"), [("default", 1), ("zip-store", 1), ("tgz", 0), ("no-archive", 0)]
)
def test_a_name_that_is_not_unicode(both: Both, archive_format: str, status: int) -> None:
    name = os.fsdecode(b"f/\xff")
    theirs, ours = both({name: b"x"}, "--extra-files=f", f"--archive-format={archive_format}")
    assert theirs.status == status
    assert refuses(ours, "not valid Unicode")


@pytest.mark.divergence("D-13")
def test_a_line_break_at_the_end_of_the_model_name(both: Both) -> None:
    theirs, ours = both({}, "--model-name=m\n")
    assert theirs.status == 0
    assert written(theirs) == {"m\n.mar"}
    assert refuses(ours, "model name")


@pytest.mark.divergence("D-22")
def test_two_different_files_for_one_name(both: Both) -> None:
    theirs, ours = both({"a/x.py": b"1", "b/x.py": b"2"}, "--model-file=a/x.py", "--extra-files=b/x.py")
    assert theirs.status == 0
    assert members(theirs) == {"x.py": b"2"}
    assert refuses(ours, "a/x.py", "b/x.py")


@pytest.mark.divergence("D-22")
def test_a_file_and_a_folder_for_one_name(both: Both) -> None:
    theirs, ours = both({"f/x/inner": b"1", "g/x": b"2"}, "--extra-files=f,g")
    assert theirs.status == 0
    assert members(theirs) == {"x/inner": b"1", "x/x": b"2"}
    assert refuses(ours, "f/x", "g/x")


# --------------------------------------------------------------------------------------------- handlers


@pytest.mark.divergence("D-07")
@pytest.mark.parametrize("folder", [".pyenv", "a.python", "x.py"])
def test_py_in_a_folder_name(both: Both, folder: str) -> None:
    theirs, ours = both({f"{folder}/h.py": b"h"}, f"--handler={folder}/h:entry")
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours) == {"h.py": b"h"}
    assert manifest(ours)["model"]["handler"] == "h:entry"


@pytest.mark.divergence("D-07")
@pytest.mark.parametrize("name", ["h.python.txt", "h.pyc", "a:b.py"])
def test_a_handler_that_only_holds_py(both: Both, name: str) -> None:
    theirs, ours = both({name: b"h"}, f"--handler={name}")
    assert theirs.status == 0
    assert members(theirs) == {name: b"h"}
    assert refuses(ours, "--handler")


@pytest.mark.divergence("D-08")
def test_an_entry_after_py(both: Both) -> None:
    theirs, ours = both({"h.py": b"h"}, "--handler=h.py:entry")
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours) == {"h.py": b"h"}
    assert manifest(ours)["model"]["handler"] == "h.py:entry"


@pytest.mark.divergence("D-09")
def test_a_slash_after_the_colon(both: Both) -> None:
    theirs, ours = both({"h.py": b"h"}, "--handler=h:a/b")
    assert theirs.status == 0
    assert manifest(theirs)["model"]["handler"] == "b"
    assert refuses(ours, "h:a/b.py")


@pytest.mark.divergence("D-09")
def test_a_colon_in_a_folder_name(both: Both) -> None:
    theirs, ours = both({"d:1/h.py": b"h"}, "--handler=d:1/h")
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours) == {"h.py": b"h"}


@pytest.mark.divergence("D-16")
@pytest.mark.parametrize("value", ["libh.so", "libh.so:Handler"])
def test_a_shared_library_with_its_suffix(both: Both, value: str) -> None:
    theirs, ours = both({"libh.so": b"h"}, "--runtime=LSP", f"--handler={value}")
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours) == {"libh.so": b"h"}


# ------------------------------------------------------------------------------------------- the output


@pytest.mark.divergence("D-17")
def test_stale_files_of_a_replaced_model(both: Both) -> None:
    files = {"w.pt": b"new", "out/m/w.pt": b"old", "out/m/stale": b"s", "out/m/MAR-INF/MANIFEST.json": b"{}"}
    theirs, ours = both(files, "--serialized-file=w.pt", "--archive-format=no-archive", "--force")
    assert statuses((theirs, ours)) == (0, 0)
    assert written(theirs) - written(ours) == {"m/stale"}
    assert not written(ours) - written(theirs)
    assert (ours.world / "out" / "m" / "w.pt").read_bytes() == b"new"


@pytest.mark.divergence("D-17")
def test_a_folder_that_is_no_model(both: Both) -> None:
    theirs, ours = both({"out/m/mine": b"x"}, "--archive-format=no-archive", "--force")
    assert statuses((theirs, ours)) == (0, 1)
    assert "m/MAR-INF/MANIFEST.json" in written(theirs)
    assert written(ours) == {"m", "m/mine"}


@pytest.mark.divergence("D-17")
def test_a_link_where_the_folder_goes(both: Both) -> None:
    def prepare(world: Path) -> None:
        (world / "elsewhere").mkdir()
        (world / "out" / "m").symlink_to(world / "elsewhere")

    theirs, ours = both({}, "--archive-format=no-archive", "--force", prepare=prepare)
    assert statuses((theirs, ours)) == (0, 1)
    assert "MAR-INF/MANIFEST.json" in written(theirs, "elsewhere")
    assert not written(ours, "elsewhere")


@pytest.mark.divergence("D-18")
def test_an_archive_that_somebody_still_reads(both: Both) -> None:
    def prepare(world: Path) -> None:
        (world / "reader").hardlink_to(world / "out" / "m.mar")

    theirs, ours = both({"out/m.mar": b"old"}, "--force", prepare=prepare)
    assert statuses((theirs, ours)) == (0, 0)
    assert (theirs.world / "reader").read_bytes() == (theirs.world / "out" / "m.mar").read_bytes()
    assert (ours.world / "reader").read_bytes() == b"old"


@pytest.mark.divergence("D-18")
def test_a_broken_link_where_the_archive_goes(both: Both) -> None:
    theirs, ours = both({}, prepare=lambda world: (world / "out" / "m.mar").symlink_to(world / "target"))
    assert statuses((theirs, ours)) == (0, 1)
    assert (theirs.world / "target").exists()
    assert not (ours.world / "target").exists()


@pytest.mark.divergence("D-19")
@pytest.mark.parametrize("archive_format", ["default", "zip-store", "tgz"])
def test_a_disk_that_is_full(both: Both, archive_format: str) -> None:
    suffix = official.FORMATS[archive_format]
    files = {"w.pt": os.urandom(100_000), f"out/m{suffix}": b"old", "tmp/x": b""}
    with full_disk(100_000):  # the weights fit, the archive does not
        theirs, ours = both(
            files, "--serialized-file=w.pt", "--force", f"--archive-format={archive_format}", temporary="tmp"
        )
    assert statuses((theirs, ours)) == (1, 1)
    assert (theirs.world / "out" / f"m{suffix}").read_bytes() != b"old"
    assert written(theirs, "tmp") == {"x", "m", "m/w.pt"}
    assert written(ours) == {f"m{suffix}"}
    assert (ours.world / "out" / f"m{suffix}").read_bytes() == b"old"
    assert written(ours, "tmp") == {"x"}


@pytest.mark.divergence("D-19")
def test_a_missing_file_leaves_nothing_behind(both: Both) -> None:
    theirs, ours = both(
        {"w.pt": b"w", "tmp/x": b""}, "--serialized-file=w.pt", "--config-file=no", temporary="tmp"
    )
    assert statuses((theirs, ours)) == (1, 1)
    assert written(theirs, "tmp") == {"x", "m", "m/w.pt"}
    assert written(ours, "tmp") == {"x"}


@pytest.mark.divergence("D-23")
def test_no_archive_keeps_the_time_of_an_extra_file(both: Both) -> None:
    theirs, ours = both({"x": b"x"}, "--extra-files=x", "--archive-format=no-archive")
    times = [int((outcome.world / "out" / "m" / "x").stat().st_mtime) for outcome in (theirs, ours)]
    assert times == [official.TIMESTAMP, int((ours.world / "x").stat().st_mtime)]
    assert times[0] != times[1]


# --------------------------------------------------------------------------------------- the conversation


@pytest.mark.divergence("D-20")
def test_success_says_what_was_made(both: Both) -> None:
    theirs, ours = both({"w.pt": b"w"}, "--serialized-file=w.pt")
    assert statuses((theirs, ours)) == (0, 0)
    assert theirs.stdout == theirs.stderr == ours.stderr == ""
    assert "out/m.mar" in ours.stdout
    assert "w.pt" in ours.stdout


@pytest.mark.divergence("D-21")
def test_an_error_is_a_line(both: Both) -> None:
    theirs, ours = both({}, "--serialized-file=no.pt", "--config-file=no.yaml", "--model-name=a b")
    assert statuses((theirs, ours)) == (1, 1)
    assert "Traceback" in theirs.stderr
    assert "no.pt" not in theirs.stderr
    lines = ours.stderr.splitlines()
    assert len(lines) == 3
    for line, word in zip(lines, ["a b", "no.pt", "no.yaml"], strict=True):
        assert line.startswith("marpack: error: ")
        assert word in line


@pytest.mark.divergence("D-24")
@pytest.mark.parametrize(
    "option", ["--archive-format=auto", "--reproducible", "--digest", "--json", "--quiet", "--dry-run"]
)
def test_options_of_its_own(both: Both, option: str) -> None:
    theirs, ours = both({}, option)
    assert statuses((theirs, ours)) == (2, 0)


# -------------------------------------------------------------------------------------------- workflows

WAR = "out/w.war"


@pytest.mark.divergence("D-01")
def test_workflow_and_a_folder_of_its_name_in_the_temporary_folder(both_workflows: Both) -> None:
    theirs, ours = both_workflows({"tmp/w/precious": b"x"}, temporary="tmp")
    assert statuses((theirs, ours)) == (0, 0)
    assert not (theirs.world / "tmp" / "w" / "precious").exists()
    assert (ours.world / "tmp" / "w" / "precious").read_bytes() == b"x"


@pytest.mark.divergence("D-27")
def test_workflow_leaves_no_copies_behind(both_workflows: Both) -> None:
    theirs, ours = both_workflows({"tmp/x": b"", "h.py": b"h"}, "--handler=h.py", temporary="tmp")
    assert statuses((theirs, ours)) == (0, 0)
    assert written(theirs, "tmp") == {"x", "w", "w/s.yaml", "w/h.py"}
    assert written(ours, "tmp") == {"x"}


@pytest.mark.divergence("D-03")
def test_workflow_packed_at_a_time_that_zip_cannot_hold(both_workflows: Both) -> None:
    theirs, ours = both_workflows({}, timestamp=0)
    assert statuses((theirs, ours)) == (1, 0)
    assert set(dates(ours, WAR).values()) == {(1980, 1, 1, 0, 0, 0)}
    assert manifest(ours, WAR)["createdOn"] == "01/01/1970 00:00:00"


@pytest.mark.divergence("D-04")
def test_workflow_in_local_time(both_workflows: Both) -> None:
    theirs, ours = both_workflows({}, zone="IST-5:30")
    assert manifest(theirs, WAR)["createdOn"] == "15/11/2023 03:43:21"
    assert manifest(ours, WAR)["createdOn"] == "14/11/2023 22:13:21"
    assert dates(theirs, WAR)["s.yaml"] == (2023, 11, 15, 3, 43, 20)
    assert dates(ours, WAR)["s.yaml"] == (2023, 11, 14, 22, 13, 20)


@pytest.mark.divergence("D-11")
@pytest.mark.parametrize("name", ["WAR-INF", "war-inf"])
def test_workflow_with_a_file_named_like_the_manifests_folder(both_workflows: Both, name: str) -> None:
    theirs, ours = both_workflows({f"d/{name}": b"x"}, f"--extra-files=d/{name}")
    assert theirs.status == 0
    assert members(theirs, WAR) == {"s.yaml": b"models: {}", name: b"x"}
    assert refuses(ours, "WAR-INF", name)


@pytest.mark.divergence("D-12")
@pytest.mark.parametrize(("name", "status"), [("a\\b", 0), (os.fsdecode(b"\xff"), 1)])
def test_workflow_with_names_that_get_lost(both_workflows: Both, name: str, status: int) -> None:
    theirs, ours = both_workflows({name: b"x"}, f"--extra-files={name}")
    assert theirs.status == status
    assert refuses(ours, "the name")


@pytest.mark.divergence("D-13")
def test_workflow_with_a_line_break_at_the_end_of_its_name(both_workflows: Both) -> None:
    theirs, ours = both_workflows({}, "--workflow-name=w\n")
    assert theirs.status == 0
    assert written(theirs) == {"w\n.war"}
    assert refuses(ours, "workflow name")


@pytest.mark.divergence("D-14")
def test_workflow_with_a_device_for_a_file(both_workflows: Both) -> None:
    theirs, ours = both_workflows({}, "--handler=/dev/null")
    assert theirs.status == 0
    assert members(theirs, WAR)["null"] == b""
    assert refuses(ours, "/dev/null")


@pytest.mark.divergence("D-18")
def test_workflow_that_somebody_still_reads(both_workflows: Both) -> None:
    def prepare(world: Path) -> None:
        (world / "reader").hardlink_to(world / WAR)

    theirs, ours = both_workflows({WAR: b"old"}, "--force", prepare=prepare)
    assert statuses((theirs, ours)) == (0, 0)
    assert (theirs.world / "reader").read_bytes() == (theirs.world / WAR).read_bytes()
    assert (ours.world / "reader").read_bytes() == b"old"


@pytest.mark.divergence("D-19")
def test_workflow_and_a_disk_that_is_full(both_workflows: Both) -> None:
    with full_disk(100_000):  # the copy fits, the archive does not
        theirs, ours = both_workflows(
            {"x": os.urandom(100_000), WAR: b"old"}, "--extra-files=x", "--force", temporary="out"
        )
    assert statuses((theirs, ours)) == (1, 1)
    assert (theirs.world / WAR).read_bytes() != b"old"
    assert (ours.world / WAR).read_bytes() == b"old"
    assert written(ours) == {"w.war"}


@pytest.mark.divergence("D-20")
def test_workflow_says_what_was_made(both_workflows: Both) -> None:
    theirs, ours = both_workflows({})
    assert statuses((theirs, ours)) == (0, 0)
    assert theirs.stdout == theirs.stderr == ours.stderr == ""
    assert WAR in ours.stdout
    assert "s.yaml" in ours.stdout


@pytest.mark.divergence("D-21")
def test_workflow_errors_are_lines(both_workflows: Both) -> None:
    theirs, ours = both_workflows({}, "--spec-file=no.yaml", "--handler=no.py", "--workflow-name=a b")
    assert statuses((theirs, ours)) == (1, 1)
    assert "no.yaml" not in theirs.stderr
    lines = ours.stderr.splitlines()
    assert len(lines) == 3
    for line, words in zip(lines, ["--workflow-name: ", "--spec-file: ", "--handler: "], strict=True):
        assert line.startswith(f"marpack: error: {words}")


@pytest.mark.divergence("D-22")
def test_workflow_with_two_different_files_for_one_name(both_workflows: Both) -> None:
    theirs, ours = both_workflows({"a/x.py": b"1", "b/x.py": b"2"}, "--handler=a/x.py", "--extra-files=b/x.py")
    assert theirs.status == 0
    assert members(theirs, WAR)["x.py"] == b"2"
    assert refuses(ours, "a/x.py", "b/x.py")


@pytest.mark.divergence("D-24")
@pytest.mark.parametrize(
    "option", ["--reproducible", "--digest", "--json", "--quiet", "--dry-run", "--deflate=zlib", "--threads=1"]
)
def test_workflow_options_of_its_own(both_workflows: Both, option: str) -> None:
    theirs, ours = both_workflows({}, option)
    assert statuses((theirs, ours)) == (2, 0)


@pytest.mark.divergence("D-28")
def test_workflow_without_a_handler(tmp_path: Path) -> None:
    base = [word for word in WORKFLOW if word != "--handler="]
    theirs, ours = running(tmp_path, WORKFLOWS, base, {"s.yaml": b"models: {}"})({})
    assert statuses((theirs, ours)) == (1, 0)
    assert "AttributeError" in theirs.stderr
    assert manifest(ours, WAR)["workflow"]["handler"] == ""


@pytest.mark.divergence("D-29")
def test_workflow_without_a_specification(both_workflows: Both) -> None:
    theirs, ours = both_workflows({}, "--spec-file=")
    assert theirs.status == 0
    assert manifest(theirs, WAR)["workflow"]["specFile"] == ""
    assert members(theirs, WAR) == {}
    assert refuses(ours, "--spec-file")


@pytest.mark.divergence("D-30")
@pytest.mark.parametrize(("option", "key"), [("--spec-file", "specFile"), ("--handler", "handler")])
def test_workflow_lists(both_workflows: Both, option: str, key: str) -> None:
    theirs, ours = both_workflows({"d/a.yaml": b"a", "b.yaml": b"b"}, f"{option}=d/a.yaml,b.yaml")
    assert statuses((theirs, ours)) == (0, 0)
    assert members(theirs, WAR) == members(ours, WAR)
    assert manifest(theirs, WAR)["workflow"][key] == "a.yaml,b.yaml"
    assert manifest(ours, WAR)["workflow"][key] == "b.yaml"


@pytest.mark.divergence("D-30")
def test_workflow_with_a_comma_in_a_name(both_workflows: Both) -> None:
    theirs, ours = both_workflows({"a,b.yaml": b"x"}, "--spec-file=a,b.yaml")
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours, WAR) == {"a,b.yaml": b"x"}
    assert manifest(ours, WAR)["workflow"]["specFile"] == "a,b.yaml"


@pytest.mark.divergence("D-31")
@pytest.mark.parametrize("value", ["d", "d/*.txt", "d/a.txt, d/b.txt", "d/a.txt,,d/b.txt"])
def test_workflow_extra_files(both_workflows: Both, value: str) -> None:
    theirs, ours = both_workflows({"d/a.txt": b"a", "d/b.txt": b"b"}, f"--extra-files={value}")
    assert statuses((theirs, ours)) == (1, 0)
    assert members(ours, WAR) == {"a.txt": b"a", "b.txt": b"b", "s.yaml": b"models: {}"}


# ---------------------------------------------------------------------------------------------- imports


@pytest.mark.divergence("D-25")
def test_a_version_that_is_a_number() -> None:
    config = Namespace(**vars(compat.ModelArchiverConfig("m", "base_handler", "1")) | {"version": 2})
    utils = official.official_module("model_packaging_utils").ModelExportUtils
    assert '"modelVersion": 2\n' in utils.generate_manifest_json(config)
    assert '"modelVersion": "2"\n' in compat.ModelExportUtils.generate_manifest_json(config)


@pytest.mark.divergence("D-26")
def test_an_imported_call_with_an_input_that_does_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    config = compat.ModelArchiverConfig("m", "gone.py", "1", "w.pt", export_path=str(tmp_path))
    with pytest.raises(FileNotFoundError):
        official.official_module("model_packaging").package_model(config, "{}")
    with pytest.raises(compat.ModelArchiverError, match="2 problems"):
        compat.package_model(config, "{}")
