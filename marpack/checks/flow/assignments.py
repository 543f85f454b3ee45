"""What the statements of a handler bind: names, attributes, and what is in lists and dictionaries."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from marpack.checks.flow.functions import Functions
from marpack.checks.flow.values import (
    NONE,
    UNKNOWN,
    Closure,
    Instance,
    Items,
    Made,
    Mapped,
    Outside,
    Scope,
    Typed,
    Unknown,
    Value,
)


class Assignments(Functions):
    """Binds what stands at the left of ``=``."""

    def augment(self, node: ast.AugAssign, scope: Scope) -> None:
        """Follow ``+=``, and its like."""
        reading = ast.BinOp(_loaded(node.target), node.op, node.value)
        ast.copy_location(reading, node)
        self.assign(node.target, self.value(reading, scope), scope)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target to a value."""
        self.step()
        match target:
            case ast.Name(id=name):
                held = scope.globals if name in scope.declared_global else scope
                self.memory.set(held.names, name, value)
            case ast.Starred():
                self.assign(target.value, Typed(frozenset(["list"])), scope)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                values: Sequence[Value] = [UNKNOWN] * len(elements)
                starred = any(isinstance(element, ast.Starred) for element in elements)
                if isinstance(value, Items) and len(value.values) == len(elements) and not starred:
                    values = value.values
                else:
                    self.escape(value)
                for element, part in zip(elements, values, strict=True):
                    self.assign(element, part, scope)
            case ast.Attribute():
                owner = self.value(target.value, scope)
                if isinstance(owner, Instance):
                    self._set_attribute(owner, target.attr, value)
                elif isinstance(owner, Made):
                    self.memory.set(self.class_names.setdefault(owner.node, {}), target.attr, value)
                elif isinstance(owner, Outside):
                    self.memory.set(self.replaced, f"{owner.path}.{target.attr}", value)
                else:
                    self.escape(value)
            case ast.Subscript():
                owner = self.value(target.value, scope)
                self.value(target.slice, scope)
                self.escape(owner)
                self.escape(value)
                if isinstance(owner, Mapped):
                    self.change(owner)
                elif isinstance(owner, Items):
                    self.assign(target.value, Typed(frozenset([owner.type])), scope)

    def _set_attribute(self, instance: Instance, name: str, value: Value) -> None:
        if any(isinstance(held.get(name, NONE), (Closure, Unknown)) for held in self.held(instance)):
            self.forget(instance)  # a property, whose setter may set others
        self.memory.set(instance.attributes, name, value)


def _loaded(target: ast.Name | ast.Attribute | ast.Subscript) -> ast.expr:
    """Return the target of ``+=`` as what is read."""
    match target:
        case ast.Name(id=name):
            return ast.copy_location(ast.Name(name, ast.Load()), target)
        case ast.Attribute(value=value, attr=attribute):
            return ast.copy_location(ast.Attribute(value, attribute, ast.Load()), target)
    return ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target)
