"""What expressions of a handler are, and what evaluating them needs."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence

from marpack.checks.flow.calls import joined, percent, text_of
from marpack.checks.flow.events import KeyRead, NoAttribute, Unbound
from marpack.checks.flow.objects import Objects
from marpack.checks.flow.values import (
    NONE,
    UNKNOWN,
    Batch,
    Bound,
    Closure,
    Context,
    Instance,
    Items,
    Known,
    Made,
    Mapped,
    MethodOf,
    ModelPath,
    Outside,
    Packed,
    Scope,
    Super,
    Typed,
    Unknown,
    Value,
    merged,
    of_python,
    truth,
)

_MODULE_NAMES = frozenset(
    {*("__annotations__", "__builtins__", "__doc__", "__loader__", "__name__", "__package__", "__path__")}
    | {*("__spec__", "__class__", "__module__", "__qualname__", "__debug__", "reveal_type")}
)
_TYPES_OF_NODES = {
    **dict.fromkeys((ast.List, ast.ListComp), "list"),
    **dict.fromkeys((ast.Dict, ast.DictComp), "dict"),
    **dict.fromkeys((ast.Set, ast.SetComp), "set"),
    ast.GeneratorExp: "generator",
    ast.JoinedStr: "str",
}
_TRUTH_VALUE = Typed(frozenset(["bool"]))


class Expressions(Objects):
    """Evaluates expressions."""

    def value(self, node: ast.expr | None, scope: Scope) -> Value:
        """Evaluate an expression, and note what that needs."""
        self.step()
        match node:
            case None:
                return UNKNOWN
            case ast.Constant(value=constant):
                return of_python(constant, "")
            case ast.Name():
                return self._name(node, scope)
            case ast.Attribute():
                return self._attribute(node, self.value(node.value, scope), scope)
            case ast.Subscript():
                return self._subscript(node, scope)
            case ast.Call():
                return self._call(node, scope)
            case ast.JoinedStr(values=pieces):
                return text_of([self._piece(piece, scope) for piece in pieces])
            case ast.BinOp():
                return self._operation(node, scope)
            case ast.BoolOp():
                return self._either(node, scope)
            case ast.UnaryOp():
                operand = self.value(node.operand, scope)
                known = truth(operand) if isinstance(node.op, ast.Not) else None
                return Known(not known) if known is not None else UNKNOWN
            case ast.Compare():
                return self._comparison(node, scope)
            case ast.IfExp():
                return self._choice(node, scope)
            case ast.NamedExpr():
                found = self.value(node.value, scope)
                self.assign(node.target, found, scope)
                return found
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                values = [self.value(element, scope) for element in elements]
                kind = "list" if isinstance(node, ast.List) else "tuple"
                if any(isinstance(element, ast.Starred) for element in elements):
                    return Typed(frozenset([kind]))
                return Items(kind, tuple(values))
            case ast.Lambda():
                return Closure(node, scope)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self._comprehension(node, scope)
            case ast.Await(value=inner) | ast.Starred(value=inner):
                return self.value(inner, scope)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child, scope)
        type_name = _TYPES_OF_NODES.get(type(node))
        return UNKNOWN if type_name is None else Typed(frozenset([type_name]))

    def _piece(self, node: ast.expr, scope: Scope) -> Value:
        if not isinstance(node, ast.FormattedValue):
            return self.value(node, scope)
        value = self.value(node.value, scope)
        return Typed(frozenset(["str"])) if node.conversion != -1 or node.format_spec is not None else value

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        name = node.id
        holder = scope.holder(name)
        if holder is not None:
            return holder.names.get(name, UNKNOWN)
        if name == "__file__":
            return ModelPath(scope.member)
        if hasattr(builtins, name):
            return Outside(f"builtins.{name}")
        space = scope.globals.space
        if space is not None and space.is_absent(name) and name not in _MODULE_NAMES:
            self.note(Unbound, node, scope, name=name)
        return UNKNOWN

    def _attribute(self, node: ast.Attribute, value: Value, scope: Scope) -> Value:
        name = node.attr
        match value:
            case Outside(path):
                return Outside(f"{path}.{name}")
            case Packed(inner):
                return inner.names.get(name, UNKNOWN)
            case Context():
                return self.of_context(name)
            case Instance():
                found = self.attribute(value, name)
                if found is None and value.number == self.handler:
                    self.note(NoAttribute, node, scope, name=name, owner=value.cls.value.name)
                return UNKNOWN if found is None else found
            case Super(cls, instance):
                return self._behind(cls, instance, name)
            case ModelPath(path) if name in ("parent", "name", "suffix", "stem"):
                if name == "parent":
                    return ModelPath(path.rpartition("/")[0]) if path else UNKNOWN
                return UNKNOWN
            case Known(None) if isinstance(node.value, ast.Attribute):
                self.none_used(node.value, scope)
                return UNKNOWN
        return MethodOf(value, name)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        value, key = self.value(node.value, scope), self.value(node.slice, scope)
        match value, key:
            case (Mapped(name, entries), Known(known)) if isinstance(node.ctx, ast.Load):
                if known in entries:
                    return of_python(entries[known], f"{name}[{known!r}]")
                if name not in self.changed:
                    near = tuple(each for each in entries if isinstance(each, str))
                    self.note(KeyRead, node, scope, owner=name, key=str(known), near=near)
            case (Items(_, values), Known(int(place))) if -len(values) <= place < len(values):
                return values[place]
            case (Batch(), _):
                return UNKNOWN
            case (Known(None), _):
                self.none_used(node.value, scope)
        return UNKNOWN

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        callee = self.value(node.func, scope)
        given: list[Value] = []
        for argument in node.args:
            value = self.value(argument, scope)
            given.append(UNKNOWN if isinstance(argument, ast.Starred) else value)
        named = {word.arg or "**": self.value(word.value, scope) for word in node.keywords}
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            named["**"] = UNKNOWN
        match callee:
            case Outside("builtins.super"):
                return self._super(scope, given)
            case Outside(path):
                return self.call_outside(node, scope, path, given, named)
            case Closure():
                return self.call_closure(callee, given, named)
            case Bound(Closure() as function, instance, owner):
                return self.call_closure(function, [instance, *given], named, owner=owner)
            case Bound(str(path), instance):
                return self.call_base(path, instance, given)
            case Made():
                return self.make(callee, given, named)
            case MethodOf(value, name):
                found = self.call_method(node, scope, value, name, given, named)
                self._forget_items(node.func, value, scope)
                return found
            case Known(None):
                self.none_used(node.func, scope)
            case Unknown():
                self._may_write(_last_name(node.func), given, named)
        return UNKNOWN

    def _forget_items(self, func: ast.expr, value: Value, scope: Scope) -> None:
        """Forget the items of a list that a method is called on."""
        if isinstance(value, Items) and isinstance(func, ast.Attribute):
            self.assign(func.value, Typed(frozenset([value.type])), scope)

    def _super(self, scope: Scope, given: Sequence[Value]) -> Value:
        frame = scope.method
        if frame is None:
            return UNKNOWN
        owner, instance = frame
        if given and not (isinstance(given[0], Made) and given[0].node is owner.node):
            return UNKNOWN
        return Super(owner, instance)

    def _operation(self, node: ast.BinOp, scope: Scope) -> Value:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        match node.op:
            case ast.Add() if isinstance(left, (ModelPath, Known)) and isinstance(right, Known):
                if isinstance(left, ModelPath) or isinstance(left.value, str):
                    return text_of([left, right]) if isinstance(right.value, str) else UNKNOWN
            case ast.Add() if isinstance(left, Items) and isinstance(right, Items) and left.type == right.type:
                return Typed(frozenset([left.type]))
            case ast.Div() if isinstance(left, ModelPath):
                return joined([left, right])
            case ast.Mod() if isinstance(left, Known) and isinstance(left.value, str):
                return percent(left.value, right)
            case ast.Mult() if isinstance(left, Items):
                return Typed(frozenset([left.type]))
        return UNKNOWN

    def _either(self, node: ast.BoolOp, scope: Scope) -> Value:
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
                    value = merged(value, each)
                return value
            value = self.value(part, scope)
        return value

    def _comparison(self, node: ast.Compare, scope: Scope) -> Value:
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
                if isinstance(right, Mapped) and isinstance(left, Known) and right.name not in self.changed:
                    return Known((left.value in right.entries) is wanted)
        return _TRUTH_VALUE

    def _choice(self, node: ast.IfExp, scope: Scope) -> Value:
        known = truth(self.value(node.test, scope))
        if known is not None:
            return self.value(node.body if known else node.orelse, scope)
        with self.unsure():
            return merged(self.value(node.body, scope), self.value(node.orelse, scope))

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: Scope
    ) -> Value:
        inner = Scope(scope.member, parent=scope)

        conditions = 0
        try:
            for generator in node.generators:
                items = self.value(generator.iter, inner)
                self.assign(generator.target, UNKNOWN, inner)
                if not isinstance(items, Batch) and not (isinstance(items, Items) and items.values):
                    conditions += 1
                    self.conditions += 1
                for condition in generator.ifs:
                    self.value(condition, inner)
                    conditions += 1
                    self.conditions += 1
            if isinstance(node, ast.DictComp):
                self.value(node.key, inner)
                self.value(node.value, inner)
            elif isinstance(node, ast.GeneratorExp):
                with self.unsure():
                    self.value(node.elt, inner)
            else:
                self.value(node.elt, inner)
        finally:
            self.conditions -= conditions
        return Typed(frozenset([_TYPES_OF_NODES[type(node)]]))


def _last_name(node: ast.expr) -> str:
    return getattr(node, "attr", None) or getattr(node, "id", None) or ""


def _not(other: Value, wanted: bool) -> Value:
    return Known(False is wanted) if other != NONE else Known(wanted)


def _is_bool(value: Value) -> bool:
    return value == _TRUTH_VALUE or (isinstance(value, Known) and isinstance(value.value, bool))
