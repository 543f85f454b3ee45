"""Nodes are all that ``ast.walk`` gives, in its order, and told apart by their kind."""

from __future__ import annotations

import ast
import sys
import sysconfig
from pathlib import Path

import pytest

from marpack.checks.python.nodes import Nodes, walk

# Every kind of statement and expression stands in them: they are what Python's own tests of its parser read.
SOURCES = ("test_grammar.py", "test_patma.py", "test_fstring.py", "test_typing.py", "test_coroutines.py")
NEWEST = {
    (3, 11): "try: pass\nexcept* E as e: pass\n",
    (3, 12): "type X[T: int, *Ts, **P] = list[T]\ndef f[T](): pass\nclass A[T]: pass\n",
    (3, 13): "type X[T = int] = list[T]\n",
}


def tree_of(name: str) -> ast.Module:
    path = Path(sysconfig.get_paths()["stdlib"], "test", name)
    if not path.exists():
        pytest.skip(f"Python came without {name}")
    return ast.parse(path.read_bytes())


def same(found: list[ast.AST], expected: list[ast.AST]) -> bool:
    return list(map(id, found)) == list(map(id, expected))


@pytest.mark.parametrize("name", SOURCES)
def test_a_walk_is_that_of_ast(name: str) -> None:
    tree = tree_of(name)
    assert same(walk(tree), list(ast.walk(tree)))
    for piece in tree.body:
        assert same(walk(piece), list(ast.walk(piece)))


def test_a_walk_is_that_of_ast_for_what_is_newest() -> None:

    for since, text in NEWEST.items():
        if sys.version_info >= since:
            tree = ast.parse(text)
            assert same(walk(tree), list(ast.walk(tree)))


def test_nodes_are_told_apart_by_their_kind() -> None:
    tree = tree_of(SOURCES[0])
    nodes = Nodes(walk(tree))
    every = list(ast.walk(tree))
    kinds = {type(node) for node in every}
    assert len(kinds) > 80
    for kind in kinds:
        assert same(list(nodes.of(kind)), [node for node in every if type(node) is kind])
    assert not Nodes().of(ast.Name)
    assert not Nodes(walk(ast.parse("x"))).of(ast.Yield)


def test_nodes_of_several_kinds_come_kind_by_kind() -> None:
    nodes = Nodes(walk(ast.parse("def f(a): return b\nc = d")))
    found = nodes.of_any(ast.arg, ast.Yield, ast.Name)
    assert [getattr(node, "arg", None) or getattr(node, "id", None) for node in found] == ["a", "c", "d", "b"]
