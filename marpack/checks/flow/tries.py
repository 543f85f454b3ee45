"""What a ``try`` takes, and what ends a worker."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from marpack.checks.flow.events import Load
from marpack.checks.python.values import dotted_name

# Taken by these is every error; "" is a bare except.
EVERYTHING = frozenset({"", "Exception", "BaseException"})
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


def rescued_load(
    taken: frozenset[str], tried: Sequence[Load], handlers: Sequence[ast.ExceptHandler]
) -> Load | None:
    """Return the load whose failure leads into the only ``except`` of a ``try``, None where that is not sure."""
    first = tried[0] if tried and len(handlers) == 1 else None
    if first is None:
        return None
    errors = EVERYTHING | {"RuntimeError"} if first.call == "torch.jit.load" else EVERYTHING
    return None if taken.isdisjoint(errors) else first


def ends_worker(statement: ast.stmt) -> bool:
    """Tell whether a statement ends the process, or begins to."""
    called = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(called, ast.Call) and dotted_name(called.func) in _EXITS
