"""Circles in workflows, numbers of any size, and what is read once."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

import marpack
from marpack.checks.frame.subject import json_object
from marpack.checks.rules import workflow
from marpack.checks.rules.workflow import _circle


def test_circles() -> None:
    assert _circle({"a": ["b", "c"], "b": ["d"], "c": ["d"]}) == []
    assert _circle({"a": ["a"]}) == ["a", "a"]
    edges = {"a": ["b"], "b": ["c", "e"], "c": ["d"], "d": ["b"]}
    circle = _circle(edges)
    assert sorted(set(circle)) == ["b", "c", "d"]
    assert circle[0] == circle[-1]
    assert all(after in edges[node] for node, after in itertools.pairwise(circle))


def test_a_long_workflow_takes_no_long_time() -> None:
    chain = {str(number): [str(number + 1)] for number in range(30_000)}
    began = time.process_time()
    assert _circle(chain) == []
    assert len(_circle(chain | {"30000": ["0"]})) == 30_002
    assert time.process_time() - began < 60  # by the square of their number it would take minutes


def test_a_number_may_be_longer_than_python_writes() -> None:
    text = f"models: {{min-workers: 0x{'f' * 5000}, a: {{url: a.mar}}}}\ndag: {{a: []}}\n"
    plan = marpack.plan_workflow(workflow_name="w", spec_file={"w.yaml": text.encode()})
    [found] = [each for each in marpack.check(plan) if each.key == "models.min-workers"]
    assert (found.severity, found.message) == ("error", "a huge number is no whole number of at most 31 bits")


@pytest.mark.parametrize(
    ("value", "message", "effect", "fix"),
    [
        (
            "",
            "it has no value",
            'it answers 500: Cannot invoke "java.lang.Integer.intValue()", for the value is null',
            "write a whole number, or leave the key out",
        ),
        (
            "'1'",
            "'1' is a string, not a whole number",
            "it answers 500: class java.lang.String cannot be cast to class java.lang.Integer",
            "write it without quotes",
        ),
        (
            "yes",
            "True is no whole number of at most 31 bits",
            "it answers 500: class java.lang.Boolean cannot be cast to class java.lang.Integer",
            "write a whole number",
        ),
        (
            "3000000000",
            "3000000000 is no whole number of at most 31 bits",
            "it answers 500: class java.lang.Long cannot be cast to class java.lang.Integer",
            "write a whole number",
        ),
    ],
)
def test_what_is_no_number_is_called_what_it_is(value: str, message: str, effect: str, fix: str) -> None:
    text = f"models:\n  batch-size: {value}\n  a: {{url: a.mar}}\ndag: {{a: []}}\n"
    plan = marpack.plan_workflow(workflow_name="w", spec_file={"w.yaml": text.encode()})
    [found] = [each for each in marpack.check(plan) if each.code == "workflow-number"]
    assert (found.message, found.effect, found.fix) == (message, effect, fix)
    assert found.line == 2


def test_what_the_server_passes_over_in_a_dag() -> None:
    text = "models: {a: {url: a.mar}, b: {url: b.mar}}\ndag: {a: [b, null, ''], b: [' ']}\n"
    plan = marpack.plan_workflow(workflow_name="w", spec_file={"w.yaml": text.encode()})
    assert [each for each in marpack.check(plan) if each.code == "workflow-dag"] == []


def test_the_manifest_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes | None] = []

    def parse(data: bytes | None, encoding: str) -> dict[str, Any]:
        parsed.append(data)
        return json_object(data, encoding)

    monkeypatch.setattr(workflow, "json_object", parse)
    nodes = "".join(f" n{number}: {{}}," for number in range(50))
    text = f"models: {{{nodes}}}\ndag: {{a: [b]}}\n"
    plan = marpack.plan_workflow(workflow_name="w", spec_file={"w.yaml": text.encode()})
    assert {found.code for found in marpack.check(plan)} == {"workflow-spec", "workflow-function"}
    assert len(parsed) == 1
