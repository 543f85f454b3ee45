"""What a parsed text holds that only newer Pythons than the server's read.

``ast.parse(feature_version=)`` refuses part of that; this is the rest, of spec/python.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeAlias

# What older Pythons do not read, the line in which it is, and the first Python that reads it.
_Newer: TypeAlias = "tuple[str, int, tuple[int, int]]"

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_BUILT = (ast.ListComp, ast.SetComp, ast.DictComp)
_COMPREHENSIONS = (*_BUILT, ast.GeneratorExp)
_WITH = re.compile(r"\bwith\s*\(")
_FSTRINGS = (3, 12)
# Longer texts are not taken apart into tokens.
_LONGEST = 128 << 10


def newer_in_tree(tree: ast.Module, text: str, python: tuple[int, int]) -> tuple[str, int] | None:
    """Return what in a tree a Python does not read, with the version that does, and its line."""
    lines = text.split("\n")
    found = [each for each in _newer(tree, lines) if each[2] > python]
    if python < (3, 9) and len(text) <= _LONGEST and _WITH.search(text):
        found += _parenthesised(text)
    if not found:
        return None
    what, line, since = min(found, key=lambda each: each[1])
    return f"{what} (read since Python {since[0]}.{since[1]})", line


def _newer(tree: ast.Module, lines: list[str]) -> Iterator[_Newer]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                for each in node.decorator_list:
                    if not _is_dotted(each.func if isinstance(each, ast.Call) else each):
                        yield "a decorator that is no name", each.lineno, (3, 9)
            case ast.For() | ast.AsyncFor() if _has_bare_star(node.iter):
                yield "a star in what a for runs over", line, (3, 9)
            case ast.Set():
                for each in node.elts:
                    if _is_bare(each, lines):
                        yield "an assignment expression in a set, without brackets", each.lineno, (3, 9)
            case ast.Subscript():
                parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                for each in parts:
                    if _is_bare(each, lines):
                        yield "an assignment expression in an index, without brackets", each.lineno, (3, 10)
                if _has_bare_star(node.slice):
                    yield "a star in an index", line, (3, 11)
            case ast.arguments(vararg=ast.arg(annotation=ast.Starred())) if node.vararg is not None:
                yield "a star in an annotation", node.vararg.lineno, (3, 11)
            case ast.FormattedValue(format_spec=ast.JoinedStr() as spec) if _is_deep(spec):
                yield "an f-string of three levels", line, _FSTRINGS
            case ast.Import() | ast.ImportFrom() if getattr(node, "is_lazy", 0):
                yield "a lazy import", line, (3, 15)
            case (
                ast.ListComp(elt=ast.Starred())
                | ast.SetComp(elt=ast.Starred())
                | ast.GeneratorExp(elt=ast.Starred())
            ):
                yield "unpacking in a comprehension", line, (3, 15)
            case ast.DictComp() if _is_empty(node.value) or _is_empty(node.key):
                yield "unpacking in a comprehension", line, (3, 15)
            case _ if type(node).__name__ == "TemplateStr":
                yield "a t-string", line, (3, 14)
    yield from _asynchronous(tree)


def _is_empty(node: ast.expr | None) -> bool:
    return node is None


def _is_dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _has_bare_star(node: ast.expr) -> bool:
    """Tell whether it is a tuple with a star, and surely without brackets: it begins where its first part does."""
    return (
        isinstance(node, ast.Tuple)
        and any(isinstance(each, ast.Starred) for each in node.elts)
        and (node.lineno, node.col_offset) == (node.elts[0].lineno, node.elts[0].col_offset)
    )


def _is_bare(node: ast.expr, lines: list[str]) -> bool:
    """Tell whether it is an assignment expression that no bracket of its own surely stands before."""
    if not isinstance(node, ast.NamedExpr) or node.lineno > len(lines):
        return False
    before = lines[node.lineno - 1].encode("utf-8")[: node.col_offset].rstrip()
    return before.endswith((b"[", b"{", b","))


def _is_deep(spec: ast.JoinedStr) -> bool:
    """Tell whether braces in what follows a colon have braces behind a colon of theirs."""
    inner = [each.format_spec for each in spec.values if isinstance(each, ast.FormattedValue)]
    return any(
        isinstance(each, ast.JoinedStr) and any(isinstance(part, ast.FormattedValue) for part in each.values)
        for each in inner
    )


def _asynchronous(tree: ast.Module) -> Iterator[_Newer]:
    """Yield comprehensions that wait, and whose next scope is no asynchronous function but a comprehension."""
    waiting: list[tuple[ast.AST, ast.AST]] = [(tree, tree)]
    while waiting:
        node, scope = waiting.pop()
        if isinstance(node, _BUILT) and isinstance(scope, _COMPREHENSIONS) and _waits(node):
            yield "an asynchronous comprehension in another", node.lineno, (3, 11)
        if isinstance(node, _COMPREHENSIONS):
            # What the first "for" runs over is worked out around it.
            first = node.generators[0].iter
            waiting.append((first, scope))
            waiting += [(each, node) for each in _inner(node) if each is not first]
        else:
            inner = node if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) else scope
            waiting += [(each, inner) for each in ast.iter_child_nodes(node)]


def _inner(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a comprehension holds, without the generators around it."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.comprehension):
            yield from ast.iter_child_nodes(each)
        else:
            yield each


def _waits(node: ast.ListComp | ast.SetComp | ast.DictComp) -> bool:
    if any(each.is_async for each in node.generators):
        return True
    first = node.generators[0].iter
    waiting = [each for each in _inner(node) if each is not first]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.Await):
            return True
        if not isinstance(each, (*_FUNCTIONS, *_COMPREHENSIONS)):
            waiting += ast.iter_child_nodes(each)
    return False


def _parenthesised(text: str) -> Iterator[_Newer]:
    """Yield the ``with`` statements that have brackets around their ``as``."""
    from marpack.checks.python.tokens import TooMuchError, tokens  # seldom needed, and not quickly loaded

    try:
        found = tokens(text)
    except TooMuchError:
        return
    for token in found:
        if token.text == "as" and token.opening and found[token.opening - 1].text == "with":
            yield "a with in brackets", found[token.opening].line, (3, 9)
