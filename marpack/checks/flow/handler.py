"""Follow a handler from its import to its answer."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from marpack.checks.flow.events import Answer, Event
from marpack.checks.flow.state import RaisesError
from marpack.checks.flow.statements import Statements
from marpack.checks.flow.values import NONE, Batch, Bound, Closure, Context, Instance, Made, Value, types_of
from marpack.checks.flow.work import TooMuchError
from marpack.checks.python.entry_point import EntryPoint, Worker


def follow(
    worker: Worker,
    *,
    holds: Callable[[str], bool],
    json_of: Callable[[str], Mapping[str, Any] | None],
    manifest: Mapping[str, Any],
    config: Callable[[], Mapping[str, Any] | None],
    python: tuple[int, int],
) -> tuple[Event, ...]:
    """Return what surely happens when a worker loads the handler and answers a request, in that order.

    ``holds`` tells whether the model's folder has a file or folder, ``json_of`` returns the object that a member
    is in JSON, None where it is none. ``manifest`` are the manifest's values, and ``config`` returns those of the
    model's configuration, None where they are not known. What is not sure is left out.
    """
    entry = worker.entry_point
    if entry is None or entry.module is None:
        return ()
    run = Statements(worker.modules, holds=holds, json_of=json_of, manifest=manifest, config=config, python=python)
    # There is nothing behind it, or too much.
    with contextlib.suppress(RaisesError, TooMuchError, RecursionError):
        _follow(run, worker, entry)
    return tuple(run.events)


def _follow(run: Statements, worker: Worker, entry: EntryPoint) -> None:
    scope = None if entry.module is None else run.module(entry.module.name)
    if scope is None:
        return
    run.phase = "initialize"
    found = scope.names.get(entry.handler.function)
    if entry.values is not None:
        run.call(found, [NONE, Context()])
        run.phase = "answer"
        result = run.call(found, [Batch(), Context()])
        function = found.function if isinstance(found, Bound) else found
        if isinstance(function, Closure):
            _answer(run, function, result, entry.handler.function)
        return
    made = None if entry.cls is None else scope.names.get(entry.cls.value.name)
    if entry.cls is None or not isinstance(made, Made) or made.node is not entry.cls.node:
        return
    handler = run.make(made, [], {})
    if not isinstance(handler, Instance):
        return
    run.method(handler, "initialize", [Context()])
    if worker.loads_model and worker.model_module is not None:
        run.module(worker.model_module.name)
    run.phase = "answer"
    result = run.method(handler, "handle", [Batch(), Context()])
    for name in ("handle", "postprocess"):
        method = run.attribute(handler, name)
        if isinstance(method, Bound) and isinstance(method.function, Closure):
            _answer(run, method.function, result, name)
            return


def _answer(run: Statements, function: Closure, result: Value, name: str) -> None:
    """Note what the worker is given, where it is surely no list."""
    types = types_of(result)
    if types is not None and "list" not in types and isinstance(function.node, ast.FunctionDef):
        run.note(Answer, function.node, function.scope, types=tuple(sorted(types)), function=name)
