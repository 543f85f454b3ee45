"""What expressions of a handler are, and what evaluating them needs."""

from __future__ import annotations

import ast
import builtins
from abc import abstractmethod
from collections.abc import Sequence

from marpack.checks.flow.calls import CONSTANTS
from marpack.checks.flow.comprehensions import TYPES_OF_NODES, Comprehensions
from marpack.checks.flow.events import KeyRead, LoadedUse, SessionCall, Unbound
from marpack.checks.flow.texts import text_of
from marpack.checks.flow.unbound import is_bound_later
from marpack.checks.flow.values import (
    LONGEST_TEXT,
    UNKNOWN,
    Batch,
    Bound,
    Closure,
    Context,
    Instance,
    Items,
    Known,
    Loaded,
    Made,
    Mapped,
    MethodOf,
    ModelPath,
    Outside,
    Packed,
    Partial,
    Scope,
    Session,
    Super,
    Typed,
    Unknown,
    Value,
    items_of,
    of_python,
    truth,
)
from marpack.checks.python.torch_handlers import torch_handler
from marpack.checks.python.values import FunctionNode

_MODULE_NAMES = frozenset(
    {*("__annotations__", "__builtins__", "__doc__", "__loader__", "__name__", "__package__", "__path__")}
    | {*("__spec__", "__class__", "__module__", "__qualname__", "__debug__", "reveal_type")}
)


class Expressions(Comprehensions):
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
                return self.operation(node, scope)
            case ast.BoolOp():
                return self.either(node, scope)
            case ast.UnaryOp():
                operand = self.value(node.operand, scope)
                known = truth(operand) if isinstance(node.op, ast.Not) else None
                return Known(not known) if known is not None else UNKNOWN
            case ast.Compare():
                return self.comparison(node, scope)
            case ast.IfExp():
                return self.choice(node, scope)
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
                return self.closure(node, scope)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self.comprehension(node, scope)
            case ast.Await(value=inner) | ast.Starred(value=inner):
                return self.value(inner, scope)
            case ast.Dict():
                return self.dictionary_of(node, scope)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child, scope)
        type_name = TYPES_OF_NODES.get(type(node))
        return UNKNOWN if type_name is None else Typed(frozenset([type_name]))

    @abstractmethod
    def closure(self, node: FunctionNode, scope: Scope) -> Closure:
        """Return a function as it is defined, with what its parameters are by default."""

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
            body = getattr(self.frames[-1].node, "body", None)
            early = holder is scope and name not in holder.names and isinstance(body, list)
            if early and self.sure and self._is_bound_later(body or [], name, node.lineno):
                self.note(Unbound, node, scope, name=name, later=True)
            return holder.names.get(name, UNKNOWN)
        if name == "__file__":
            return ModelPath(scope.member)
        if hasattr(builtins, name):
            return Outside(f"builtins.{name}")
        space = scope.globals.space
        if space is not None and name not in _MODULE_NAMES:
            at_top = scope is scope.globals and self.frames[-1].node is space.tree and self.sure
            if space.is_absent(name):
                self.note(Unbound, node, scope, name=name)
            elif at_top and self._is_bound_later(space.tree.body, name, node.lineno):
                self.note(Unbound, node, scope, name=name, later=True)
        return UNKNOWN

    def _is_bound_later(self, body: list[ast.stmt], name: str, line: int) -> bool:
        return is_bound_later(self.first_bindings(body), name, line)

    def _attribute(self, node: ast.Attribute, value: Value, scope: Scope) -> Value:
        name = node.attr
        match value:
            case Outside(path):
                whole = f"{path}.{name}"
                if len(whole) > LONGEST_TEXT:
                    return UNKNOWN
                return self.replaced.get(whole, CONSTANTS.get(whole, Outside(whole)))
            case Packed(inner):
                return inner.names.get(name, UNKNOWN)
            case Made(inner_node):
                return self.of_made(value, self.class_names.get(inner_node, {}).get(name)) or MethodOf(value, name)
            case Context():
                return self.of_context(name)
            case Instance():
                found = self.attribute(value, name)
                if found is None:
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
        self.escape(value)
        return UNKNOWN

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        callee = self.value(node.func, scope)
        given, named = self._arguments(node, scope)
        return self._called(node, scope, callee, given, named)

    def _arguments(self, node: ast.Call, scope: Scope) -> tuple[list[Value], dict[str, Value]]:
        """Return the arguments of a call; there is a ``**`` where some of them are not known."""
        given: list[Value] = []
        named: dict[str, Value] = {}
        for argument in node.args:
            value = self.value(argument, scope)
            if not isinstance(argument, ast.Starred):
                given.append(value)
            elif isinstance(value, Items):
                given.extend(value.values)
            else:
                given.append(UNKNOWN)
                named["**"] = UNKNOWN
        for word in node.keywords:
            value = self.value(word.value, scope)
            if word.arg is not None:
                named[word.arg] = value
            elif isinstance(value, Mapped) and value not in self.changed:
                named.update((str(name), of_python(each, "")) for name, each in value.entries.items())
            else:
                named["**"] = value
        return given, named

    def _called(
        self, node: ast.Call, scope: Scope, callee: Value, given: list[Value], named: dict[str, Value]
    ) -> Value:
        match callee:
            case Partial(function, before, words):
                return self._called(node, scope, function, [*before, *given], {**words, **named})
            case Outside("functools.partial") if given:
                return Partial(given[0], tuple(given[1:]), named)
            case Outside("builtins.getattr") if len(given) > 1:
                return self._asked(node, scope, given)
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
            case Session():
                self.note(SessionCall, node, scope)
            case Unknown():
                if _last_name(node.func) == "load_state_dict" and given and isinstance(given[0], Loaded):
                    self.note(LoadedUse, node, scope, path=given[0].path, name="", strict="strict" not in named)
                self._may_write(_last_name(node.func), given, named)
                match node.func:
                    case ast.Attribute(value=ast.Name(id="self")) if scope.method is not None:
                        self.forget(scope.method[1])
        return UNKNOWN

    def _asked(self, node: ast.Call, scope: Scope, given: Sequence[Value]) -> Value:
        """Return what ``getattr`` gives."""
        owner, name = given[0], given[1]
        if not isinstance(name, Known) or not isinstance(name.value, str):
            return UNKNOWN
        if len(given) > 2 and isinstance(owner, Instance):
            found = self.attribute(owner, name.value)
            return given[2] if found is None else found
        if len(given) > 2 and not isinstance(owner, Context):
            return UNKNOWN
        return self._attribute(ast.copy_location(ast.Attribute(node.args[0], name.value), node), owner, scope)

    def _forget_items(self, func: ast.expr, value: Value, scope: Scope) -> None:
        """Forget the items of a list that a method is called on."""
        if isinstance(value, Items) and isinstance(func, ast.Attribute):
            self.escape(value)
            self.assign(func.value, Typed(frozenset([value.type])), scope)

    def _super(self, scope: Scope, given: Sequence[Value]) -> Value:
        frame = scope.method
        if frame is None:
            for value in scope.names.values():
                if isinstance(value, Instance):
                    self.forget(value)
            return UNKNOWN
        owner, instance = frame
        if given and not (isinstance(given[0], Made) and given[0].node is owner.node):
            self.forget(instance)
            return UNKNOWN
        return Super(owner, instance)


def _last_name(node: ast.expr) -> str:
    return getattr(node, "attr", None) or getattr(node, "id", None) or ""
