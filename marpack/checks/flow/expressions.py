"""What expressions of a handler are, and what evaluating them needs."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence

from marpack.checks.flow.calls import CONSTANTS, joined, percent, text_of
from marpack.checks.flow.events import KeyRead, Unbound
from marpack.checks.flow.objects import Objects
from marpack.checks.flow.values import (
    LONGEST_TEXT,
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
    items_of,
    merged,
    of_python,
    truth,
)
from marpack.checks.python.torch_handlers import torch_handler

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
_MOST_ENTRIES = 256
_TRUTH_VALUE = Typed(frozenset(["bool"]))


class Expressions(Objects):
    """Evaluates expressions."""

    # How many dictionaries have been made.
    _dictionaries = 0

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
                return items_of(kind, values)
            case ast.Lambda():
                return Closure(node, scope)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self._comprehension(node, scope)
            case ast.Await(value=inner) | ast.Starred(value=inner):
                return self.value(inner, scope)
            case ast.Dict():
                return self._dictionary(node, scope)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child, scope)
        type_name = _TYPES_OF_NODES.get(type(node))
        return UNKNOWN if type_name is None else Typed(frozenset([type_name]))

    def _dictionary(self, node: ast.Dict, scope: Scope) -> Value:
        keys = [None if key is None else self.value(key, scope) for key in node.keys]
        values = [self.value(value, scope) for value in node.values]
        entries = {key.value: value for key, value in zip(keys, values, strict=True) if isinstance(key, Known)}
        if len(entries) < len(keys) or len(keys) > _MOST_ENTRIES:
            return Typed(frozenset(["dict"]))
        self._dictionaries += 1
        return Mapped(f"the dictionary of line {node.lineno}", entries, self._dictionaries)

    def _piece(self, node: ast.expr, scope: Scope) -> Value:
        if not isinstance(node, ast.FormattedValue):
            return self.value(node, scope)
        value = self.value(node.value, scope)
        return Typed(frozenset(["str"])) if node.conversion != -1 or node.format_spec is not None else value

    def annotation(self, node: ast.expr | None, scope: Scope) -> None:
        """Evaluate an annotation where Python does."""
        space = scope.globals.space
        if node is not None and self.python < (3, 14) and space is not None and not space.has_lazy_annotations:
            self.value(node, scope)

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
                inner_path = f"{path}.{name}"
                return (
                    CONSTANTS.get(inner_path) or Outside(inner_path) if len(inner_path) < LONGEST_TEXT else UNKNOWN
                )
            case Packed(inner):
                return inner.names.get(name, UNKNOWN)
            case Made(inner_node):
                held = self.class_names.get(inner_node, {}).get(name)
                return held if isinstance(held, (Closure, Known, Items)) else MethodOf(value, name)
            case Context():
                return self.of_context(name)
            case Instance():
                found = self.attribute(value, name)
                if found is None and value.cls.member == self.handler_member:
                    self.no_attribute(node, value, scope)
                return UNKNOWN if found is None else found
            case Super(cls, instance):
                return self._behind(cls, instance, name)
            case ModelPath(path) if name in ("parent", "name", "suffix", "stem"):
                if name == "parent":
                    return ModelPath(path.rpartition("/")[0]) if path else UNKNOWN
                return UNKNOWN
            case Known(None):
                self.none(node.value, value, scope)
                return UNKNOWN
        return MethodOf(value, name)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        value, key = self.value(node.value, scope), self.value(node.slice, scope)
        match value, key:
            case (Mapped(name, entries), Known(known)) if isinstance(node.ctx, ast.Load):
                if known in entries:
                    return self.entry(value, known)
                if value not in self.changed:
                    self.note(KeyRead, node, scope, owner=name, key=str(known), near=self.near_keys(entries))
            case (Items(_, values), Known(int(place))) if -len(values) <= place < len(values):
                return values[place]
            case (Batch(), _):
                return UNKNOWN
            case (Known(None), _):
                self.none(node.value, value, scope)
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
                if given and isinstance(given[0], Instance) and torch_handler(path.rpartition(".")[0]) is not None:
                    return self.call_base(path, given[0], given[1:])
                return self.call_outside(node, scope, path, given, named)
            case Closure() | Bound():
                return self.call(callee, given, named)
            case Made():
                return self.make(callee, given, named)
            case MethodOf(value, name):
                found = self.call_method(node, scope, value, name, given, named)
                self._forget_items(node.func, value, scope)
                return found
            case Known(None):
                self.none(node.func, callee, scope)
            case Instance():
                return self.method(callee, "__call__", given)
            case Unknown():
                self._may_write(_last_name(node.func), given, named)
                match node.func:
                    case ast.Attribute(value=ast.Name(id="self")) if scope.method is not None:
                        self.forget(scope.method[1])
        return UNKNOWN

    def _forget_items(self, func: ast.expr, value: Value, scope: Scope) -> None:
        """Forget the items of a list that a method is called on."""
        if isinstance(value, Items) and isinstance(func, ast.Attribute):
            self.assign(func.value, Typed(frozenset([value.type])), scope)

    def goes_round(self, items: Value) -> bool:
        """Tell whether a loop is run once at least: what is made of a batch has an item for each request."""
        if isinstance(items, Items):
            return bool(items.values)
        return isinstance(items, Batch) or (self.phase == "answer" and not isinstance(items, Mapped))

    def _super(self, scope: Scope, given: Sequence[Value]) -> Value:
        frame = scope.method
        if frame is None:
            return UNKNOWN
        owner, instance = frame
        if given and not (isinstance(given[0], Made) and given[0].node is owner.node):
            self.forget(instance)
            return UNKNOWN
        return Super(owner, instance)

    def _operation(self, node: ast.BinOp, scope: Scope) -> Value:
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
            case ast.Div() if isinstance(left, ModelPath):
                return joined([left, right])
            case ast.Mod() if isinstance(left, Known) and isinstance(left.value, str):
                self.step(items=len(left.value))
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
                if isinstance(right, Mapped) and isinstance(left, Known) and right not in self.changed:
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
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        before = self.conditions
        try:
            self._generate(node.generators, parts, inner, later=isinstance(node, ast.GeneratorExp))
        finally:
            self.conditions = before
        return Typed(frozenset([_TYPES_OF_NODES[type(node)]]))

    def _generate(
        self, generators: Sequence[ast.comprehension], parts: Sequence[ast.expr], scope: Scope, *, later: bool
    ) -> None:
        """Follow what is made of items; that of a generator may be made ``later``, or never."""
        if not generators:
            self.conditions += later
            for part in parts:
                self.value(part, scope)
            return
        generator, *rest = generators
        items = self.value(generator.iter, scope)
        known = items.values if isinstance(items, Items) else None
        self.conditions += not self.goes_round(items)
        for value in (UNKNOWN,) if known is None else known:
            self.assign(generator.target, value, scope)
            for condition in generator.ifs:
                self.value(condition, scope)
            self.conditions += len(generator.ifs)
            self._generate(rest, parts, scope, later=later)
            self.conditions -= len(generator.ifs)


def _last_name(node: ast.expr) -> str:
    return getattr(node, "attr", None) or getattr(node, "id", None) or ""


def _not(other: Value, wanted: bool) -> Value:
    return Known(False is wanted) if other != NONE else Known(wanted)


def _is_bool(value: Value) -> bool:
    return value == _TRUTH_VALUE or (isinstance(value, Known) and isinstance(value.value, bool))
