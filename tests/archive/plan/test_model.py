from __future__ import annotations

import codecs
import dataclasses
import io
import mmap
import os
import pickle
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import PlanError, plan_archive
from marpack.archive.plan.extra_files import Patterns
from tests.conftest import require

T = 1_600_000_000


class NoOffset(tzinfo):
    """A time zone that does not say which."""

    def utcoffset(self, when: datetime | None, /) -> None:
        return None

    dst = utcoffset

    def tzname(self, when: datetime | None, /) -> str:
        return "somewhere"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "handler.py": "handle = print\n",
        "model.py": "class M: pass\n",
        "w.pt": "weights",
        "labels.json": "{}",
        "pkg/__init__.py": "",
        "pkg/sub/deep.py": "x = 1\n",
        "pkg/__pycache__/x.pyc": "x",
        "pkg/.git/config": "x",
        "pkg/.hidden": "x",
        "other/sub/more.py": "x = 2\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (T, T))
    return tmp_path


def names(**arguments: Any) -> list[str]:
    arguments = {"model_name": "m", "handler": "base_handler", **arguments}
    return [entry.name for entry in plan_archive(**arguments).files]


def issues(**arguments: Any) -> list[tuple[str, str]]:
    arguments = {"model_name": "m", "handler": "base_handler", **arguments}
    with pytest.raises(PlanError) as caught:
        plan_archive(**arguments)
    return [(issue.argument, issue.code) for issue in caught.value.issues]


def read(entry: marpack.Member) -> bytes:
    return b"".join(entry.chunks())


def test_what_the_arguments_become() -> None:
    plan = plan_archive(
        model_name="m",
        version="2.1",
        handler="handler",
        model_file="model.py",
        serialized_file=Path("w.pt"),
        extra_files=["labels.json", "pkg"],
        requirements_file=["torch>=2", "numpy"],
        config_file=b"minWorkers: 1\n",
        timestamp=T,
    )
    assert [entry.name for entry in plan.files] == [
        ".hidden",
        "__init__.py",
        "handler.py",
        "labels.json",
        "model-config.yaml",
        "model.py",
        "requirements.txt",
        "w.pt",
        "sub/deep.py",
    ]
    model = plan.manifest.model
    assert (model.handler, model.model_file, model.serialized_file) == ("handler", "model.py", "w.pt")
    assert (model.requirements_file, model.config_file) == ("requirements.txt", "model-config.yaml")
    assert (model.model_version, plan.manifest.created_on) == ("2.1", "13/09/2020 12:26:40")
    by_name = {entry.name: entry for entry in plan.files}
    assert read(by_name["requirements.txt"]) == b"torch>=2\nnumpy\n"
    assert read(by_name["model-config.yaml"]) == b"minWorkers: 1\n"


@pytest.mark.parametrize(
    "contents", [b"abc", bytearray(b"abc"), memoryview(b"abc"), io.BytesIO(b"abc"), {"model.py": b"abc"}]
)
def test_contents_in_memory(contents: Any) -> None:
    [entry] = plan_archive(model_name="m", handler="base_handler", model_file=contents).files
    assert (entry.name, read(entry), read(entry)) == ("model.py", b"abc", b"abc")


def test_text_is_given_as_bytes() -> None:
    [entry] = plan_archive(model_name="m", handler="base_handler", model_file="class Ü: pass\n".encode()).files
    assert (entry.name, read(entry)) == ("model.py", "class Ü: pass\n".encode())


def test_open_file_is_read_from_where_it_stands() -> None:
    with open("w.pt", "rb") as file:
        file.seek(3)
        plan = plan_archive(model_name="m", handler="base_handler", serialized_file=file)
        [entry] = plan.files
        assert (entry.name, read(entry), read(entry)) == ("w.pt", b"ghts", b"ghts")
        assert not file.closed


def test_source_of_the_callers_own() -> None:
    class Tensor:
        size = 4

        def open(self) -> io.BytesIO:
            return io.BytesIO(b"1234")

    assert isinstance(Tensor(), marpack.Source)
    [entry] = plan_archive(model_name="m", handler="base_handler", serialized_file=Tensor()).files
    assert (entry.name, read(entry)) == ("model.pt", b"1234")


