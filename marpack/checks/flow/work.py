"""How much of a handler is followed, and what is worked out once of each piece of its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from marpack.checks.flow.unbound import first_bindings
from marpack.checks.python.nodes import Nodes, walk

# How many statements and expressions are followed: no real handler comes near.
_MOST_STEPS = 100_000
# Names, attributes or pieces of text that are passed over one after another cost a step for so many.
_OF_A_STEP = 8
_LONGEST_SHOWN = 100
# Keys that a message may offer in place of another one.
_MOST_NEAR, _LONGEST_NEAR = 256, 100
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_YIELDS = (ast.Yield, ast.YieldFrom)
# What may bind a name.
_BINDERS = (
    *(*_FUNCTIONS, ast.ClassDef, ast.Name, ast.alias, ast.arg),
    *(ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping),
)


class TooMuchError(Exception):
    """There is more to follow than is worth it."""


class Work:
    """Counts what is done: everything that takes time and that a text may ask for again and again."""

    def __init__(self) -> None:
        self._left = _MOST_STEPS * _OF_A_STEP
        self._nodes: dict[ast.AST, Nodes] = {}
        self._stored: dict[ast.AST, Sequence[str]] = {}
        self._generators: dict[ast.AST, bool] = {}
        self._shown: dict[ast.expr, str] = {}
        # By the identity of the statements, which are kept.
        self._first_bindings: dict[int, tuple[list[ast.stmt], Mapping[str, int]]] = {}

    def step(self, *, items: int = _OF_A_STEP) -> None:
        """Count a step, or what passing over ``items`` costs; raises ``TooMuchError`` for too many."""
        self._left -= items
        if self._left < 0:
            raise TooMuchError

    def walk(self, node: ast.AST) -> list[ast.AST]:
        """Return a piece of the text and all that is in it."""
        found = walk(node)
        self.step(items=len(found))
        return found

    def nodes_of(self, function: ast.AST) -> Nodes:
        """Return all that is in a function, which is gone through once for all that is asked of it."""
        if function not in self._nodes:
            self._nodes[function] = Nodes(self.walk(function))
        return self._nodes[function]

    def stored(self, node: ast.AST) -> Sequence[str]:
        """Return the names that a piece of a file binds, those of the functions in it too."""
        if node not in self._stored:
            self._stored[node] = tuple(dict.fromkeys(self._names(node)))
        found = self._stored[node]
        self.step(items=len(found))
        return found

    def first_bindings(self, body: list[ast.stmt]) -> Mapping[str, int]:
        """Return where statements first bind their names (``unbound.first_bindings``)."""
        if id(body) not in self._first_bindings:
            self._first_bindings[id(body)] = body, first_bindings(body)
        return self._first_bindings[id(body)][1]

    def _names(self, node: ast.AST) -> Iterator[str]:
        found = self._nodes.get(node) or Nodes(self.walk(node))
        for inner in found.of_any(*_BINDERS):
            match inner:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    yield name
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    yield name
                case ast.alias(name=name, asname=given):
                    yield given or name.partition(".")[0]
                case ast.arg(arg=name):
                    yield name
                case (
                    ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name))
                ):
                    yield name
                case ast.MatchMapping(rest=str(name)):
                    yield name

    def near_keys(self, entries: Mapping[Any, Any]) -> tuple[str, ...]:
        """Return the keys of a dictionary that may be meant by another one: of very many the first."""
        self.step(items=min(len(entries), _MOST_NEAR))
        keys = (key for key in islice(entries, _MOST_NEAR) if isinstance(key, str) and len(key) <= _LONGEST_NEAR)
        return tuple(keys)

    def is_generator(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Tell whether calling a function gives a generator."""
        if node not in self._generators:
            self._generators[node] = bool(self.nodes_of(node).of_any(*_YIELDS)) and self._yields(node)
        return self._generators[node]

    @staticmethod
    def _yields(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        waiting: list[ast.AST] = list(node.body)
        while waiting:
            inner = waiting.pop()
            if isinstance(inner, _YIELDS):
                return True
            if not isinstance(inner, (*_FUNCTIONS, ast.Lambda, ast.ClassDef)):
                waiting.extend(ast.iter_child_nodes(inner))
        return False

    def shown(self, node: ast.expr) -> str:
        """Return an expression as its text, as far as a message shows it."""
        if node not in self._shown:
            try:
                self._shown[node] = ast.unparse(node)[:_LONGEST_SHOWN]
            except (RecursionError, ValueError):  # nested too deeply, or a number of too many digits
                self._shown[node] = "..."
        return self._shown[node]
