"""What the text of a class says of its attributes, read once for all that are asked for."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from marpack.checks.python.nodes import walk
from marpack.frozen import frozen_in_order


@frozen_in_order
class ClassText:
    """The attributes that the text of a class gives it or its objects.

    ``methods`` are its functions, the last of each name; ``bound`` are the other names that its body may bind, and
    ``set`` the attributes that anything in it sets, of whatever object. ``is_dynamic`` tells that it may have any
    attribute, ``sets_any`` that its objects may.
    """

    methods: Mapping[str, ast.FunctionDef | ast.AsyncFunctionDef]
    bound: frozenset[str]
    set: frozenset[str]
    is_dynamic: bool
    sets_any: bool

    @classmethod
    def of(cls, node: ast.ClassDef) -> ClassText:
        """Read the text of a class."""
        methods, others = {}, []
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                methods[statement.name] = statement
            else:
                others.append(statement)
        bound, is_dynamic = _bound(others)
        found: set[str] = set()
        sets_any = False
        for inner in walk(node):
            if isinstance(inner, ast.Attribute):
                if inner.attr in ("__setattr__", "__dict__"):
                    sets_any = True
                elif isinstance(inner.ctx, ast.Store):
                    found.add(inner.attr)
            elif isinstance(inner, ast.Name) and inner.id in ("setattr", "vars"):
                sets_any = True
        return cls(
            methods=methods,
            bound=frozenset(bound),
            set=frozenset(found),
            is_dynamic=is_dynamic or not methods.keys().isdisjoint({"__getattr__", "__getattribute__"}),
            sets_any=sets_any,
        )


def _bound(statements: list[ast.stmt]) -> tuple[set[str], bool]:
    """Return the names that statements in the body of a class may bind, and whether they may bind any."""
    found: set[str] = set()
    is_any = False
    for inner in (each for statement in statements for each in walk(statement)):
        match inner:
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Name(id="locals" | "vars" | "exec"):
                is_any = True
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.alias(name=name, asname=given):
                found.add(given or name)
                is_any = is_any or (given or name) == "*"
    return found, is_any