@pytest.mark.parametrize("handler", [{"h.py": b"x"}, {"h.py:f": b"x"}, {"h": b"x"}, {"h:f": "handler.py"}])
def test_handler_under_a_name(handler: Any) -> None:
    plan = plan_archive(model_name="m", handler=handler)
    assert [entry.name for entry in plan.files] == ["h.py"]
    assert plan.manifest.model.handler == next(iter(handler))


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


@pytest.mark.parametrize("role", ["model_file", "serialized_file", "requirements_file", "config_file"])
def test_a_str_is_a_path_whatever_is_in_it(role: str, folder: Path) -> None:
    (folder / "odd\nname").write_text("x")
    assert names(**{role: "odd\nname"}) == ["odd\nname"]
    assert names(**{role: {"y": "odd\nname"}}) == ["y"]
    assert names(extra_files=["odd\nname"]) == names(extra_files={"odd\nname": "odd\nname"}) == ["odd\nname"]
    text = "class M: pass\nclass N: pass\n"
    for value in (text, {"y": text}):
        with pytest.raises(PlanError, match="give contents as bytes"):
            names(**{role: value})
        assert issues(**{role: value}) == [(role, "missing-file")]
    assert issues(extra_files={"y": text}, handler={"h.py": text}) == [
        ("handler", "missing-file"),
        ("extra_files", "missing-file"),
    ]


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


def test_every_problem_is_reported_at_once(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    (folder / "broken").symlink_to("nowhere")
    (folder / "pkg" / "loop").symlink_to(folder / "pkg")
    assert issues(
        model_name="no/slash",
        version=1.0,
        handler="missing",
        model_file="pkg",
        serialized_file="fifo",
        extra_files=["broken", "labels.json/x", {"../up": b"", "MAR-INF/x": b"", "a\\b": b""}, "pkg", b"?", 5],
        requirements_file=7,
        config_file=io.StringIO("text"),
        runtime="perl",
        archive_format="rar",
        timestamp=datetime(2020, 1, 1),
        metadata={"x": float("nan")},
    ) == [
        ("model_name", "bad-model-name"),
        ("version", "bad-type"),
        ("runtime", "bad-value"),
        ("archive_format", "bad-value"),
        ("timestamp", "bad-timestamp"),
        ("model_file", "not-a-file"),
        ("serialized_file", "not-a-file"),
        ("extra_files", "missing-file"),
        ("extra_files", "missing-file"),
        ("extra_files", "bad-member-name"),
        ("extra_files", "bad-member-name"),
        ("extra_files", "bad-member-name"),
        ("extra_files", "not-a-file"),
        ("extra_files", "bad-type"),
        ("extra_files", "bad-type"),
        ("requirements_file", "bad-type"),
        ("config_file", "bad-type"),
        ("metadata", "bad-metadata"),
    ]


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


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"handler": None}, "bad-type"),
        ({"handler": "class H: pass\n"}, "bad-value"),
        ({"handler": {}}, "bad-value"),
        ({"handler": {"a.py": b"", "b.py": b""}}, "bad-value"),
        ({"handler": {"base_handler": b""}}, "bad-value"),
        ({"handler": {"pkg/h.py": b""}}, "bad-member-name"),
        ({"handler": "handler.py.bak"}, "missing-file"),
        ({"model_file": {"d/model.py": b""}}, "bad-member-name"),
        ({"model_file": {}}, "bad-value"),
        ({"model_file": {1: b""}}, "bad-type"),
        ({"model_file": "model.py/"}, "missing-file"),
        ({"model_file": "a\0b"}, "missing-file"),
        ({"model_file": "w" * 300}, "missing-file"),
        ({"model_file": 3}, "bad-type"),
        ({"extra_files": {3: b""}}, "bad-type"),
        ({"extra_files": {"x": 3}}, "bad-type"),
        ({"extra_files": marpack.tree("nowhere")}, "missing-file"),
        ({"extra_files": marpack.tree("model.py")}, "not-a-file"),
        ({"extra_files": marpack.tree("pkg", prefix="a\\b")}, "bad-member-name"),
        ({"extra_files": marpack.tree("pkg", prefix="../up")}, "bad-member-name"),
        ({"requirements_file": ["a\nb"]}, "bad-type"),
        ({"requirements_file": [1]}, "bad-type"),
        ({"timestamp": "now"}, "bad-type"),
        ({"timestamp": True}, "bad-type"),
        ({"timestamp": 1e20}, "bad-timestamp"),
        ({"timestamp": float("nan")}, "bad-timestamp"),
        ({"timestamp": 10**5000}, "bad-timestamp"),
        ({"timestamp": datetime(2020, 1, 1, tzinfo=NoOffset())}, "bad-timestamp"),
        ({"extra_files": Patterns("\0/*")}, "bad-value"),
        ({"extra_files": Patterns("\ud800/*")}, "bad-value"),
        ({"extra_files": ["\0/*"]}, "missing-file"),
        ({"metadata": ["x"]}, "bad-metadata"),
        ({"metadata": {"x": object()}}, "bad-metadata"),
        ({"metadata": {("a", "b"): 1}}, "bad-metadata"),
        ({"metadata": {"x": [{1: "a", "1": "b"}]}}, "bad-metadata"),
        ({"extra_files": {"x": "\ud800\n"}}, "missing-file"),
        ({"requirements_file": ["\ud800"]}, "bad-value"),
        ({"owner": 5}, "bad-type"),
        ({"runtime": []}, "bad-value"),
        ({"archive_format": []}, "bad-value"),
        ({"model_name": None}, "bad-type"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], code: str) -> None:
    found = issues(**arguments)
    assert {found_code for _, found_code in found} == {code}
    assert {argument for argument, _ in found} == set(arguments)


