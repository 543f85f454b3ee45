"""Follows the modules, functions and classes of the archive."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from marpack.checks.flow.expressions import Expressions
from marpack.checks.flow.known_calls import KEEPS
from marpack.checks.flow.objects import decorator_names
from marpack.checks.flow.state import Frame, RaisesError
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
    items_of,
    types_of,
)
from marpack.checks.python.classes import ClassOf
from marpack.checks.python.imports import absolute_name
from marpack.checks.python.values import Class, FunctionNode, dotted_name

_DEEPEST = 25
# Methods that give a class or an object attributes of which the text does not tell.
_MAKERS = frozenset({"__new__", "__init_subclass__"})
_CHANGING = (frozenset(["list"]), frozenset(["dict"]), frozenset(["set"]))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Functions(Expressions):
    """Calls functions, makes objects of classes, and imports modules."""

    def __init__(self, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self._scopes: dict[str, Scope | None] = {}
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
                path = f"{module}.{alias.name}"
                found = UNKNOWN if packed else self.replaced.get(path, Outside(path))
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
        args = node.args
        closure = self.closure(node, scope)
        self.step(items=len(args.posonlyargs) + len(args.args) + len(args.kwonlyargs))
        for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]:
            self.annotation(None if arg is None else arg.annotation, scope)
        self.annotation(node.returns, scope)
        self.assign(ast.Name(node.name, ast.Store()), self._decorated(closure, scope), scope)

    def _decorated(self, closure: Closure, scope: Scope) -> Value:
        """Return what the decorators of a function make of it."""
        written = getattr(closure.node, "decorator_list", [])
        makers = [self.value(each.func if isinstance(each, ast.Call) else each, scope) for each in written]
        if not any(isinstance(maker, Closure) for maker in makers):
            return closure if decorator_names(closure) <= KEEPS else UNKNOWN
        found: Value = closure
        for decorator, maker in zip(reversed(written), reversed(makers), strict=True):
            if not isinstance(maker, Closure):
                return UNKNOWN
            found = self.call(self.value(decorator, scope) if isinstance(decorator, ast.Call) else maker, [found])
        return found if isinstance(found, Closure) and decorator_names(found) <= {"wraps"} else UNKNOWN

    def closure(self, node: FunctionNode, scope: Scope) -> Closure:
        """Return a function as it is defined, with what its parameters are by default."""
        args = node.args
        named = [arg.arg for arg in [*args.posonlyargs, *args.args]]
        pairs = [*zip(named[len(named) - len(args.defaults) :], args.defaults, strict=True)]
        pairs += [
            (arg.arg, default) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default
        ]
        values = {name: self.value(default, scope) for name, default in pairs}
        # Those that can be changed are the same ones in the next call.
        fixed = {name: UNKNOWN if types_of(each) in _CHANGING else each for name, each in values.items()}
        return Closure(node, scope, fixed)

    def define_class(self, node: ast.ClassDef, scope: Scope) -> None:
        """Follow the definition of a class."""
        for part in [*node.bases, *(keyword.value for keyword in node.keywords)]:
            self.value(part, scope)
        inner = Scope(scope.member, parent=scope)
        inner.is_class = True
        self.class_names[node] = inner.names
        self.block(node.body, inner)
        known = not node.decorator_list or is_dataclass(node)
        self.assign(ast.Name(node.name, ast.Store()), Made(node, scope) if known else UNKNOWN, scope)

    def make(self, made: Made, given: Sequence[Value], named: Mapping[str, Value]) -> Value:
        """Make an object of a class of the archive."""
        space = made.scope.globals.space
        if space is None:
            return UNKNOWN
        cls = ClassOf(self.modules, space, made.scope.member, Class(made.node.name, made.node.lineno, made.node))
        self.made += 1
        instance = Instance(self.made, cls, {})
        if any(not _MAKERS.isdisjoint(held) or _has_objects(held) for held in self.held(instance)):
            self.forget(instance)
        if is_dataclass(made.node) and "__init__" not in self.class_names.get(made.node, {}):
            self._fill(instance, made.node, given, named)
            return instance
        constructor = self._constructor(instance)
        if isinstance(constructor, Bound):
            self.call(constructor, given, named)
        else:
            self.forget(instance)
        return instance

    def _fill(
        self, instance: Instance, node: ast.ClassDef, given: Sequence[Value], named: Mapping[str, Value]
    ) -> None:
        """Give an object of a dataclass its fields."""
        held = self.class_names.get(node, {})
        names = [
            statement.target.id
            for statement in node.body
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        ]
        if node.bases or "**" in named or len(given) > len(names):
            self.forget(instance)
            names = []
        for name, value in {
            **{name: held.get(name, UNKNOWN) for name in names},
            **dict(zip(names, given, strict=False)),
        }.items():
            self.memory.set(instance.attributes, name, named.get(name, value))
        if self.attribute(instance, "__post_init__") is not None:
            self.method(instance, "__post_init__", [])

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
            self._may_do(given, function.scope)
            return UNKNOWN
        scope = Scope(function.scope.member, parent=_outer(function.scope), bound=self._bound_by(node))
        scope.method = None
        if owner is not None and given and isinstance(given[0], Instance):
            scope.method = (owner, given[0])
        elif function.scope.method is not None:
            scope.method = function.scope.method
        self._bind(node, given, named, function.defaults, scope)
        if isinstance(node, ast.Lambda):
            return self.value(node.body, scope)
        if self.is_generator(node) or isinstance(node, ast.AsyncFunctionDef):
            self._may_do([*given, *named.values()], scope)  # later, or never
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
            result = self.merge(result, value)
        return result

    def _may_do(self, given: Sequence[Value], scope: Scope) -> None:
        """Remember what a function may have done to the objects that it knows, and to files."""
        self.write()
        for value in [*given, *([scope.method[1]] if scope.method is not None else [])]:
            self.escape(value)

    def _bound_by(self, node: FunctionNode) -> frozenset[str]:
        """Return every name that a function may bind, but those that it declares to be the module's."""
        if node not in self._bound:
            given = {name for each in self.nodes_of(node).of(ast.Global) for name in each.names}
            self._bound[node] = frozenset(self.stored(node)) - given
        return self._bound[node]

    def _bind(
        self,
        node: FunctionNode,
        given: Sequence[Value],
        named: Mapping[str, Value],
        default_values: Mapping[str, Value],
        scope: Scope,
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
            values[name] = UNKNOWN if default is None else default_values.get(name, UNKNOWN)
        values.update(zip(positional, given, strict=False))
        for name, value in named.items():
            if name in values:
                values[name] = value
        if "**" in named:
            values = {name: (values[name] if index == 0 else UNKNOWN) for index, name in enumerate(values)}
        if args.vararg is not None:
            values[args.vararg.arg] = UNKNOWN if "**" in named else items_of("tuple", given[len(positional) :])
        if args.kwarg is not None:
            others = {name: value for name, value in named.items() if name not in values}
            values[args.kwarg.arg] = UNKNOWN if "**" in named else self.dictionary(others, node)
        scope.names.update(values)


def _has_objects(held: Mapping[str, Value]) -> bool:
    """Tell whether a class has objects, which may be descriptors and give it attributes."""
    return any(isinstance(value, Instance) for value in held.values())


def is_dataclass(node: ast.ClassDef) -> bool:
    """Tell whether a class has no decorator but that of dataclasses."""
    made = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return bool(made) and all(dotted_name(each).rpartition(".")[2] == "dataclass" for each in made)


def _outer(scope: Scope) -> Scope:
    """Return where a function looks for names that are not its own: not in the body of its class."""
    while scope.is_class and scope.parent is not None:
        scope = scope.parent
    return scope
