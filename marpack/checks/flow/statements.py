"""Follows the statements of a handler, and the functions and modules of the archive that they call."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from marpack.checks.flow.assignments import Assignments
from marpack.checks.flow.events import FileUse, Raises
from marpack.checks.flow.state import Outcome, RaisesError
from marpack.checks.flow.tries import ends_worker, rescued_load, taken_by
from marpack.checks.flow.values import NONE, UNKNOWN, Items, Opened, Scope, Typed, Value, truth, types_of
from marpack.checks.python.expressions import truth_of
from marpack.checks.python.imports import suppresses

_MOST_ITEMS = 64
_TEXT = frozenset(["str"])
_TRIES = (ast.Try, getattr(ast, "TryStar", ast.Try))


class Statements(Assignments):
    """Follows statements."""

    def __init__(self, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        # What the clauses of a try take.
        self._tries: dict[ast.AST, frozenset[str]] = {}
        # The names that the body of a try binds.
        self._in_tries: dict[ast.AST, set[str]] = {}

    def block(self, statements: Sequence[ast.stmt], scope: Scope) -> Outcome:
        """Follow statements one after another, and return how their end is left."""
        for statement in statements:
            self.step()
            try:
                outcome = self._statement(statement, scope)
            except RaisesError:
                outcome = "raise"
            if outcome != "end":
                return outcome
        return "end"

    def _statement(self, node: ast.stmt, scope: Scope) -> Outcome:
        match node:
            case ast.Expr():
                self.value(node.value, scope)
                return "raise" if ends_worker(node) else "end"
            case ast.Assign():
                value = self.value(node.value, scope)
                for target in node.targets:
                    self.assign(target, value, scope)
            case ast.AnnAssign():
                if scope.is_class or scope is scope.globals:
                    self.annotation(node.annotation, scope)
                if node.value is not None:
                    self.assign(node.target, self.value(node.value, scope), scope)
            case ast.AugAssign():
                self.augment(node, scope)
            case ast.Return():
                value = NONE if node.value is None else self.value(node.value, scope)
                self.frames[-1].returned.append(value)
                return "return"
            case ast.Raise():
                self.value(node.exc, scope)
                if node.exc is not None:
                    self.note(Raises, node, scope, text=self.shown(node.exc))
                return "raise"
            case ast.Assert():
                return self._condition(node, ast.UnaryOp(ast.Not(), node.test), [_raise(node)], [], scope)
            case ast.If():
                return self._condition(node, node.test, node.body, node.orelse, scope)
            case ast.For() | ast.AsyncFor():
                return self._for(node, scope)
            case ast.While():
                return self._while(node, scope)
            case ast.With() | ast.AsyncWith():
                return self._with(node, scope)
            case ast.Match():
                self.value(node.subject, scope)
                ways = [case.body for case in node.cases]
                return self._ways([*ways, []], scope, names=self.stored(node))
            case ast.Break() | ast.Continue():
                return "loop"
            case ast.Import() | ast.ImportFrom():
                self.bring(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.define(node, scope)
            case ast.ClassDef():
                self.define_class(node, scope)
            case ast.Delete():
                for target in node.targets:
                    self.assign(target, UNKNOWN, scope)
            case ast.Global(names=names):
                self.step(items=len(names) + len(scope.bound) // 8)
                scope.bound -= set(names)
                scope.declared_global |= set(names)
            case _ if isinstance(node, _TRIES):
                return self._try(node, scope)
        return "end"

    def _condition(
        self, node: ast.stmt, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt], scope: Scope
    ) -> Outcome:
        mark = len(self.tested)
        known = truth_of(test, self.python)
        if known is None:
            known = truth(self.value(test, scope))
        tested, self.tested[mark:] = self.tested[mark:], []
        if known is None:
            return self._ways([body, orelse], scope)
        before = len(self.events)
        taken, other = (body, orelse) if known else (orelse, body)
        outcome = self.block(taken, scope)
        if tested:
            self._leave_out(other, tested[0])
        if outcome == "raise" and tested:
            for event in [each for each in list(self.events)[before:] if isinstance(each, Raises)]:
                del self.events[event]  # it is said of the file
            raised = [
                self.shown(each.exc) for each in taken if isinstance(each, ast.Raise) and each.exc is not None
            ]
            self.note(
                FileUse, node, scope, path=tested[0], call="", raises=next(iter(raised), "the handler ends it")
            )
        return outcome

    def _leave_out(self, body: Sequence[ast.stmt], path: str) -> None:
        """Remember which attributes would be set where a file is there."""
        for inner in (each for statement in body for each in self.walk(statement)):
            match inner:
                case ast.Attribute(attr=name, ctx=ast.Store(), value=ast.Name(id="self")):
                    self.left_out[name] = path

    def _ways(self, ways: Sequence[Sequence[ast.stmt]], scope: Scope, names: Sequence[str] = ()) -> Outcome:
        """Follow blocks of which nobody knows which is run."""
        outcomes: list[Outcome] = []

        def follow(body: Sequence[ast.stmt]) -> bool:
            self.step(items=len(names) * 4)
            for name in names:
                self.memory.set(scope.names, name, UNKNOWN)
            with self.unsure():
                outcomes.append(self.block(body, scope))
            return outcomes[-1] == "end"

        self.each_way([lambda body=body: follow(body) for body in ways])  # type: ignore[misc]
        return self._together(outcomes)

    def _together(self, outcomes: Sequence[Outcome]) -> Outcome:
        left = [outcome for outcome in outcomes if outcome not in ("end", "raise")]
        if "end" in outcomes:
            if left:  # whatever comes may not be reached
                self.frames[-1].conditions += 1
                self.conditions += 1
            return "end"
        return left[0] if left else "raise"

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> Outcome:
        items = self.items(self.value(node.iter, scope))
        if isinstance(items, Items) and len(items.values) <= _MOST_ITEMS:
            for value in items.values:
                self.assign(node.target, value, scope)
                outcome = self.block(node.body, scope)
                if outcome in ("return", "raise"):
                    return outcome
                if outcome == "loop":  # break or continue: the next round may not come
                    self.frames[-1].conditions += 1
                    self.conditions += 1
            return self.block(node.orelse, scope)
        if self.goes_round(items):
            # What it leaves behind is then unknown.
            self.assign(node.target, UNKNOWN, scope)
            outcome = self.block(node.body, scope)
            if outcome in ("return", "raise"):
                return outcome
        self._forget(node, scope)
        return self._ways([node.body, []], scope)

    def _while(self, node: ast.While, scope: Scope) -> Outcome:
        self._forget(node, scope)
        known = truth(self.value(node.test, scope))
        if known is False:
            return self.block(node.orelse, scope)
        return self._ways([node.body, []], scope)

    def _forget(self, node: ast.For | ast.AsyncFor | ast.While, scope: Scope) -> None:
        """Forget what a loop changes: it is not known while that runs."""
        targets = [node.target] if not isinstance(node, ast.While) else []
        for part in [*targets, *node.body]:
            for inner in self.walk(part):
                if isinstance(inner, (ast.Name, ast.Attribute)) and isinstance(inner.ctx, ast.Store):
                    with self.unsure():
                        self.assign(inner, self._grown(inner, node.body, scope), scope)

    def _grown(self, target: ast.Name | ast.Attribute, body: Sequence[ast.stmt], scope: Scope) -> Value:
        """Return what a loop leaves of a name: of a text to which texts are added, that it is one."""
        if not isinstance(target, ast.Name) or types_of(scope.names.get(target.id, UNKNOWN)) != _TEXT:
            return UNKNOWN
        inside = [each for part in body for each in self.walk(part)]
        texts = (ast.JoinedStr, ast.Constant)
        mine = [
            each
            for each in inside
            if isinstance(each, ast.AugAssign)
            and isinstance(each.target, ast.Name)
            and each.target.id == target.id
        ]
        added = all(isinstance(each.op, ast.Add) and isinstance(each.value, texts) for each in mine)
        names = [
            each
            for each in inside
            if isinstance(each, ast.Name) and each.id == target.id and not isinstance(each.ctx, ast.Load)
        ]
        return Typed(_TEXT) if mine and added and len(names) == len(mine) else UNKNOWN

    def _with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> Outcome:
        for item in node.items:
            value = self.value(item.context_expr, scope)
            self.escape(value)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value if isinstance(value, Opened) else UNKNOWN, scope)
        if not suppresses(node):
            return self.block(node.body, scope)
        with self.guarded(frozenset([""])):
            return self._ways([node.body, []], scope)

    def _try(self, node: Any, scope: Scope) -> Outcome:
        taken = self._taken_by(node)
        if not taken:
            outcome = self.block(node.body, scope)
            outcome = self.block(node.orelse, scope) if outcome == "end" else outcome
        else:
            outcomes: list[Outcome] = []
            before, around = len(self.tried), self.rescue

            def body() -> bool:
                with self.guarded(taken):
                    outcomes.append(self.block(node.body, scope))
                if outcomes[-1] == "end":
                    outcomes[-1] = self.block(node.orelse, scope)
                return outcomes[-1] == "end"

            def rescue(handler: ast.ExceptHandler) -> bool:
                self._forget_stored(node, scope)
                if handler.name:
                    self.memory.set(scope.names, handler.name, UNKNOWN)
                tried = self.tried[before:]
                with self.unsure():
                    first = rescued_load(taken, tried, node.handlers) if self.conditions == 1 else None
                    self.rescue = None if first is None else (first, self.conditions)
                    outcomes.append(self.block(handler.body, scope))
                    self.rescue = around
                return outcomes[-1] == "end"

            ways = [body, *(lambda handler=handler: rescue(handler) for handler in node.handlers)]
            self.memory.follow(ways, self.merge, UNKNOWN)
            outcome = self._together(outcomes)
        if node.finalbody:
            final = self.block(node.finalbody, scope)
            outcome = outcome if final == "end" else final
        return outcome

    def _taken_by(self, node: Any) -> frozenset[str]:
        if node not in self._tries:
            self._tries[node] = taken_by(node.handlers)
        return self._tries[node]

    def _forget_stored(self, node: Any, scope: Scope) -> None:
        if node not in self._in_tries:
            self._in_tries[node] = {name for statement in node.body for name in self.stored(statement)}
        self.step(items=len(self._in_tries[node]) * 4)
        for name in self._in_tries[node]:
            self.memory.set(scope.names, name, UNKNOWN)


def _raise(node: ast.Assert) -> ast.stmt:
    return ast.copy_location(ast.Raise(ast.Name("AssertionError", ast.Load())), node)