def test_file_that_cannot_seek() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as file, open(writing, "wb"):
        assert issues(serialized_file=file) == [("serialized_file", "unreadable")]


@pytest.mark.parametrize("mode", ["r", "w+", "wb", "ab"])
def test_file_that_cannot_be_read_as_bytes(mode: str) -> None:
    with open("handler.py" if mode == "r" else "new", mode) as file:
        assert len(issues(serialized_file=file)) == 1


def test_codec_is_no_binary_file() -> None:
    reader, writer = codecs.getreader("utf-8"), codecs.getwriter("utf-8")
    with codecs.StreamReaderWriter(Path("handler.py").open("rb"), reader, writer) as file:
        assert issues(model_file=file) == [("model_file", "bad-type")]


@pytest.mark.parametrize("size", [-1, None, "5", 2.0])
def test_source_with_an_impossible_size(size: object) -> None:
    class Odd:
        def __init__(self) -> None:
            self.size = size

        def open(self) -> io.BytesIO:
            return io.BytesIO()

    assert issues(serialized_file=Odd()) == [("serialized_file", "bad-type")]


def test_map_of_a_file_in_memory() -> None:
    with open("w.pt", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        [entry] = plan_archive(model_name="m", handler="base_handler", serialized_file=mapped).files  # type: ignore[arg-type]
        assert (entry.name, read(entry)) == ("model.pt", b"weights")


def test_open_file_that_stands_at_its_end() -> None:
    """As torch.save leaves it."""
    file = io.BytesIO()
    assert names(serialized_file=file) == ["model.pt"]
    file.write(b"x")
    assert issues(serialized_file=file) == [("serialized_file", "bad-value")]


def test_path_object_of_bytes() -> None:
    class BytesPath:
        def __fspath__(self) -> bytes:
            return b"w.pt"

    path: Any = BytesPath()
    assert names(serialized_file=path, extra_files=[path], handler=Path("handler.py")) == ["handler.py", "w.pt"]


def test_misspelt_built_in_handler() -> None:
    with pytest.raises(PlanError, match="did you mean 'image_classifier'"):
        plan_archive(model_name="m", handler="image_clasifier")
    with pytest.raises(PlanError, match="did you mean 'image_classifier'"):
        plan_archive(model_name="m", handler="image_classifier.py")
    with pytest.raises(PlanError, match="choose from base_handler"):
        plan_archive(model_name="m", handler="gone")
    with pytest.raises(PlanError, match=r"'gone\.py' does not exist"):
        plan_archive(model_name="m", handler="gone.py")
    with pytest.raises(PlanError, match="'pkg/' is a folder"):
        plan_archive(model_name="m", handler="pkg/")


def test_handler_that_cannot_be_reached(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    with pytest.raises(PlanError, match=r"'loop/h\.py' cannot be reached"):
        plan_archive(model_name="m", handler="loop/h")


def test_permissions() -> None:
    """What may not be read, reached or written to is named, also when the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        for folder in ("open", "closed", "readonly"):
            (top / folder).mkdir()
        (top / "open" / "w.pt").touch(mode=0o000)
        (top / "closed" / "h.py").touch()
        (top / "closed").chmod(0o000)
        (top / "readonly").chmod(0o555)
        top.chmod(0o755)
        # Who may not read this clone imports nothing of it: what is needed is here when the copy is made.
        with pytest.raises(PlanError):
            marpack.pack(model_name="m", handler=top / "gone", export_path=top / "gone")
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if os.getuid() == 0:
                    os.setuid(65534)
                with pytest.raises(PlanError) as caught:
                    marpack.pack(
                        model_name="m",
                        handler=top / "closed" / "h.py",
                        serialized_file=top / "open" / "w.pt",
                        extra_files=top / "closed",
                        export_path=top / "readonly",
                    )
                assert [(issue.argument, issue.code) for issue in caught.value.issues] == [
                    ("serialized_file", "unreadable"),
                    ("handler", "unreadable"),
                    ("extra_files", "unreadable"),
                    ("export_path", "export-path"),
                ]
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        (top / "closed").chmod(0o755)


def test_size_is_asked_for_once() -> None:
    class Growing:
        asked = 0

        @property
        def size(self) -> int:
            self.asked += 1
            return 5 * self.asked

        def open(self) -> io.BytesIO:
            return io.BytesIO(b"x" * 5 * self.asked)

    source = Growing()
    plan = plan_archive(model_name="m", handler="base_handler", serialized_file=source)
    assert b"".join(marpack.iter_archive(plan)).startswith(b"PK")
    source.asked += 1
    with pytest.raises(marpack.SourceChangedError, match=f"longer than the planned {plan.files[0].size} bytes"):
        b"".join(marpack.iter_archive(plan))


def test_lists_without_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert issues(extra_files=endless) == [("extra_files", "bad-value")]


def test_link_to_itself(folder: Path) -> None:
    (folder / "pkg" / "self").symlink_to("self")
    assert issues(extra_files="pkg") == [("extra_files", "missing-file")]
    assert issues(model_file="pkg/self") == [("model_file", "missing-file")]


def test_warnings_of_what_the_server_does_not_load() -> None:
    assert "'..'" in plan_archive(model_name="a..b", handler="handler.py").warnings[0]
    plan = plan_archive(model_name="m", handler="base_handler", archive_format="no-archive")
    assert "another form" in plan.warnings[0]


def test_closed_file() -> None:
    file = io.BytesIO(b"x")
    file.close()
    assert issues(serialized_file=file) == [("serialized_file", "unreadable")]


def test_undecodable_file_name(folder: Path) -> None:
    (folder / "latin").mkdir()
    try:
        open(os.fsencode(folder) + b"/latin/\xe9", "w").close()
    except OSError:
        require(None, "a file system that takes any name")
    assert issues(extra_files="latin") == [("extra_files", "bad-member-name")]


def test_error_says_it_all_and_travels() -> None:
    with pytest.raises(PlanError) as caught:
        plan_archive(model_name="", handler="gone.py")
    assert str(caught.value).startswith("2 problems:\n- model_name: ")
    assert isinstance(caught.value, ValueError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.issues, str(again)) == (caught.value.issues, str(caught.value))


def test_empty_is_absent() -> None:
    plan = plan_archive(
        model_name="m",
        handler="",
        version="",
        model_file="",
        serialized_file=None,
        extra_files="",
        requirements_file=[],
    )
    assert plan.files == ()
    assert '"handler": ""' in plan.manifest_text
    assert "modelVersion" not in plan.manifest_text


def test_times_and_modes(folder: Path) -> None:
    (folder / "w.pt").chmod(0o4755)
    when = datetime(2020, 9, 13, 14, 26, 40, 999_999, tzinfo=timezone(timedelta(hours=2)))
    plan = plan_archive(
        model_name="m", handler="handler.py", serialized_file="w.pt", extra_files="labels.json", timestamp=when
    )
    assert plan.timestamp == T
    assert {entry.name: (entry.mode, entry.mtime_ns // 10**9) for entry in plan.files} == {
        "handler.py": (0o644, T),
        "labels.json": (0o644, T),
        "w.pt": (0o4755, T),
    }
    fixed = plan_archive(model_name="m", handler="base_handler", serialized_file="w.pt", reproducible=True)
    assert [(entry.mode, entry.mtime_ns) for entry in fixed.files] == [(0o644, 315532800 * 10**9)]
    assert fixed.manifest.created_on == "01/01/1980 00:00:00"
    assert fixed.owner == marpack.Owner(uid=0, gid=0, user="", group="")


def test_owners() -> None:
    bad: list[dict[str, Any]] = [{"uid": -1}, {"gid": "0"}, {"user": None}, {"group": "a\0"}, {"user": "\ud800"}]
    for arguments in bad:
        with pytest.raises(ValueError, match="are"):
            marpack.Owner(**arguments)


def test_reproducible_takes_nothing_from_the_machine(folder: Path) -> None:
    def built() -> bytes:
        plan = plan_archive(
            model_name="m",
            handler="handler.py",
            extra_files="pkg",
            reproducible=True,
            archive_format="tgz",
            timestamp=T,
        )
        return b"".join(marpack.iter_archive(plan))

    before = built()
    for path in folder.rglob("*"):
        os.utime(path, (T + 999, T + 999))
        if path.is_file():
            path.chmod(0o600)
    assert built() == before


def test_metadata_goes_under_its_own_key() -> None:
    plan = plan_archive(model_name="m", handler="base_handler", metadata={"git": "abc", "ü": [1, None]})
    assert plan.manifest.metadata == {"git": "abc", "ü": [1, None]}
    assert plan.manifest_text.isascii()


def test_plan_prints_what_it_will_pack() -> None:
    plan = plan_archive(model_name="m", handler="handler.py", serialized_file="w.pt")
    text = str(plan)
    manifest = len(plan.manifest_text)
    assert text.splitlines()[0] == f"m.mar: 3 members, {22 + manifest} bytes before compression"
    assert [line.split()[-1] for line in text.splitlines()[1:]] == ["handler.py", "w.pt", "MAR-INF/MANIFEST.json"]


def test_plan_is_a_value_that_validates_itself() -> None:
    plan = plan_archive(model_name="m", handler="handler.py", serialized_file="w.pt", timestamp=T)
    assert plan == plan_archive(model_name="m", handler="handler.py", serialized_file="w.pt", timestamp=T)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.model_name = "n"  # type: ignore[misc]
    with pytest.raises(ValueError, match="order"):
        dataclasses.replace(plan, files=plan.files[::-1])
    with pytest.raises(ValueError, match="order"):
        dataclasses.replace(plan, files=plan.files[:1] * 2)
    with pytest.raises(ValueError, match=r"'\.\.' part"):
        dataclasses.replace(plan, files=(dataclasses.replace(plan.files[0], name="../x"),))
    with pytest.raises(ValueError, match="model name"):
        dataclasses.replace(plan, model_name="")
    with pytest.raises(ValueError, match="form 'foo'"):
        dataclasses.replace(plan, archive_format="foo")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="all stored"):
        dataclasses.replace(plan, archive_format="zip-store")
    below = dataclasses.replace(plan.files[0], name="w.pt/x")
    with pytest.raises(ValueError, match="both a file and a folder"):
        dataclasses.replace(plan, files=(plan.files[1], below))
    bad: list[dict[str, Any]] = [{"size": -1}, {"size": 1 << 63}, {"mode": 0o120777}, {"compression": 12}]
    for change in bad:
        with pytest.raises(ValueError, match=r"size|mode|compression"):
            dataclasses.replace(plan.files[0], **change)


def test_planning_reads_no_contents(folder: Path) -> None:
    """A terabyte of nothing is planned at once."""
    with (folder / "huge.pt").open("wb") as file:
        file.truncate(1 << 40)
    plan = plan_archive(model_name="m", handler="base_handler", serialized_file="huge.pt")
    assert plan.files[0].size == 1 << 40


@pytest.mark.parametrize("argument", ["runtime", "archive_format", "deflate", "version"])
def test_a_number_longer_than_python_writes_is_refused(argument: str) -> None:
    arguments: Any = {"model_name": "m", "handler": "base_handler", argument: 10**5000}
    with pytest.raises(PlanError) as caught:
        marpack.plan_archive(**arguments)
    [issue] = caught.value.issues
    assert issue.argument == argument
    assert "a huge number" in issue.message
