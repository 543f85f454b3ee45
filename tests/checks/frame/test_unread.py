"""What a check does not look into, says that it does not, and how much it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.checks import Rule, Subject
from marpack.checks.frame.contents import LONGEST_SOURCE, LONGEST_TEXT, LONGEST_YAML, MOST_SOURCE
from marpack.checks.python.source import LONGEST_COMPILED
from marpack.findings import Finding
from tests.support.archives import zipped
from tests.support.checking import codes, handler
from tests.support.held_subjects import held, unread

if TYPE_CHECKING:
    from pathlib import Path


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
