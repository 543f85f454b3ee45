"""What a ``try`` takes, and what ends a worker."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from marpack.checks.python.values import dotted_name

_EXITS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort"})


def taken_by(handlers: Iterable[ast.ExceptHandler]) -> frozenset[str]:
    """Return which errors ``except`` clauses take, ``""`` for all; one that ends in an error takes none."""
    found = set()
    for handler in handlers:
        if handler.body and (isinstance(handler.body[-1], ast.Raise) or ends_worker(handler.body[-1])):
            continue
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        found |= {"" if kind is None else dotted_name(kind).rpartition(".")[2] for kind in kinds}
    return frozenset(found)


def ends_worker(statement: ast.stmt) -> bool:
    """Tell whether a statement ends the process, or begins to."""
    called = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(called, ast.Call) and dotted_name(called.func) in _EXITS
