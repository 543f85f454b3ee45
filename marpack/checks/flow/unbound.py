"""Names that are read before anything has bound them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def is_bound_later(body: list[ast.stmt], name: str, line: int) -> bool:
    """Tell whether the statements of a module or function bind a name, and do so only behind a line.

    Not where it is not plain when they do: in a loop or a ``try``, by ``global`` or ``nonlocal``, or with ``:=``.
    """
    lines = list(_bindings(body, name, plain=True))
    return bool(lines) and None not in lines and min(each for each in lines if each is not None) > line


def _bindings(body: list[ast.stmt], name: str, *, plain: bool) -> Iterator[int | None]:
    """Yield the lines on which statements bind a name, None where it is not plain when they do."""
    waiting: list[tuple[ast.AST, bool]] = [(statement, plain) for statement in body]
    while waiting:
        node, is_plain = waiting.pop()
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names) if name in names:
                yield None
            case ast.NamedExpr(target=ast.Name(id=found)) if found == name:
                yield None
            case ast.Name(id=found, ctx=ast.Store() | ast.Del()) if found == name:
                yield line if is_plain else None
            case ast.alias(name=found, asname=given) if (given or found.partition(".")[0]) in (name, "*"):
                yield line if is_plain else None
            case ast.ExceptHandler(name=found) | ast.MatchAs(name=found) | ast.MatchStar(name=found) if (
                found == name
            ):
                yield None
            case ast.MatchMapping(rest=found) if found == name:
                yield None
        if isinstance(node, _SCOPES):
            if getattr(node, "name", None) == name:
                yield line if is_plain else None
            # What is declared inside may bind it too.
            for inner in ast.walk(node):
                if isinstance(inner, (ast.Global, ast.Nonlocal)) and name in inner.names:
                    yield None
            continue
        if isinstance(node, _COMPREHENSIONS):
            waiting += [(inner, False) for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)]
            continue
        is_plain = is_plain and not isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.Try))
        waiting += [(inner, is_plain) for inner in ast.iter_child_nodes(node)]
