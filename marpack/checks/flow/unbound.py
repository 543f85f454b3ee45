"""Names that are read before anything has bound them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Where a name is bound of which it is not plain when.
_NOT_PLAIN = -1


def is_bound_later(lines: Mapping[str, int], name: str, line: int) -> bool:
    """Tell whether the statements whose ``first_bindings`` are given bind a name, and do so only behind a line.

    Not where it is not plain when they do: in a loop or a ``try``, by ``global`` or ``nonlocal``, or with ``:=``.
    """
    found = [lines[each] for each in (name, "*") if each in lines]
    return bool(found) and min(found) > line


def first_bindings(body: list[ast.stmt]) -> dict[str, int]:
    """Return the names that statements of a module or function bind, with the first line that does.

    ``*`` stands for whatever a star-import brings, and the line is -1 where it is not plain when a name is bound.
    All names are looked for at once: for each that is read early it would be a walk of its own.
    """
    lines: dict[str, int] = {}
    for name, line in _bindings(body):
        lines[name] = min(line, lines.get(name, line))
    return lines


def _bindings(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    waiting: list[tuple[ast.AST, bool]] = [(statement, True) for statement in body]
    while waiting:
        node, is_plain = waiting.pop()
        line = getattr(node, "lineno", 0) if is_plain else _NOT_PLAIN
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from ((name, _NOT_PLAIN) for name in names)
            case ast.NamedExpr(target=ast.Name(id=name)):
                yield name, _NOT_PLAIN
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name, line
            case ast.alias(name=name, asname=given):
                yield given or name.partition(".")[0], line
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, _NOT_PLAIN
            case ast.MatchMapping(rest=str(name)):
                yield name, _NOT_PLAIN
        if isinstance(node, _SCOPES):
            if not isinstance(node, ast.Lambda):
                yield node.name, line
            # What is declared inside may bind it too.
            for inner in ast.walk(node):
                if isinstance(inner, (ast.Global, ast.Nonlocal)):
                    yield from ((name, _NOT_PLAIN) for name in inner.names)
            continue
        if isinstance(node, _COMPREHENSIONS):
            waiting += [(inner, False) for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)]
            continue
        is_plain = is_plain and not isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.Try))
        waiting += [(inner, is_plain) for inner in ast.iter_child_nodes(node)]
