"""What a check holds of an archive, and how often it reads it."""

from __future__ import annotations

import gc
import io
import itertools
import sys
import tarfile
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.archive.read.archive import kept_bytes
from marpack.archive.read.member_reader import MemberReader
from marpack.checks import PythonFile, Settings, Subject
from marpack.checks.frame.contents import ArchiveContents
from tests.checks.cases.model import BASE, MODEL
from tests.support.archives import zipped
from tests.support.checking import codes
from tests.support.held_subjects import Held

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def test_nothing_is_kept_of_a_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[weakref.ref[Subject]] = []

    class Watched(Subject):
        def __init__(self, *args: Any, **words: Any) -> None:
            super().__init__(*args, **words)
            kept.append(weakref.ref(self))

    monkeypatch.setattr("marpack.checks.examine.Subject", Watched)
    marpack.check(
        marpack.plan_archive(
            model_name="m",
            handler={"handler.py": b"import json\ndef handle(data, context): return data\n"},
            config_file={"c.yaml": b"minWorkers: 1\n"},
        )
    )
    marpack.check(marpack.plan_workflow(workflow_name="w", spec_file={"w.yaml": b"models: {}\ndag: {}\n"}))
    gc.collect()
    assert len(kept) == 2
    assert [reference() for reference in kept] == [None, None]


def test_a_file_is_read_once_for_all_rules() -> None:
    opened: list[str] = []

    class Counting:
        problems = ()
        present = ()
        sizes: Mapping[str, int] = {"a.py": 5, "b": 3}

        def open(self, name: str) -> io.BytesIO:
            opened.append(name)
            return io.BytesIO(b"x = 1")

    settings = Settings(python=(3, 11), target="torchserve")
    subject = Subject(Counting(), path="m", file_name="m", form="folder", settings=settings)
    assert subject.source("a.py") is subject.source("a.py")
    assert subject.read("a.py") == subject.read("a.py") == b"x = 1"
    assert subject.read("absent") is None
    assert subject.source("absent") is None
    assert opened == ["a.py"]
    worked: list[Subject] = []
    for _ in range(2):
        subject.once(worked.append)
    assert worked == [subject]


@pytest.mark.parametrize(
    "text", ['{"model": {"modelName": "\u00e9", "modelVersion": "1.0"}}\r\n', '\ufeff{"model": {}}']
)
def test_a_manifest_that_has_been_read_is_not_read_again(text: str, tmp_path: Path) -> None:
    data = text.encode()
    with marpack.open_archive(zipped(tmp_path / "m.mar", [("a.txt", b"x")], manifest=text)) as archive:
        contents = ArchiveContents(archive)
        assert kept_bytes(archive, archive.manifest_name) is None
        assert isinstance(contents.open(archive.manifest_name), MemberReader)
        assert archive.manifest_text == text
        assert kept_bytes(archive, archive.manifest_name) == data
        assert kept_bytes(archive, "a.txt") is None
        with contents.open(archive.manifest_name) as file:
            assert not isinstance(file, MemberReader)
            assert file.read(1 << 20) == data
        assert isinstance(contents.open("a.txt"), MemberReader)


def test_what_a_subject_holds() -> None:
    class Linked:
        problems = ()
        sizes: Mapping[str, int] = {"a/b/c.txt": 1, "d": 1}
        present = ("cache", "deep/link")

        def open(self, name: str) -> io.BytesIO:
            raise KeyError(name)

    settings = Settings(python=(3, 11), target="torchserve")
    subject = Subject(Linked(), path="m", file_name="m", form="folder", settings=settings)
    for path in ("a/b/c.txt", "./a//b", "a", "d", "cache", "cache/any/thing", "deep", "deep/link"):
        assert subject.holds(path), path
    for path in ("", ".", "a/b/c", "b", "cachet", "deep/lin", "/d", "../d"):
        assert not subject.holds(path), path


