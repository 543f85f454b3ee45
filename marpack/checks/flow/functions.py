"""Follows the modules, functions and classes of the archive."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marpack.checks.flow.expressions import Expressions
from marpack.checks.flow.known_calls import KEEPS
from marpack.checks.flow.objects import decorators
from marpack.checks.flow.state import RaisesError
from marpack.checks.flow.values import (
    NONE,
    UNKNOWN,
    Bound,
    Closure,
    Instance,
    Made,
    Outside,
    Packed,
    Scope,
    Typed,
    Value,
    merged,
    of_python,
)
from marpack.checks.python.classes import ClassOf
from marpack.checks.python.imports import absolute_name
from marpack.checks.python.values import Class, FunctionNode

_DEEPEST = 25
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(slots=True)
class Frame:
    """A call that is followed: the function, what it returned, and in how many conditions it has been left."""

    node: ast.AST
    returned: list[Value] = field(default_factory=list)
    conditions: int = 0


class Functions(Expressions):
    """Calls functions, makes objects of classes, and imports modules."""

    def __init__(self, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self._scopes: dict[str, Scope | None] = {}
        self.frames: list[Frame] = [Frame(ast.Module([], []))]
        self._bound: dict[FunctionNode, frozenset[str]] = {}
        # How many objects have been made.
        self.made = 0

    def bring(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        """Follow an import statement."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.step()
                whole = self.module(alias.name)
                bound = alias.asname or alias.name.partition(".")[0]
                first = whole if alias.asname else self.module(bound)
                path = alias.name if alias.asname else bound
                self.assign(ast.Name(bound, ast.Store()), self._imported(first, path), scope)
            return
        package = scope.globals.package
        module = absolute_name(package, node.module, node.level)
        inner = None if module is None else self.module(module)
        for alias in node.names:
            self.step()
            if alias.name == "*":
                starred = inner.space.starred if inner is not None and inner.space is not None else None
                known = None if starred is None else frozenset(starred)
                for name, value in (inner.names if inner is not None else {}).items():
                    if known is None or name in known:
                        self.assign(ast.Name(name, ast.Store()), value, scope)
                continue
            if inner is not None:
                below = None if alias.name in inner.names else self.module(f"{module}.{alias.name}")
                found = Packed(below, alias.name) if below is not None else inner.names.get(alias.name, UNKNOWN)
            else:
                packed = module is None or self.modules.find(module) is not None
                found = UNKNOWN if packed else Outside(f"{module}.{alias.name}")
            self.assign(ast.Name(alias.asname or alias.name, ast.Store()), found, scope)

    def _imported(self, scope: Scope | None, path: str) -> Value:
        """Return what the name of a module is bound to; ``scope`` are its names where it is the archive's."""
        if scope is not None:
            return Packed(scope, path)
        return Outside(path) if self.modules.find(path.partition(".")[0]) is None else UNKNOWN

    def module(self, name: str) -> Scope | None:
        """Return the names of a module of the archive, which is run where it has not been."""
        for module in self.modules.reached(name):
            if module.name in self._scopes:
                continue
            space = self.modules.space(module)
            if space is None or module.source is None:
                self._scopes[module.name] = None
                continue
            scope = self._scopes[module.name] = Scope(module.source)
            scope.space = space
            package = module.name if module.kind == "package" else module.name.rpartition(".")[0]
            scope.package = package
            self.frames.append(Frame(space.tree))
            try:
                self.block(space.tree.body, scope)
            finally:
                self.conditions -= self.frames.pop().conditions
        found = self._scopes.get(name)
        return found if self.modules.find(name) is not None else None

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        """Follow the definition of a function."""
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.value(default, scope)
        args = node.args
        self.step(items=len(args.posonlyargs) + len(args.args) + len(args.kwonlyargs))
        for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]:
            self.annotation(None if arg is None else arg.annotation, scope)
        self.annotation(node.returns, scope)
        closure = Closure(node, scope)
        for decorator in node.decorator_list:
            self.value(decorator.func if isinstance(decorator, ast.Call) else decorator, scope)
        names = {getattr(each, "attr", None) or getattr(each, "id", None) for each in decorators(closure)}
        self.assign(ast.Name(node.name, ast.Store()), closure if names <= KEEPS else UNKNOWN, scope)

    def define_class(self, node: ast.ClassDef, scope: Scope) -> None:
        """Follow the definition of a class."""
        for part in [*node.bases, *(keyword.value for keyword in node.keywords)]:
            self.value(part, scope)
        inner = Scope(scope.member, parent=scope)
        inner.is_class = True
        self.class_names[node] = inner.names
        self.block(node.body, inner)
        made = Made(node, scope)
        self.assign(ast.Name(node.name, ast.Store()), UNKNOWN if node.decorator_list else made, scope)

    def make(self, made: Made, given: Sequence[Value], named: Mapping[str, Value]) -> Value:
        """Make an object of a class of the archive."""
        space = made.scope.globals.space
        if space is None:
            return UNKNOWN
        cls = ClassOf(self.modules, space, made.scope.member, Class(made.node.name, made.node.lineno, made.node))
        self.made += 1
        instance = Instance(self.made, cls, {})
        constructor = self._constructor(instance)
        if isinstance(constructor, Bound):
            self.call(constructor, given, named)
        else:
            self.forget(instance)
        return instance

    def _constructor(self, instance: Instance) -> Value:
        for item in self.lineage(instance):
            if isinstance(item, ClassOf):
                held = self.class_names.get(item.node) if item.node is not None else None
                if held is None:
                    return UNKNOWN
                if "__init__" in held:
                    found = held["__init__"]
                    return Bound(found, instance, item) if isinstance(found, Closure) else UNKNOWN
            else:
                return UNKNOWN if item is None else Bound(f"{item}.__init__", instance)
        return Bound("builtins.object.__init__", instance)

    def call_closure(
        self,
        function: Closure,
        given: Sequence[Value],
        named: Mapping[str, Value],
        *,
        owner: ClassOf | None = None,
    ) -> Value:
        """Follow a function of the archive, and return what it does."""
        node = function.node
        if len(self.frames) > _DEEPEST or any(frame.node is node for frame in self.frames):
            self.write()
            for value in given:
                if isinstance(value, Instance):
                    self.forget(value)
            return UNKNOWN
        scope = Scope(function.scope.member, parent=_outer(function.scope), bound=self._bound_by(node))
        scope.method = None
        if owner is not None and given and isinstance(given[0], Instance):
            scope.method = (owner, given[0])
        elif function.scope.method is not None:
            scope.method = function.scope.method
        self._bind(node, given, named, function.scope, scope)
        if isinstance(node, ast.Lambda):
            return self.value(node.body, scope)
        if self.is_generator(node):
            return Typed(frozenset(["generator"]))
        frame = Frame(node)
        self.frames.append(frame)
        try:
            outcome = self.block(node.body, scope)
        finally:
            self.frames.pop()
            self.conditions -= frame.conditions
        if outcome == "raise" and not frame.returned:
            raise RaisesError
        values = [*frame.returned, *([NONE] if outcome in ("end", "loop") else [])]
        result = values[0] if values else UNKNOWN
        for value in values[1:]:
            result = merged(result, value)
        return result

    def _bound_by(self, node: FunctionNode) -> frozenset[str]:
        """Return every name that a function may bind, but those that it declares to be the module's."""
        if node not in self._bound:
            given = {name for inner in self.walk(node) if isinstance(inner, ast.Global) for name in inner.names}
            self._bound[node] = frozenset(self.stored(node)) - given
        return self._bound[node]

    def _bind(
        self, node: FunctionNode, given: Sequence[Value], named: Mapping[str, Value], outer: Scope, scope: Scope
    ) -> None:
        args = node.args
        positional = [arg.arg for arg in [*args.posonlyargs, *args.args]]
        self.step(items=len(positional) + len(args.kwonlyargs))
        values: dict[str, Value] = {}
        defaults = [*([None] * (len(positional) - len(args.defaults))), *args.defaults]
        for name, default in [
            *zip(positional, defaults, strict=True),
            *zip([arg.arg for arg in args.kwonlyargs], args.kw_defaults, strict=True),
        ]:
            values[name] = of_python(default.value, "") if isinstance(default, ast.Constant) else UNKNOWN
        values.update(zip(positional, given, strict=False))
        for name, value in named.items():
            if name in values:
                values[name] = value
        if "**" in named:
            values = {name: (values[name] if index == 0 else UNKNOWN) for index, name in enumerate(values)}
        for extra in (args.vararg, args.kwarg):
            if extra is not None:
                values[extra.arg] = UNKNOWN
        scope.names.update(values)


def _outer(scope: Scope) -> Scope:
    """Return where a function looks for names that are not its own: not in the body of its class."""
    while scope.is_class and scope.parent is not None:
        scope = scope.parent
    return scope
