"""What operators of a handler's text give."""

from __future__ import annotations

import ast

from marpack.checks.flow.objects import Objects
from marpack.checks.flow.state import RaisesError
from marpack.checks.flow.texts import joined, percent, text_of
from marpack.checks.flow.values import (
    NONE,
    UNKNOWN,
    Items,
    Known,
    Mapped,
    MethodOf,
    ModelPath,
    Outside,
    Scope,
    Typed,
    Unknown,
    Value,
    truth,
    types_of,
)

_TEXT = frozenset(["str"])
_TRUTH_VALUE = Typed(frozenset(["bool"]))


class Operations(Objects):
    """Evaluates operators."""

    def operation(self, node: ast.BinOp, scope: Scope) -> Value:
        """Evaluate an operator of two sides."""
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        if isinstance(node.op, (ast.Add, ast.Div)):
            self.none_used(node, left, scope)
            self.none_used(node, right, scope)
        match node.op:
            case ast.Add() if isinstance(left, (ModelPath, Known)) and isinstance(right, Known):
                if isinstance(left, ModelPath) or isinstance(left.value, str):
                    return text_of([left, right]) if isinstance(right.value, str) else UNKNOWN
            case ast.Add() if isinstance(left, Items) and isinstance(right, Items) and left.type == right.type:
                return Typed(frozenset([left.type]))
            case ast.Add() if types_of(left) == types_of(right) == _TEXT:
                return Typed(_TEXT)
            case ast.Div() if isinstance(left, ModelPath):
                return joined([left, right])
            case ast.Mod() if isinstance(left, Known) and isinstance(left.value, str):
                self.step(items=len(left.value))
                return percent(left.value, right)
            case ast.Mult() if isinstance(left, Items):
                return Typed(frozenset([left.type]))
        return UNKNOWN

    def either(self, node: ast.BoolOp, scope: Scope) -> Value:
        """Evaluate ``and`` or ``or``."""
        stops = isinstance(node.op, ast.Or)
        value = self.value(node.values[0], scope)
        for index, part in enumerate(node.values[1:]):
            known = truth(value)
            if known is stops:
                return value
            if known is None:
                with self.unsure():
                    others = [self.value(each, scope) for each in node.values[index + 1 :]]
                # What is surely false makes the whole of "and" false, whatever stands before it.
                if any(truth(each) is stops for each in others):
                    return Known(stops) if all(_is_bool(each) for each in (value, *others)) else UNKNOWN
                for each in others:
                    value = self.merge(value, each)
                return value
            value = self.value(part, scope)
        return value

    def comparison(self, node: ast.Compare, scope: Scope) -> Value:
        """Evaluate a comparison."""
        left = self.value(node.left, scope)
        rights = [self.value(each, scope) for each in node.comparators]
        if len(rights) != 1:
            return _TRUTH_VALUE
        [right] = rights
        match node.ops[0]:
            case ast.Is() | ast.IsNot() | ast.Eq() | ast.NotEq():
                wanted = isinstance(node.ops[0], (ast.Is, ast.Eq))
                if isinstance(left, Known) and isinstance(right, Known):
                    return Known((left.value == right.value) is wanted)
                if NONE in (left, right):
                    other = right if left == NONE else left
                    return _TRUTH_VALUE if isinstance(other, (Unknown, MethodOf, Outside)) else _not(other, wanted)
            case ast.In() | ast.NotIn():
                wanted = isinstance(node.ops[0], ast.In)
                if isinstance(right, MethodOf) and right.name == "keys":
                    right = right.value
                if isinstance(right, Mapped) and isinstance(left, Known) and right not in self.changed:
                    return Known((left.value in right.entries) is wanted)
        return _TRUTH_VALUE

    def choice(self, node: ast.IfExp, scope: Scope) -> Value:
        """Evaluate ``one if test else other``."""
        known = truth(self.value(node.test, scope))
        if known is not None:
            return self.value(node.body if known else node.orelse, scope)
        found: list[Value] = []

        def follow(part: ast.expr) -> bool:
            with self.unsure():
                try:
                    found.append(self.value(part, scope))
                except RaisesError:
                    return False
            return True

        self.each_way([lambda: follow(node.body), lambda: follow(node.orelse)])
        if not found:
            raise RaisesError
        return self.merge(found[0], found[-1])


def _not(other: Value, wanted: bool) -> Value:
    return Known(False is wanted) if other != NONE else Known(wanted)


def _is_bool(value: Value) -> bool:
    return value == _TRUTH_VALUE or (isinstance(value, Known) and isinstance(value.value, bool))