@pytest.mark.slow
@pytest.mark.parametrize("form", ["default", "tgz"])
def test_weights_are_inflated_about_once(form: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    data = io.BytesIO()
    torch.save({f"w{number}": torch.zeros(1 << 18) for number in range(12)}, data)
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": BASE.encode()},
        model_file={"model.py": MODEL.encode()},
        serialized_file={"w.pt": data.getvalue()},
        archive_format=form,
    )
    path = tmp_path / plan.file_name
    marpack.write_archive(plan, path)
    read = 0
    with marpack.open_archive(path, limits=marpack.Limits(ratio=10_000)) as archive:
        reader = type(archive.open("w.pt"))
        take = reader._take

        def counting(self: Any, size: int) -> bytes:
            nonlocal read
            taken: bytes = take(self, size)
            read += len(taken)
            return taken

        monkeypatch.setattr(reader, "_take", counting)
        assert not marpack.check(archive, select=["weights-state-dict"])
    assert len(data.getvalue()) <= read < len(data.getvalue()) * 1.1


@pytest.mark.slow
def test_damage_around_weights_is_no_fault_of_theirs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    saved = io.BytesIO()
    torch.save({"w": torch.randn(1000)}, saved)
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": BASE.encode()},
        model_file={"model.py": MODEL.encode()},
        serialized_file={"w.pt": saved.getvalue()},
        archive_format="default",
        deflate="parallel",
    )
    path = tmp_path / "m.mar"
    marpack.write_archive(plan, path)
    with marpack.open_archive(path) as archive:
        crc = archive["w.pt"].crc32
    assert crc is not None
    good = path.read_bytes()
    path.write_bytes(good.replace(crc.to_bytes(4, "little"), (crc ^ 1).to_bytes(4, "little")))
    found = [finding for finding in marpack.check(path) if finding.severity == "error"]
    assert [(each.code, each.file, each.member) for each in found] == [("container-structure", str(path), "w.pt")]


def test_more_than_the_limits_is_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("marpack.checks.frame.weights.describe_weights", never)
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": BASE.encode()},
        model_file={"model.py": MODEL.encode()},
        serialized_file={"w.pt": bytes(5000)},
    )
    marpack.write_archive(plan, tmp_path / "m.mar")
    assert "container-structure" in codes(tmp_path / "m.mar", limits=marpack.Limits(size=5000))


def test_checks_in_threads_leave_the_filters_of_warnings_alone() -> None:
    def parse() -> None:
        for _ in range(500):
            PythonFile("a.py", b"x = 1\n", (3, 11))

    before = [*warnings.filters]
    threads = [threading.Thread(target=parse) for _ in range(8)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    assert [*warnings.filters] == before


def test_links_are_gone_through_once() -> None:
    contents = Held({"a.py": b""}, tuple(f"deep/link{number}" for number in range(1000)))
    settings = Settings(python=(3, 11), target="torchserve")
    subject = Subject(contents, path="m", file_name="m", form="folder", settings=settings)
    assert sum(subject.holds(f"deep/link{number}/x") for number in range(2000)) == 1000
    assert contents.asked <= 2


def test_a_tgz_is_read_once_for_its_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"m{number}" for number in range(40)]
    # Each module imports the one that lies before it.
    texts = {f"{name}.py": f"import {before}\n" for before, name in itertools.pairwise(["json", *names])}
    path = tmp_path / "m.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in {
            **texts,
            "handler.py": f"import {names[-1]}\ndef handle(data, context): return data\n",
            "MAR-INF/MANIFEST.json": '{"model": {"modelName": "m", "modelVersion": "1", "handler": "handler.py"}}',
        }.items():
            info = tarfile.TarInfo(f"m/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    with marpack.open_archive(path) as archive:
        begun = []
        stream = archive._container.stream  # type: ignore[attr-defined]

        def begin() -> Any:
            begun.append(1)
            return stream()

        monkeypatch.setattr(archive._container, "stream", begin)
        found = marpack.check(archive)
    assert not [finding for finding in found if finding.severity == "error"]
    assert len(begun) == 1
