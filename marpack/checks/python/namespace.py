"""What a module's names are bound to once it has been imported, as far as its text tells.

The text is read, never run. Where it leaves open what happens (conditions, unknown decorators, names made while it
runs), so does this: a name may have several ``Value``s, and ``Namespace.certain`` may be false.
"""

from __future__ import annotations

import ast
import builtins
import operator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from marpack.checks.python.imports import Reach
from marpack.checks.python.values import (
    ABSENT,
    ONLY_ABSENT,
    ONLY_PLAIN,
    ONLY_UNKNOWN,
    UNKNOWN,
    Class,
    Function,
    Imported,
    Plain,
    Undecided,
    dotted_name,
    merge,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from marpack.checks.python.imports import Import
    from marpack.checks.python.values import FunctionNode, State, Value, Values

__all__ = ["Namespace"]


# What makes a class whose __module__ is that of its caller [server].
_CLASS_MAKERS = frozenset(
    {
        "collections.namedtuple",
        *(
            f"{module}.{name}"
            for module in ("typing", "typing_extensions")
            for name in ("NamedTuple", "TypedDict")
        ),
        *(f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")),
    }
)
# What makes a class, of one module or another.
_MAYBE_CLASS_MAKERS = frozenset({"builtins.type", "types.new_class", "dataclasses.make_dataclass"})
_METACLASSES = frozenset({"builtins.type", "abc.ABCMeta", "enum.EnumMeta", "enum.EnumType"})

# Decorators of classes that return what they are given, or a class of the same name and module.
_KEEPS_CLASS = frozenset(
    {
        "dataclasses.dataclass",
        "enum.unique",
        "functools.total_ordering",
        "typing.final",
        "typing.runtime_checkable",
        "typing_extensions.final",
        "typing_extensions.runtime_checkable",
    }
)

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}
_PLAIN_NODES = (
    ast.BinOp,
    ast.Compare,
    ast.Dict,
    ast.DictComp,
    ast.FormattedValue,
    ast.GeneratorExp,
    ast.JoinedStr,
    ast.List,
    ast.ListComp,
    ast.Set,
    ast.SetComp,
    ast.Tuple,
    ast.UnaryOp,
)
# How many names are carried along over all conditions of a module: no real one comes near.
_LONGEST = 1_000_000

_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")


class _TooLongError(Exception):
    """Following all the names of a module through its conditions takes too long."""


class Namespace:
    """The names that a module binds at its top level; ``name`` is the module's, dotted.

    ``package`` is the one that its relative imports begin from, ``""`` for none. ``stars`` gives the names that a
    star-import of a module brings, None where nobody knows.
    """

    def __init__(
        self,
        tree: ast.Module,
        *,
        name: str,
        package: str,
        python: tuple[int, int],
        stars: Callable[[str], Iterable[str] | None] = lambda module: None,
    ) -> None:
        self.name = name
        self.tree = tree
        self._package = package
        self._python = python
        self._stars = stars
        # What is bound is what the text says: nothing changes the names behind its back.
        self.certain = True
        # Classes that are changed from outside their body: attributes are added to them.
        self.patched: set[str] = set()
        self._locals: dict[str, ast.ClassDef | FunctionNode] = {}
        self._makers: dict[ast.AST, bool] = {}
        self._left = _LONGEST
        state: State = {}
        try:
            self._survey()
            after = self._block(tree.body, state)
            if after is None:
                self.certain = False
            self.bindings: State = state if after is None else after
            self._globals_of_functions()
        except (RecursionError, _TooLongError):  # thousands of nested conditions, or of names and conditions
            self.certain = False
            self.bindings = {}

    # ----------------------------------------------------------------------------------------------- answers

    def get(self, name: str) -> Values:
        """Return what a name may be bound to."""
        return (
            self.bindings.get(name, ONLY_ABSENT)
            if self.certain
            else self.bindings.get(name, ONLY_ABSENT) | ONLY_UNKNOWN
        )

    def only(self, name: str) -> Value | None:
        """Return what a name is bound to, None where it may be several things, or is not known."""
        values = self.get(name)
        if len(values) != 1:
            return None
        [value] = values
        return None if isinstance(value, Undecided) else value

    def is_absent(self, name: str) -> bool:
        """Tell whether the module has surely no such attribute."""
        return self.get(name) == ONLY_ABSENT and not (name.startswith("__") and name.endswith("__"))

    @cached_property
    def sure_classes(self) -> dict[str, Class]:
        """The names that are surely bound to a class that the module makes; a second name counts again."""
        if not self.certain:
            return {}
        found = {}
        for name, values in self.bindings.items():
            classes = [value for value in values if isinstance(value, Class)]
            if len(classes) == len(values):
                found[name] = classes[0]
        return found

    @property
    def has_no_class(self) -> bool:
        """Whether surely no name is bound to a class that the module makes."""
        if not self.certain:
            return False
        if not self._makes_classes(self.tree):
            return True
        return not any(isinstance(value, Class) or value is UNKNOWN for v in self.bindings.values() for value in v)

    @property
    def only_class(self) -> tuple[str, Class] | None:
        """The one class that the module makes, and its name, if there is surely no other."""
        maybe = [
            name
            for name, values in self.bindings.items()
            if any(isinstance(value, Class) or value is UNKNOWN for value in values)
        ]
        if len(maybe) != 1 or maybe[0] not in self.sure_classes:
            return None
        return maybe[0], self.sure_classes[maybe[0]]

    def value_of(self, node: ast.expr) -> Values:
        """Return what an expression may be, where the module has been imported."""
        try:
            return self._value(node, self.bindings)
        except RecursionError:
            return ONLY_UNKNOWN

    @cached_property
    def imports(self) -> list[Import]:
        """All import statements, in their order, those for type checkers left out."""
        try:
            return list(self._imports(self.tree.body, Reach()))
        except RecursionError:
            return []

    # ---------------------------------------------------------------------------------------- the whole text

    def _survey(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called = node.func.id
                if called in {"globals", "exec"} or (called in {"vars", "locals"} and not node.args):
                    self.certain = False
            elif isinstance(node, ast.Attribute) and node.attr == "modules" and dotted_name(node.value) == "sys":
                self.certain = False
        for statement in self.tree.body:
            if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                self._locals[statement.name] = statement
                if statement.name == "__getattr__":
                    self.certain = False

    def _globals_of_functions(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names = {name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names}
                value = ONLY_UNKNOWN if names and self._makes_classes(node) else ONLY_PLAIN
                for name in names:
                    self.bindings[name] = self.bindings.get(name, ONLY_ABSENT) | value

    def _makes_classes(self, node: ast.AST) -> bool:
        """Tell whether a piece of the module may make a class: has one, calls a maker, or names a class of it."""
        if node not in self._makers:
            self._makers[node] = self._looks_for_makers(node)
        return self._makers[node]

    def _looks_for_makers(self, node: ast.AST) -> bool:
        makers = {path.rpartition(".")[2] for path in _CLASS_MAKERS | _MAYBE_CLASS_MAKERS}
        for inner in ast.walk(node):
            if isinstance(inner, ast.ClassDef):
                return True
            if isinstance(inner, ast.Call) and dotted_name(inner.func).rpartition(".")[2] in makers:
                return True
            if isinstance(inner, ast.Name) and isinstance(self._locals.get(inner.id), ast.ClassDef):
                return True
        return False

    # -------------------------------------------------------------------------------------------- statements

    def _copy(self, state: State) -> State:
        self._left -= len(state)
        if self._left < 0:
            raise _TooLongError
        return dict(state)

    def _block(self, statements: Sequence[ast.stmt], state: State) -> State | None:
        """Run statements on a state, which is changed; return None where their end is never reached."""
        current = state
        for statement in statements:
            after = self._statement(statement, current)
            if after is None:
                return None
            current = after
        return current

    def _statement(self, node: ast.stmt, state: State) -> State | None:
        self._walruses(node, state)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                state[node.name] = self._function(node, state)
            case ast.ClassDef():
                state[node.name] = self._class(node, state)
            case ast.Import():
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    state[bound] = frozenset([Imported(alias.name if alias.asname else bound)])
            case ast.ImportFrom():
                self._import_from(node, state)
            case ast.Assign():
                values = self._value(node.value, state)
                for target in node.targets:
                    self._bind(target, node.value, values, state)
            case ast.AnnAssign() if node.value is not None:
                self._bind(node.target, node.value, self._value(node.value, state), state)
            case ast.AugAssign():
                self._bind(node.target, None, ONLY_PLAIN, state)
            case ast.Delete():
                for target in node.targets:
                    for name in _names(target):
                        state[name] = ONLY_ABSENT
            case ast.Expr():
                self._expression(node.value, state)
            case ast.If():
                return self._branches(node.test, node.body, node.orelse, state)
            case ast.For() | ast.AsyncFor():
                self._bind(
                    node.target, None, ONLY_UNKNOWN if self._makes_classes(node.iter) else ONLY_PLAIN, state
                )
                return self._maybe(node.body, node.orelse, state)
            case ast.While():
                return self._maybe(node.body, node.orelse, state)
            case ast.With() | ast.AsyncWith():
                before = self._copy(state)
                for item in node.items:
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, None, ONLY_PLAIN, state)
                after = self._block(node.body, state)
                suppresses = any("suppress" in ast.dump(item.context_expr) for item in node.items)
                return merge(before, after) if suppresses else after
            case ast.Try():
                return self._try(node, state)
            case ast.Match():
                outcomes: list[State | None] = [self._copy(state)]
                for choice in node.cases:
                    inner = self._copy(state)
                    for part in ast.walk(choice.pattern):
                        captured = getattr(part, "name", None) or getattr(part, "rest", None)
                        if isinstance(captured, str):
                            inner[captured] = ONLY_UNKNOWN
                    outcomes.append(self._block(choice.body, inner))
                return merge(*outcomes)
            case ast.Raise():
                return None
            case _ if isinstance(node, getattr(ast, "TryStar", ())):
                return self._try(node, state)
            case _ if isinstance(node, getattr(ast, "TypeAlias", ())):
                for name in _names(getattr(node, "name", None)):
                    state[name] = ONLY_PLAIN
        return state

    def _branches(
        self, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt], state: State
    ) -> State | None:
        truth = self._truth(test)
        if truth is True:
            return self._block(body, state)
        if truth is False:
            return self._block(orelse, state)
        return merge(self._block(body, self._copy(state)), self._block(orelse, self._copy(state)))

    def _maybe(self, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt], state: State) -> State | None:
        merged = merge(self._copy(state), self._block(body, self._copy(state)))
        return merge(merged, self._block(orelse, self._copy(merged or state)))

    def _try(self, node: Any, state: State) -> State | None:
        before = self._copy(state)
        done = self._block(node.body, self._copy(state))
        # What the body does before it fails is any part of what it does.
        failed = merge(before, done) or before
        outcomes = [self._block(node.orelse, self._copy(done)) if done is not None else None]
        for handler in node.handlers:
            inner = self._copy(failed)
            outcomes.append(self._block(handler.body, inner))
            if handler.name:
                for outcome in outcomes[-1:]:
                    if outcome is not None:
                        outcome[handler.name] = ONLY_ABSENT
        merged = merge(*outcomes)
        if node.finalbody:
            return self._block(node.finalbody, merged) if merged is not None else None
        return merged

    def _truth(self, test: ast.expr) -> bool | None:
        """Return what a condition is on the server while the module is imported, None where it depends."""
        match test:
            case ast.Constant():
                return bool(test.value)
            case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                return False
            case ast.UnaryOp(op=ast.Not()):
                truth = self._truth(test.operand)
                return None if truth is None else not truth
            case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant()]):
                return False
            case ast.Compare(left=left, ops=[op], comparators=[ast.Tuple(elts=elements)]):
                numbers = [element.value for element in elements if isinstance(element, ast.Constant)]
                if (
                    dotted_name(left) == "sys.version_info"
                    and type(op) in _COMPARISONS
                    and len(numbers) == len(elements) <= 2
                    and all(isinstance(number, int) for number in numbers)
                ):
                    # As long as the real one, whose third number is never less than 0.
                    return _COMPARISONS[type(op)]((*self._python, 0, "final", 0), tuple(numbers))
        return None

    # ------------------------------------------------------------------------------------------------ values

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, state: State) -> Values:
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Name) and called.id in self._locals:
                local = self._locals[called.id]
                if isinstance(local, ast.ClassDef) or self._makes_classes(local):
                    return ONLY_UNKNOWN
        return frozenset([Function(node, node.lineno, decorated=bool(node.decorator_list))])

    def _class(self, node: ast.ClassDef, state: State) -> Values:
        made: Values = frozenset([Class(node.name, node.lineno, node)])
        for inner in node.body:
            for name in _names(inner.targets if isinstance(inner, ast.Assign) else None):
                if name == "__module__":
                    return ONLY_UNKNOWN
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            for value in self._value(called, state):
                if not (isinstance(value, Imported) and value.path in _KEEPS_CLASS):
                    made |= ONLY_UNKNOWN
        return made

    def _import_from(self, node: ast.ImportFrom, state: State) -> None:
        module = self._absolute(node.module, node.level)
        for alias in node.names:
            if alias.name != "*":
                path = f"{module or '?'}.{alias.name}"
                state[alias.asname or alias.name] = frozenset([Imported(path)])
                continue
            names = None if module is None else self._stars(module)
            if names is None:
                self.certain = False
            for name in names or ():
                state[name] = frozenset([Imported(f"{module}.{name}")])

    def _absolute(self, module: str | None, level: int) -> str | None:
        """Return the dotted name that an import means, None where it leads out of the top-level package."""
        if level == 0:
            return module
        parts = self._package.split(".") if self._package else []
        if level > len(parts):
            return None
        return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])

    def _bind(self, target: ast.expr, source: ast.expr | None, values: Values, state: State) -> None:
        match target:
            case ast.Name():
                state[target.id] = values
            case ast.Starred():
                self._bind(target.value, None, ONLY_PLAIN, state)
            case ast.Tuple() | ast.List():
                sources: list[ast.expr | None] = [None] * len(target.elts)
                if (
                    isinstance(source, (ast.Tuple, ast.List))
                    and len(source.elts) == len(target.elts)
                    and not any(isinstance(element, ast.Starred) for element in [*source.elts, *target.elts])
                ):
                    sources = list(source.elts)
                found = [ONLY_UNKNOWN if element is None else self._value(element, state) for element in sources]
                for element, part, value in zip(target.elts, sources, found, strict=True):
                    self._bind(element, part, value, state)
            case ast.Attribute(value=ast.Name(id=name)):
                self._patch(name, target.attr, state)

    def _patch(self, name: str, attribute: str, state: State) -> None:
        self.patched.add(name)
        if attribute == "__module__":
            state[name] = state.get(name, ONLY_ABSENT) | ONLY_UNKNOWN

    def _expression(self, node: ast.expr, state: State) -> None:
        """Note what a call does to the module's classes: ``setattr(A, ...)``, ``register [server]``."""
        if isinstance(node, ast.Call):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if isinstance(argument, ast.Name):
                    self.patched.add(argument.id)

    def _walruses(self, node: ast.stmt, state: State) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return
        for expression in _own_expressions(node):
            for inner in ast.walk(expression):
                if isinstance(inner, ast.NamedExpr):
                    state[inner.target.id] = self._value(inner.value, state) | ONLY_UNKNOWN

    def _value(self, node: ast.expr, state: State) -> Values:
        match node:
            case ast.Name():
                return self._named(node.id, state)
            case ast.Attribute():
                return frozenset(self._attribute(value, node.attr) for value in self._value(node.value, state))
            case ast.Constant():
                return frozenset([Plain(repr(node.value)[:40], type(node.value).__name__)])
            case ast.Lambda():
                return frozenset([Function(node, node.lineno)])
            case ast.IfExp():
                return self._value(node.body, state) | self._value(node.orelse, state)
            case ast.BoolOp():
                return frozenset(value for part in node.values for value in self._value(part, state))
            case ast.NamedExpr():
                return self._value(node.value, state)
            case ast.Call():
                return self._call(node, state)
            case ast.Subscript():
                plain = all(isinstance(value, Imported) for value in self._value(node.value, state))
                return ONLY_PLAIN if plain else ONLY_UNKNOWN
        return frozenset([_display(node)]) if isinstance(node, _PLAIN_NODES) else ONLY_UNKNOWN

    def _named(self, name: str, state: State) -> Values:
        values = state.get(name, ONLY_ABSENT)
        if ABSENT in values:
            builtin = Imported(f"builtins.{name}") if hasattr(builtins, name) else UNKNOWN
            values = (values - ONLY_ABSENT) | {builtin}
        return values

    @staticmethod
    def _attribute(value: Value, attribute: str) -> Value:
        if isinstance(value, Imported):
            return Imported(f"{value.path}.{attribute}")
        return UNKNOWN if attribute == "__class__" or not isinstance(value, Plain) else Plain()

    def _call(self, node: ast.Call, state: State) -> Values:
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        called = self._value(node.func, state)
        if len(called) != 1:
            return ONLY_UNKNOWN
        [callee] = called
        if isinstance(callee, Imported):
            path = callee.path
            if path == "builtins.type" and len(node.args) == 3:
                return frozenset([Class(_name_given(node), node.lineno)])
            if path in _CLASS_MAKERS and len(arguments) >= 2:
                chosen = any(keyword.arg in {"module", None} for keyword in node.keywords)
                return ONLY_UNKNOWN if chosen else frozenset([Class(_name_given(node), node.lineno)])
            if path in _CLASS_MAKERS or path in _MAYBE_CLASS_MAKERS:
                return ONLY_UNKNOWN
        if isinstance(callee, Class) and self._is_metaclass(callee, state, set()):
            return ONLY_UNKNOWN
        if isinstance(callee, Function) and self._makes_classes(callee.node):
            return ONLY_UNKNOWN
        if callee is UNKNOWN or any(isinstance(v, Class) for a in arguments for v in self._value(a, state)):
            return ONLY_UNKNOWN
        return ONLY_PLAIN

    def _is_metaclass(self, value: Class, state: State, seen: set[Class]) -> bool:
        """Tell whether calling a class may make a class."""
        if value.node is None:
            return True
        if value in seen:
            return False
        seen.add(value)
        for base in value.node.bases:
            for found in self._value(base, state):
                if isinstance(found, Imported):
                    if found.path in _METACLASSES or found.path in _CLASS_MAKERS:
                        return True
                elif not isinstance(found, Class) or self._is_metaclass(found, state, seen):
                    return True
        return False

    # ----------------------------------------------------------------------------------------------- imports

    def _imports(self, statements: Iterable[ast.stmt], reach: Reach) -> Iterator[Import]:
        for node in statements:
            match node:
                case ast.Import():
                    for alias in node.names:
                        yield reach.of(alias.name, f"import {alias.name}", (), node.lineno)
                case ast.ImportFrom():
                    module = self._absolute(node.module, node.level)
                    names = tuple(alias.name for alias in node.names)
                    text = f"from {'.' * node.level}{node.module or ''} import {', '.join(names)}"
                    yield reach.of(module, text, names, node.lineno)
                case ast.If():
                    truth = self._truth(node.test)
                    inner = reach if truth is not None else reach.but(sure=False)
                    if truth is not False:
                        yield from self._imports(node.body, inner)
                    if truth is not True:
                        yield from self._imports(node.orelse, inner)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    yield from self._imports(node.body, reach.but(sure=False, late=True))
                case ast.Try():
                    yield from self._imports(node.body, reach.guarded(node.handlers))
                    for handler in node.handlers:
                        yield from self._imports(handler.body, reach.but(sure=False))
                    yield from self._imports([*node.orelse, *node.finalbody], reach.but(sure=False))
                case ast.With() if any("suppress" in ast.dump(item.context_expr) for item in node.items):
                    yield from self._imports(node.body, reach.but(missing_is_caught=True))
                case ast.With() | ast.AsyncWith() | ast.ClassDef():
                    yield from self._imports(node.body, reach)
                case _:
                    for block in _BLOCKS:
                        for part in getattr(node, block, ()):
                            body = [part] if isinstance(part, ast.stmt) else part.body
                            yield from self._imports(body, reach.but(sure=False))


def _own_expressions(node: ast.stmt) -> Iterator[ast.expr]:
    """Yield the expressions of a statement, not those of the statements in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.withitem):
            yield child.context_expr


def _names(target: object) -> list[str]:
    """Return the names in the target of an assignment or a deletion."""
    if isinstance(target, list):
        return [name for element in target for name in _names(element)]
    if isinstance(target, (ast.Tuple, ast.List)):
        return _names(target.elts)
    return [target.id] if isinstance(target, ast.Name) else []


def _display(node: ast.expr) -> Plain:
    kind = type(node).__name__.lower()
    return Plain(f"a {kind}", kind if kind in {"dict", "list", "set", "tuple"} else "")


def _name_given(node: ast.Call) -> str:
    """Return the name that a call gives to the class that it makes."""
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else dotted_name(node)
