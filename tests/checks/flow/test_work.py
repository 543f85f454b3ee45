"""What is worked out once of each piece of a handler's text."""

from __future__ import annotations

import ast

import pytest

from marpack.checks.flow import work
from marpack.checks.flow.work import TooMuchError, Work


def function(body: str) -> ast.FunctionDef:
    [node] = ast.parse(f"def f():\n    {body}\n").body
    assert isinstance(node, ast.FunctionDef)
    return node


BINDS = {
    "a = b": "a",
    "a += 1": "a",
    "del a": "a",
    "for a in b: pass": "a",
    "(a := b)": "a",
    "import a": "a",
    "import a.b": "a",
    "import b as a": "a",
    "from b import c as a": "a",
    "def a(): pass": "a",
    "async def a(): pass": "a",
    "class a: pass": "a",
    "lambda a: b": "a",
    "try: pass\n    except b as a: pass": "a",
    "match b:\n        case a: pass": "a",
    "match b:\n        case [*a]: pass": "a",
    "match b:\n        case {**a}: pass": "a",
    "b.a = c": "",
    "b": "",
}


@pytest.mark.parametrize("body", BINDS)
def test_names_that_are_bound(body: str) -> None:
    node, kept = function(body), Work()
    expected = {"f", BINDS[body]} - {""}
    assert set(kept.stored(node)) == expected
    assert kept.stored(node) is kept.stored(node)
    asked = Work()
    asked.nodes_of(node)
    assert set(asked.stored(node)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("yield", True),
        ("yield from b", True),
        ("a = [(yield b)]", True),
        ("return b", False),
        ("def g(): yield", False),
        ("return lambda: (yield)", False),
    ],
)
def test_generators(body: str, expected: bool) -> None:
    assert Work().is_generator(function(body)) is expected


def test_a_function_is_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    node = function("global a; a = b; yield")
    monkeypatch.setattr(work, "_MOST_STEPS", 2)  # of eight nodes each: it has ten
    kept = Work()
    for _ in range(10):
        assert [each.names for each in kept.nodes_of(node).of(ast.Global)] == [["a"]]
        assert kept.is_generator(node)
    other = Work()
    other.walk(node)
    with pytest.raises(TooMuchError):
        other.walk(node)
