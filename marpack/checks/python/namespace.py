"""What a module's names are bound to once it has been imported, as far as its text tells.

The text is read, never run. Where it leaves open what happens (conditions, unknown decorators, names made while it
runs), so does this: a name may have several ``Value``s, and ``Namespace.certain`` may be false.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from functools import cached_property

from marpack.checks.python.class_text import ClassText
from marpack.checks.python.expressions import Expressions
from marpack.checks.python.imports import Import, Reach, imports_of
from marpack.checks.python.nodes import Nodes
from marpack.checks.python.statements import Statements, TooManyNamesError
from marpack.checks.python.values import (
    ONLY_ABSENT,
    ONLY_PLAIN,
    ONLY_UNKNOWN,
    UNKNOWN,
    Class,
    State,
    Undecided,
    Value,
    Values,
    dotted_name,
)


class Namespace:
    """The names that a module binds at its top level; ``name`` is the module's, dotted.

    ``nodes`` are all that is in its tree, ``package`` the one that its relative imports begin from, ``""`` for
    none. ``stars`` gives the names that a star-import of a module brings, None where nobody knows.
    """

    def __init__(
        self,
        tree: ast.Module,
        *,
        nodes: Nodes,
        name: str,
        package: str,
        python: tuple[int, int],
        stars: Callable[[str], Collection[str] | None] = lambda module: None,
    ) -> None:
        self.name = name
        self.tree = tree
        self.nodes = nodes
        self._package = package
        self._python = python
        self._expressions = Expressions(tree)
        self.bindings: State = {}
        self._class_texts: dict[ast.ClassDef, ClassText] = {}
        statements = Statements(self._expressions, package=package, python=python, stars=stars)
        try:
            after = statements.run(tree.body, self.bindings)
            if after is not None:
                self.bindings = after
            self._globals_of_functions()
            ended = after is not None
        except (RecursionError, TooManyNamesError):  # thousands of nested conditions, or of names and conditions
            ended = False
            self.bindings = {}
        # What is bound is what the text says: nothing changes the names behind its back.
        self.certain = ended and statements.certain and not self._is_dynamic()
        # Classes that are changed from outside their body: attributes are added to them.
        self.patched = statements.patched

    def class_text(self, node: ast.ClassDef) -> ClassText:
        """Return what the text of a class of the module says of its attributes."""
        if node not in self._class_texts:
            self._class_texts[node] = ClassText.of(node)
        return self._class_texts[node]

    def get(self, name: str) -> Values:
        """Return what a name may be bound to."""
        values = self.bindings.get(name, ONLY_ABSENT)
        return values if self.certain else values | ONLY_UNKNOWN

    def only(self, name: str) -> Value | None:
        """Return what a name is bound to, None where it may be several things, or is not known."""
        values = self.get(name)
        [value] = values if len(values) == 1 else ONLY_UNKNOWN
        return None if isinstance(value, Undecided) else value

    def is_absent(self, name: str) -> bool:
        """Tell whether the module has surely no such attribute."""
        return self.get(name) == ONLY_ABSENT and not (name.startswith("__") and name.endswith("__"))

    @cached_property
    def sure_classes(self) -> dict[str, Class]:
        """The names that are surely bound to a class that the module makes, by line; a second name counts."""
        if not self.certain:
            return {}
        found = {
            name: next(value for value in values if isinstance(value, Class))
            for name, values in self.bindings.items()
            if all(isinstance(value, Class) for value in values)
        }
        return dict(sorted(found.items(), key=lambda each: each[1].line))

    @cached_property
    def starred(self) -> list[str] | None:
        """What a star-import of the module brings, None where that is not known."""
        if not self.certain:
            return None
        if "__all__" not in self.bindings:
            return [name for name in self.bindings if not name.startswith("_")]
        mentions = [node for node in self.nodes.of(ast.Name) if node.id == "__all__"]
        for node in self.tree.body:
            match node:
                case ast.Assign(
                    targets=[ast.Name(id="__all__")], value=ast.List(elts=items) | ast.Tuple(elts=items)
                ):
                    names = [item.value for item in items if isinstance(item, ast.Constant)]
                    if len(mentions) == 1 and len(names) == len(items) and set(names) <= self.bindings.keys():
                        return [name for name in names if isinstance(name, str)]
        return None

    @cached_property
    def has_lazy_annotations(self) -> bool:
        """Whether no annotation is evaluated: the module begins with ``from __future__ import annotations``."""
        return any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and any(alias.name == "annotations" for alias in node.names)
            for node in self.tree.body
        )

    @property
    def shown_classes(self) -> str:
        """The sure classes, as Python lists them in an error."""
        classes = sorted(self.sure_classes.items())
        return ", ".join(f"<class '{self.name}.{value.name}'>" for _, value in classes)

    @property
    def has_no_class(self) -> bool:
        """Whether surely no name is bound to a class that the module makes."""
        return self.certain and not (self._maybe_classes and self._expressions.makes_classes(self.tree))

    @property
    def only_class(self) -> Class | None:
        """The one class that the module makes, if there is surely no other."""
        maybe = self._maybe_classes
        return self.sure_classes.get(maybe[0]) if len(maybe) == 1 else None

    @property
    def _maybe_classes(self) -> list[str]:
        bound = self.bindings.items()
        return [name for name, values in bound if any(isinstance(v, Class) or v is UNKNOWN for v in values)]

    def value_of(self, node: ast.expr) -> Values:
        """Return what an expression may be, where the module has been imported."""
        try:
            return self._expressions.value(node, self.bindings)
        except RecursionError:
            return ONLY_UNKNOWN

    @cached_property
    def imports(self) -> list[Import]:
        """All import statements, in their order, those for type checkers left out."""
        try:
            return list(imports_of(self.tree.body, Reach(), package=self._package, python=self._python))
        except RecursionError:
            return []

    def _globals_of_functions(self) -> None:
        if not self.nodes.of(ast.Global):
            return
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            # Those in it go with it, which may give them a class: each would be looked through once more.
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                waiting.extend(ast.iter_child_nodes(node))
            else:
                names = {name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names}
                value = ONLY_UNKNOWN if names and self._expressions.makes_classes(node) else ONLY_PLAIN
                for name in names:
                    self.bindings[name] = self.bindings.get(name, ONLY_ABSENT) | value

    def _is_dynamic(self) -> bool:
        """Tell whether the module may change its names in a way that its assignments do not show."""
        for call in self.nodes.of(ast.Call):
            called = call.func.id if isinstance(call.func, ast.Name) else ""
            if called in {"globals", "exec"} or (called in {"vars", "locals"} and not call.args):
                return True
        for node in self.nodes.of(ast.Attribute):
            if node.attr == "modules" and dotted_name(node.value) == "sys":
                return True
        functions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        return any(isinstance(each, functions) and each.name == "__getattr__" for each in self.tree.body)
