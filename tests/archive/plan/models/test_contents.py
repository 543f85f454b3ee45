"""What the arguments become, and where contents come from: paths, memory, open files, sources of one's own."""

from __future__ import annotations

import codecs
import io
import mmap
import os
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import PlanError, plan_archive
from tests.support.archives import T
from tests.support.planned_models import issues, names, read


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


def test_closed_file() -> None:
    file = io.BytesIO(b"x")
    file.close()
    assert issues(serialized_file=file) == [("serialized_file", "unreadable")]


def test_planning_reads_no_contents(folder: Path) -> None:
    """A terabyte of nothing is planned at once."""
    with (folder / "huge.pt").open("wb") as file:
        file.truncate(1 << 40)
    plan = plan_archive(model_name="m", handler="base_handler", serialized_file="huge.pt")
    assert plan.files[0].size == 1 << 40
