"""What the statements of a module bind, one after another, where it leaves open which of them run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Sequence
from typing import Any

from marpack.checks.python.expressions import Expressions, assigned_names, truth_of
from marpack.checks.python.imports import absolute_name, suppresses
from marpack.checks.python.values import ONLY_ABSENT, ONLY_PLAIN, ONLY_UNKNOWN, Imported, State, Values, merge

# How many names are carried along over all conditions of a module: no real one comes near.
_MOST_NAMES = 1_000_000

_TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))  # the second since Python 3.11


class TooManyNamesError(Exception):
    """Following all the names of a module through its conditions takes too long."""


class Statements:
    """Runs the statements of a module on its names, as far as the text tells what they do.

    ``certain`` is false once they may bind what the text does not say; ``patched`` are the names of what is
    changed from outside its body, or handed to a call that may do so.
    """

    def __init__(
        self,
        expressions: Expressions,
        *,
        package: str,
        python: tuple[int, int],
        stars: Callable[[str], Collection[str] | None],
    ) -> None:
        self.certain = True
        self.patched: set[str] = set()
        self._expressions = expressions
        self._package = package
        self._python = python
        self._stars = stars
        self._left = _MOST_NAMES

    def _copy(self, state: State) -> State:
        self._count(len(state))
        return dict(state)

    def _count(self, names: int) -> None:
        self._left -= names
        if self._left < 0:
            raise TooManyNamesError

    def run(self, statements: Sequence[ast.stmt], state: State) -> State | None:
        """Run statements on a state, which is changed; return None where their end is never reached."""
        current: State | None = state
        for statement in statements:
            if current is None:
                return None
            current = self._statement(statement, current)
        return current

    def _statement(self, node: ast.stmt, state: State) -> State | None:
        self._walruses(node, state)
        match node:
            case ast.If():
                return self._branches(node.test, node.body, node.orelse, state)
            case ast.For() | ast.AsyncFor():
                makes = self._expressions.makes_classes(node.iter)
                self._bind(node.target, None, ONLY_UNKNOWN if makes else ONLY_PLAIN, state)
                return self._maybe(node.body, node.orelse, state)
            case ast.While():
                return self._maybe(node.body, node.orelse, state)
            case ast.With() | ast.AsyncWith():
                return self._with(node, state)
            case ast.Match():
                return self._match(node, state)
            case ast.Raise():
                return None
            case _ if isinstance(node, _TRIES):
                return self._try(node, state)
        self._simple_statement(node, state)
        return state

    def _simple_statement(self, node: ast.stmt, state: State) -> None:
        """Run a statement that holds no block which runs with it."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                state[node.name] = self._expressions.function(node)
            case ast.ClassDef():
                state[node.name] = self._expressions.class_(node, state)
            case ast.Import():
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    state[bound] = frozenset([Imported(alias.name if alias.asname else bound)])
            case ast.ImportFrom():
                self._import_from(node, state)
            case ast.Assign():
                values = self._expressions.value(node.value, state)
                for target in node.targets:
                    self._bind(target, node.value, values, state)
            case ast.AnnAssign() if node.value is not None:
                self._bind(node.target, node.value, self._expressions.value(node.value, state), state)
            case ast.AugAssign():
                self._bind(node.target, None, ONLY_PLAIN, state)
            case ast.Delete():
                state.update(dict.fromkeys(assigned_names(node.targets), ONLY_ABSENT))
            case ast.Expr(value=ast.Call() as call):
                self._note_arguments(call)
            case _ if isinstance(node, getattr(ast, "TypeAlias", ())):
                state.update(dict.fromkeys(assigned_names(getattr(node, "name", None)), ONLY_PLAIN))

    def _branches(
        self, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt], state: State
    ) -> State | None:
        truth = truth_of(test, self._python)
        if truth is True:
            return self.run(body, state)
        if truth is False:
            return self.run(orelse, state)
        return merge(self.run(body, self._copy(state)), self.run(orelse, self._copy(state)))

    def _maybe(self, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt], state: State) -> State | None:
        merged = merge(self._copy(state), self.run(body, self._copy(state)))
        return merge(merged, self.run(orelse, self._copy(merged or state)))

    def _with(self, node: ast.With | ast.AsyncWith, state: State) -> State | None:
        before = self._copy(state)
        for item in node.items:
            if item.optional_vars is not None:
                self._bind(item.optional_vars, None, ONLY_PLAIN, state)
        after = self.run(node.body, state)
        return merge(before, after) if suppresses(node) else after

    def _match(self, node: ast.Match, state: State) -> State | None:
        outcomes: list[State | None] = [self._copy(state)]
        for choice in node.cases:
            inner = self._copy(state)
            for part in ast.walk(choice.pattern):
                captured = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(captured, str):
                    inner[captured] = ONLY_UNKNOWN
            outcomes.append(self.run(choice.body, inner))
        return merge(*outcomes)

    def _try(self, node: Any, state: State) -> State | None:
        before = self._copy(state)
        done = self.run(node.body, self._copy(state))
        # What the body does before it fails is any part of what it does.
        failed = merge(before, done) or before
        outcomes = [self.run(node.orelse, self._copy(done)) if done is not None else None]
        for handler in node.handlers:
            outcome = self.run(handler.body, self._copy(failed))
            if handler.name and outcome is not None:
                outcome[handler.name] = ONLY_ABSENT
            outcomes.append(outcome)
        merged = merge(*outcomes)
        if node.finalbody:
            return self.run(node.finalbody, merged) if merged is not None else None
        return merged

    def _import_from(self, node: ast.ImportFrom, state: State) -> None:
        module = absolute_name(self._package, node.module, node.level)
        for alias in node.names:
            if alias.name != "*":
                path = f"{module or '?'}.{alias.name}"
                state[alias.asname or alias.name] = frozenset([Imported(path)])
                continue
            names = None if module is None else self._stars(module)
            if names is None:
                self.certain = False
            self._count(len(names or ()))
            for name in names or ():
                state[name] = frozenset([Imported(f"{module}.{name}")])

    def _bind(self, target: ast.expr, source: ast.expr | None, values: Values, state: State) -> None:
        match target:
            case ast.Name():
                state[target.id] = values
            case ast.Starred():
                self._bind(target.value, None, ONLY_PLAIN, state)
            case ast.Tuple() | ast.List():
                sources: list[ast.expr | None] = [None] * len(target.elts)
                if (
                    isinstance(source, (ast.Tuple, ast.List))
                    and len(source.elts) == len(target.elts)
                    and not any(isinstance(element, ast.Starred) for element in [*source.elts, *target.elts])
                ):
                    sources = list(source.elts)
                found = [
                    ONLY_UNKNOWN if element is None else self._expressions.value(element, state)
                    for element in sources
                ]
                for element, part, value in zip(target.elts, sources, found, strict=True):
                    self._bind(element, part, value, state)
            case ast.Attribute(value=ast.Name(id=name)):
                self.patched.add(name)
                if target.attr == "__module__":
                    state[name] = state.get(name, ONLY_ABSENT) | ONLY_UNKNOWN

    def _note_arguments(self, call: ast.Call) -> None:
        """Note that a call may change the module's classes: ``setattr(A, ...)``, ``register(A)``."""
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        self.patched |= {argument.id for argument in arguments if isinstance(argument, ast.Name)}

    def _walruses(self, node: ast.stmt, state: State) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return
        # The expressions of the statement, not those of the statements in it.
        parts = [getattr(child, "context_expr", child) for child in ast.iter_child_nodes(node)]
        for inner in (inner for part in parts if isinstance(part, ast.expr) for inner in ast.walk(part)):
            if isinstance(inner, ast.NamedExpr):
                state[inner.target.id] = self._expressions.value(inner.value, state) | ONLY_UNKNOWN
