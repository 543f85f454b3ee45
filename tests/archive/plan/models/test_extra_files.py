"""Extra files in every form that they are given in, whatever their folders hold, and names that several have."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import PlanError, plan_archive
from marpack.archive.plan.extra_files import Patterns
from tests.conftest import require
from tests.support.archives import T
from tests.support.planned_models import issues, names


def test_extra_files_in_every_form() -> None:
    assert names(extra_files="labels.json") == ["labels.json"]
    assert names(extra_files=Path("labels.json")) == ["labels.json"]
    assert names(extra_files=Patterns("labels.json, model.py ,")) == ["labels.json", "model.py"]
    assert names(extra_files=Patterns("*.json,m*.py")) == ["labels.json", "model.py"]
    assert names(extra_files=Patterns(("*.json", "m*.py"))) == ["labels.json", "model.py"]
    assert names(extra_files=Patterns("*.py,d*", "pkg/sub")) == ["deep.py"]
    assert names(extra_files="pkg") == [".hidden", "__init__.py", "sub/deep.py"]
    assert names(extra_files=["pkg", "other"]) == [".hidden", "__init__.py", "sub/deep.py", "sub/more.py"]
    assert names(extra_files=marpack.tree("pkg")) == ["pkg/.hidden", "pkg/__init__.py", "pkg/sub/deep.py"]
    assert names(extra_files=marpack.tree("pkg/sub", prefix="a/b")) == ["a/b/deep.py"]
    assert names(extra_files=marpack.tree("pkg/sub", prefix=Path("a"))) == ["a/deep.py"]
    assert names(extra_files=marpack.tree(".", prefix="")) == names(extra_files=".")
    assert names(extra_files={"a/config.json": b"{}", "b/config.json": "labels.json"}) == [
        "a/config.json",
        "b/config.json",
    ]
    assert names(extra_files=[marpack.tree("pkg"), {"x": b""}, "labels.json", ["w.pt"]]) == [
        "labels.json",
        "w.pt",
        "x",
        "pkg/.hidden",
        "pkg/__init__.py",
        "pkg/sub/deep.py",
    ]


def test_list_items_are_not_split(folder: Path) -> None:
    (folder / "a,b").write_text("x")
    assert names(extra_files=["a,b"]) == ["a,b"]
    assert names(extra_files="a,b") == ["a,b"]
    assert issues(extra_files=Patterns("a,c")) == [("extra_files", "missing-file")] * 2


@pytest.mark.parametrize("extra_files", ["labels.json,model.py", "*.json", ["l[a]bels.json"], "labels.json,"])
def test_lists_and_wildcards_are_the_command_lines(extra_files: Any) -> None:
    assert issues(extra_files=extra_files) == [("extra_files", "missing-file")]
    with pytest.raises(PlanError, match="give a list of paths"):
        names(extra_files=extra_files)


def test_pattern_without_match_is_a_warning() -> None:
    plan = plan_archive(model_name="m", handler="base_handler", extra_files=Patterns("*.nothing"))
    assert plan.files == ()
    assert "'*.nothing'" in plan.warnings[0]


def test_file_named_like_a_pattern(folder: Path) -> None:
    (folder / "a[1].txt").write_text("x")
    assert names(extra_files="a[1].txt") == ["a[1].txt"]


def test_file_whose_name_has_a_line_break(folder: Path) -> None:
    (folder / "odd").mkdir()
    (folder / "odd" / "a\nb").write_text("x")
    assert names(extra_files="odd") == ["a\nb"]
    assert names(model_file=Path("odd/a\nb")) == ["a\nb"]
    (folder / "odd" / "h\n.py").write_text("x")
    assert names(handler="odd/h\n") == ["h\n.py"]


def test_file_given_twice_is_packed_once() -> None:
    assert names(model_file="model.py", extra_files=["model.py", "./model.py"]) == ["model.py"]


def test_equal_contents_may_share_a_name_and_the_later_wins(folder: Path) -> None:
    twin = folder / "twin"
    twin.mkdir()
    (twin / "model.py").write_text("class M: pass\n")
    (twin / "model.py").chmod(0o600)
    os.utime(twin / "model.py", (T + 50, T + 50))
    [entry] = plan_archive(
        model_name="m", handler="base_handler", model_file="model.py", extra_files="twin/model.py"
    ).files
    assert (entry.mode, entry.mtime_ns) == (0o600, (T + 50) * 10**9)


def test_different_contents_may_not(folder: Path) -> None:
    (folder / "pkg" / "model.py").write_text("class N: pass\n")
    with pytest.raises(PlanError) as caught:
        plan_archive(model_name="m", handler="base_handler", model_file="model.py", extra_files="pkg")
    [issue] = caught.value.issues
    assert (issue.code, issue.argument) == ("collision", "extra_files")
    assert "model_file 'model.py'" in issue.message
    assert "pkg/model.py" in issue.message


def test_file_where_another_needs_a_folder() -> None:
    assert issues(extra_files={"a": b"", "a/b/c": b""}) == [("extra_files", "collision")]


def test_folder_deeper_than_the_stack(folder: Path) -> None:
    depth = 1500
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    try:
        assert names(extra_files="d") == ["d/" * (depth - 1) + "x"]
    finally:  # it is deeper than shutil.rmtree, and so pytest, can remove
        subprocess.run(["rm", "-rf", folder / "d"], check=True)


def test_issues_of_files_below_a_folder(folder: Path) -> None:
    (folder / "pkg" / "sub" / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pkg" / "fifo")
    (folder / "pkg" / "back\\slash").write_text("x")
    (folder / "pkg" / "MAR-INF").mkdir()
    (folder / "pkg" / "MAR-INF" / "MANIFEST.json").write_text("{}")
    assert sorted(issues(extra_files="pkg")) == [
        ("extra_files", "bad-member-name"),
        ("extra_files", "bad-member-name"),
        ("extra_files", "missing-file"),
        ("extra_files", "not-a-file"),
    ]


def test_lists_without_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert issues(extra_files=endless) == [("extra_files", "bad-value")]


def test_link_to_itself(folder: Path) -> None:
    (folder / "pkg" / "self").symlink_to("self")
    assert issues(extra_files="pkg") == [("extra_files", "missing-file")]
    assert issues(model_file="pkg/self") == [("model_file", "missing-file")]


def test_undecodable_file_name(folder: Path) -> None:
    (folder / "latin").mkdir()
    try:
        open(os.fsencode(folder) + b"/latin/\xe9", "w").close()
    except OSError:
        require(None, "a file system that takes any name")
    assert issues(extra_files="latin") == [("extra_files", "bad-member-name")]
