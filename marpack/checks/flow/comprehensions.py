"""Dictionaries and comprehensions of a handler's text, and what loops go through."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from marpack.checks.flow.operations import Operations
from marpack.checks.flow.values import (
    UNKNOWN,
    Batch,
    Instance,
    Items,
    Known,
    Mapped,
    Scope,
    Typed,
    Value,
    items_of,
    of_python,
    truth,
)

_MOST_ENTRIES = 256
TYPES_OF_NODES = {
    **dict.fromkeys((ast.List, ast.ListComp), "list"),
    **dict.fromkeys((ast.Dict, ast.DictComp), "dict"),
    **dict.fromkeys((ast.Set, ast.SetComp), "set"),
    ast.GeneratorExp: "generator",
    ast.JoinedStr: "str",
}


class Comprehensions(Operations):
    """Evaluates dictionaries and comprehensions."""

    # How many dictionaries have been made.
    _dictionaries = 0

    def dictionary_of(self, node: ast.Dict, scope: Scope) -> Value:
        """Evaluate a dictionary's text."""
        keys = [None if key is None else self.value(key, scope) for key in node.keys]
        values = [self.value(value, scope) for value in node.values]
        entries = {key.value: value for key, value in zip(keys, values, strict=True) if isinstance(key, Known)}
        if len(entries) < len(keys) or len(keys) > _MOST_ENTRIES:
            return Typed(frozenset(["dict"]))
        return self.dictionary(entries, node)

    def dictionary(self, entries: Mapping[Any, Value], node: ast.AST) -> Value:
        """Return a dictionary that the handler makes."""
        self._dictionaries += 1
        return Mapped(f"the dictionary of line {getattr(node, 'lineno', 0)}", entries, self._dictionaries)

    def items(self, value: Value) -> Value:
        """Return what a loop over a value goes through, where that is known."""
        if isinstance(value, Mapped) and value not in self.changed:
            return items_of("list", [of_python(key, "") for key in value.entries])
        if isinstance(value, (Instance, Mapped)):
            self.escape(value)
        return value

    def goes_round(self, items: Value) -> bool:
        """Tell whether a loop is run once at least: what is made of a batch has an item for each request."""
        if isinstance(items, Items):
            return bool(items.values)
        return isinstance(items, Batch) or (self.phase == "answer" and not isinstance(items, Mapped))

    def comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: Scope
    ) -> Value:
        """Evaluate a comprehension."""
        inner = Scope(scope.member, parent=scope)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        before = self.conditions
        found: list[list[Value]] = []
        try:
            known = self._generate(node.generators, parts, inner, found, later=isinstance(node, ast.GeneratorExp))
        finally:
            self.conditions = before
        if known and isinstance(node, ast.ListComp):
            return items_of("list", [value for (value,) in found])
        if known and isinstance(node, ast.DictComp) and all(isinstance(row[0], Known) for row in found):
            return self.dictionary({row[0].value: row[1] for row in found if isinstance(row[0], Known)}, node)
        return Typed(frozenset([TYPES_OF_NODES[type(node)]]))

    def _generate(
        self,
        generators: Sequence[ast.comprehension],
        parts: Sequence[ast.expr],
        scope: Scope,
        found: list[list[Value]],
        *,
        later: bool,
    ) -> bool:
        """Follow what is made of items, and tell whether ``found`` is then all of it.

        That of a generator may be made ``later``, or never.
        """
        if not generators:
            self.conditions += later
            found.append([self.value(part, scope) for part in parts])
            return True
        generator, *rest = generators
        items = self.items(self.value(generator.iter, scope))
        known = items.values if isinstance(items, Items) else None
        self.conditions += not self.goes_round(items)
        complete = known is not None
        for value in (UNKNOWN,) if known is None else known:
            self.assign(generator.target, value, scope)
            tests = [truth(self.value(condition, scope)) for condition in generator.ifs]
            if known is not None and False in tests:
                continue
            doubts = sum(test is not True for test in tests)
            self.conditions += doubts
            complete &= self._generate(rest, parts, scope, found, later=later) and not doubts
            self.conditions -= doubts
        return complete
