"""What the rules are given: how long it is kept, how often it is read, and how texts in it are taken apart."""

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
from marpack.checks import PythonFile, Rule, Settings, Subject
from marpack.checks.frame.contents import LONGEST_SOURCE, LONGEST_TEXT, LONGEST_YAML, MOST_SOURCE, ArchiveContents
from marpack.checks.python.source import LONGEST_COMPILED
from marpack.findings import Finding
from tests.checks.cases.model import BASE, MODEL
from tests.support.archives import zipped
from tests.support.checking import codes, handler

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


# -------------------------------------------------------------------------------------------------- memory


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


# -------------------------------------------------------------------------------------- what is not looked into


class Held:
    """Files in memory; counts how often the names of what cannot be read are gone through."""

    problems = ()

    def __init__(self, files: Mapping[str, bytes], present: tuple[str, ...] = ()) -> None:
        self.files = files
        self.sizes = {name: len(data) for name, data in files.items()}
        self.links = present
        self.asked = 0

    @property
    def present(self) -> tuple[str, ...]:
        self.asked += 1
        return self.links

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self.files[name])


def held(files: Mapping[str, bytes], present: tuple[str, ...] = ()) -> Subject:
    settings = Settings(python=sys.version_info[:2], target="torchserve")
    return Subject(Held(files, present), path="m", file_name="m", form="folder", settings=settings)


def unread(what: Any, **options: Any) -> dict[str, tuple[str, str]]:
    """Return what was not looked into, with severity and message."""
    return {
        (finding.member or "").rpartition("/")[2]: (finding.severity, finding.message)
        for finding in marpack.check(what, **options)
        if finding.code == "container-unread"
    }


def test_a_text_that_is_too_long_is_told(tmp_path: Path) -> None:
    source = b"def handle(data, context): return data\n"
    long = source + b"#" * LONGEST_SOURCE
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": long},
        config_file={"c.yaml": b"#" * (LONGEST_YAML + 1)},
        requirements_file={"r.txt": b"#" * (LONGEST_TEXT + 1)},
    )
    told = unread(plan)
    assert {name: severity for name, (severity, _) in told.items()} == dict.fromkeys(
        ("handler.py", "c.yaml", "r.txt"), "warning"
    )
    assert "longer than 1,048,576 bytes" in told["handler.py"][1]
    # Whatever rules are chosen.
    assert set(unread(plan, select=["handler"], ignore=["container"])) == {"handler.py"}
    (tmp_path / "MAR-INF").mkdir()
    (tmp_path / "MAR-INF" / "MANIFEST.json").write_bytes(b" " * (LONGEST_TEXT + 1))
    assert unread(tmp_path)["MANIFEST.json"][0] == "error"


def test_a_specification_that_is_too_long_is_told() -> None:
    text = b"models: {}\ndag: {}\n" + b"#" * LONGEST_YAML
    plan = marpack.plan_workflow(workflow_name="w", spec_file={"w.yaml": text})
    assert unread(plan)["w.yaml"][0] == "warning"
    assert not [finding for finding in marpack.check(plan) if finding.severity == "error"]


def test_sources_have_a_budget() -> None:
    text = b"#" * LONGEST_SOURCE
    subject = held({f"{number}.py": text for number in range(8)})
    assert [subject.source(f"{number}.py") is not None for number in range(8)] == [True] * 4 + [False] * 4
    assert list(subject.unread) == [f"{number}.py" for number in range(8)]
    assert ["parsed" in message for message in subject.unread.values()] == [True] * 4 + [False] * 4
    assert MOST_SOURCE == 4 * LONGEST_SOURCE


def test_long_sources_are_not_compiled() -> None:
    text = b"return 1\n"
    short = held({"a.py": text}).source("a.py")
    assert short is not None
    assert short.error is not None
    subject = held({"a.py": text + b"#" * LONGEST_COMPILED})
    long = subject.source("a.py")
    assert long is not None
    assert long.tree is not None
    assert "not compiled" in subject.unread["a.py"]


def test_too_little_memory_is_no_fault_of_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("marpack.checks.python.source.ast.parse", parse)
    plan = handler("x = 1\n")
    assert unread(plan)["handler.py"][0] == "warning"
    assert "source-syntax" not in codes(plan)


def requirements(text: bytes) -> marpack.ArchivePlan:
    return marpack.plan_archive(
        model_name="m",
        handler={"handler.py": b"import kit\ndef handle(data, context): return data\n"},
        requirements_file={"r.txt": text},
    )


@pytest.mark.slow
def test_requirements_have_a_most() -> None:
    assert unread(requirements(b"numpy\n" * 10_000)) == {}
    plan = requirements(b"numpy\n" * 10_000 + b"kit = 1\n")
    assert "10,000 lines" in unread(plan)["r.txt"][1]
    assert not codes(plan).keys() & {"requirements-syntax", "import-missing"}
    assert "10,000 characters" in unread(requirements(b"k" * 10_001))["r.txt"][1]
    [finding] = marpack.check(requirements(b"./" + b"k" * 5000 + b".whl\n"), select=["requirements-local"])
    assert len(finding.message) < 100


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


# ------------------------------------------------------------------------------------------ how much is told


@pytest.mark.slow
def test_a_rule_tells_so_much_and_counts_the_rest(tmp_path: Path) -> None:
    names = [(f"{letter}{number}", b"") for number in range(5000) for letter in "aA"]
    found = marpack.check(zipped(tmp_path / "m.mar", names), select="container-case")
    assert len(found) == 20
    assert found[-1].message.endswith("(and 4,980 more of the same)")
    assert not [finding for finding in found[:-1] if "more of the same" in finding.message]


def test_no_error_is_left_out_for_warnings() -> None:
    def problems(severity: Any, count: int, code: str = "our-mixed") -> Any:
        def find(_: Subject) -> Any:
            """Find them."""
            for number in range(count):
                yield Finding(code=code, message=f"{severity} {number}", fix="", severity=severity)

        return find

    rules = [
        Rule(code=f"our-{number}", severity="warning", function=problems("warning", 30, f"our-{number}"))
        for number in range(15)
    ]

    def mixed(subject: Subject) -> Any:
        """Find both."""
        yield from problems("warning", 30)(subject)
        yield from problems("error", 30)(subject)

    rules.append(Rule(code="our-mixed", severity="error", function=mixed))
    found = marpack.check(handler("x = 1\n"), rules=rules)
    errors = [finding.message for finding in found if finding.severity == "error"]
    assert len(errors) == 20
    assert errors[-1] == "error 19 (and 10 more of the same)"
    assert len(found) == 200 + 20 + 1
    assert (found[-1].code, found[-1].severity) == ("container-unread", "note")
    assert found[-1].message == "120 more warnings and notes are not shown"
