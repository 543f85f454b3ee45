"""Arguments of which no archive can be planned, and how that is said."""

from __future__ import annotations

import io
import os
import pickle
import tempfile
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import PlanError, plan_archive
from marpack.archive.plan.extra_files import Patterns
from tests.support.planned_models import issues


class NoOffset(tzinfo):
    """A time zone that does not say which."""

    def utcoffset(self, when: datetime | None, /) -> None:
        return None

    dst = utcoffset

    def tzname(self, when: datetime | None, /) -> str:
        return "somewhere"


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


def test_error_says_it_all_and_travels() -> None:
    with pytest.raises(PlanError) as caught:
        plan_archive(model_name="", handler="gone.py")
    assert str(caught.value).startswith("2 problems:\n- model_name: ")
    assert isinstance(caught.value, ValueError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.issues, str(again)) == (caught.value.issues, str(caught.value))


@pytest.mark.parametrize("argument", ["runtime", "archive_format", "deflate", "version"])
def test_a_number_longer_than_python_writes_is_refused(argument: str) -> None:
    arguments: Any = {"model_name": "m", "handler": "base_handler", argument: 10**5000}
    with pytest.raises(PlanError) as caught:
        marpack.plan_archive(**arguments)
    [issue] = caught.value.issues
    assert issue.argument == argument
    assert "a huge number" in issue.message
