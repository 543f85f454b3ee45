"""What an expression of a Python file may be, and which pieces of the file may make a class."""

from __future__ import annotations

import ast
import builtins
import operator
from collections.abc import Callable
from typing import Any

from marpack.checks.python.values import (
    ABSENT,
    ONLY_ABSENT,
    ONLY_PLAIN,
    ONLY_UNKNOWN,
    UNKNOWN,
    Class,
    Function,
    FunctionNode,
    Imported,
    Plain,
    State,
    Value,
    Values,
    dotted_name,
)
from marpack.display import brief_repr

_TYPING = ("typing", "typing_extensions")

# What makes a class whose __module__ is that of its caller [server].
_CLASS_MAKERS = frozenset(
    {
        "collections.namedtuple",
        *(f"{module}.{name}" for module in _TYPING for name in ("NamedTuple", "TypedDict")),
        *(f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")),
    }
)
# What makes a class, of one module or another.
_MAYBE_CLASS_MAKERS = frozenset({"builtins.type", "types.new_class", "dataclasses.make_dataclass"})
_MAKER_NAMES = frozenset(path.rpartition(".")[2] for path in _CLASS_MAKERS | _MAYBE_CLASS_MAKERS)
_METACLASSES = frozenset({"builtins.type", "abc.ABCMeta", "enum.EnumMeta", "enum.EnumType"})

# Decorators of classes that return what they are given, or a class of the same name and module.
_KEEPS_CLASS = frozenset(
    {
        *("dataclasses.dataclass", "enum.unique", "functools.total_ordering"),
        *(f"{module}.{name}" for module in _TYPING for name in ("final", "runtime_checkable")),
    }
)

# No name of real code may be so many things.
_MOST_VALUES = 64

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}
_PLAIN_NODES = (
    *(ast.BinOp, ast.Compare, ast.Dict, ast.DictComp, ast.FormattedValue, ast.GeneratorExp, ast.JoinedStr),
    *(ast.List, ast.ListComp, ast.Set, ast.SetComp, ast.Tuple, ast.UnaryOp),
)


class Expressions:
    """The values of a module's expressions, among names that are bound as a ``State`` says."""

    def __init__(self, tree: ast.Module) -> None:
        # What the module defines at its top level.
        self._local: dict[str, ast.ClassDef | FunctionNode] = {
            node.name: node
            for node in tree.body
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        }
        self._makers: dict[ast.AST, bool] = {}
        # Of the classes that are looked at for the call at hand.
        self._metaclasses: dict[Class, bool] = {}

    def value(self, node: ast.expr, state: State) -> Values:
        """Return what an expression may be; of too much, nothing is known."""
        found = self._value(node, state)
        return found if len(found) <= _MOST_VALUES else ONLY_UNKNOWN

    def _value(self, node: ast.expr, state: State) -> Values:
        match node:
            case ast.Name():
                return self._named(node.id, state)
            case ast.Attribute():
                return frozenset(self._attribute(value, node.attr) for value in self.value(node.value, state))
            case ast.Constant():
                return frozenset([Plain(brief_repr(node.value, 40), type(node.value).__name__)])
            case ast.Lambda():
                return frozenset([Function(node, node.lineno)])
            case ast.IfExp():
                return self.value(node.body, state) | self.value(node.orelse, state)
            case ast.BoolOp():
                return frozenset(value for part in node.values for value in self.value(part, state))
            case ast.NamedExpr():
                return self.value(node.value, state)
            case ast.Call():
                return self._call(node, state)
            case ast.Subscript():
                plain = all(isinstance(value, Imported) for value in self.value(node.value, state))
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
        called = self.value(node.func, state)
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
        if isinstance(callee, Class) and self._is_metaclass(callee, state):
            return ONLY_UNKNOWN
        if isinstance(callee, Function) and self.makes_classes(callee.node):
            return ONLY_UNKNOWN
        if callee is UNKNOWN or any(isinstance(v, Class) for a in arguments for v in self.value(a, state)):
            return ONLY_UNKNOWN
        return ONLY_PLAIN

    def _is_metaclass(self, value: Class, state: State) -> bool:
        """Tell whether calling a class may make a class; each class is looked at once for a call."""
        if value.node is None:
            return True
        if value in self._metaclasses:
            return self._metaclasses[value]
        is_outermost = not self._metaclasses
        self._metaclasses[value] = False  # as far as it is its own base
        try:
            bases = (found for base in value.node.bases for found in self.value(base, state))
            self._metaclasses[value] = any(self._makes_metaclass(base, state) for base in bases)
            return self._metaclasses[value]
        finally:
            if is_outermost:
                self._metaclasses.clear()

    def _makes_metaclass(self, base: Value, state: State) -> bool:
        if isinstance(base, Imported):
            return base.path in _METACLASSES or base.path in _CLASS_MAKERS
        return not isinstance(base, Class) or self._is_metaclass(base, state)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Values:
        """Return what a ``def`` binds, its decorators applied."""
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Name) and called.id in self._local:
                local = self._local[called.id]
                if isinstance(local, ast.ClassDef) or self.makes_classes(local):
                    return ONLY_UNKNOWN
        return frozenset([Function(node, node.lineno, decorated=bool(node.decorator_list))])

    def class_(self, node: ast.ClassDef, state: State) -> Values:
        """Return what a ``class`` statement binds, its decorators applied."""
        made: Values = frozenset([Class(node.name, node.lineno, node)])
        if "__module__" in assigned_names([each.targets for each in node.body if isinstance(each, ast.Assign)]):
            return ONLY_UNKNOWN
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            for value in self.value(called, state):
                if not (isinstance(value, Imported) and value.path in _KEEPS_CLASS):
                    made |= ONLY_UNKNOWN
        return made

    def makes_classes(self, node: ast.AST) -> bool:
        """Tell whether a piece of the module may make a class: has one, calls a maker, or names a class of it."""
        if node not in self._makers:
            self._makers[node] = any(map(self._is_maker, ast.walk(node)))
        return self._makers[node]

    def _is_maker(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            return dotted_name(node.func).rpartition(".")[2] in _MAKER_NAMES
        if isinstance(node, ast.Name):
            return isinstance(self._local.get(node.id), ast.ClassDef)
        return isinstance(node, ast.ClassDef)


def truth_of(test: ast.expr, python: tuple[int, int]) -> bool | None:
    """Return what a condition is on the server while the module is imported, None where it depends."""
    match test:
        case ast.Constant():
            return bool(test.value)
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case ast.UnaryOp(op=ast.Not()):
            truth = truth_of(test.operand, python)
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
                return _COMPARISONS[type(op)]((*python, 0, "final", 0), tuple(numbers))
    return None


def assigned_names(target: object) -> list[str]:
    """Return the names in the target of an assignment or a deletion."""
    if isinstance(target, list):
        return [name for element in target for name in assigned_names(element)]
    if isinstance(target, (ast.Tuple, ast.List)):
        return assigned_names(target.elts)
    return [target.id] if isinstance(target, ast.Name) else []


def _display(node: ast.expr) -> Plain:
    kind = type(node).__name__.lower()
    return Plain(f"a {kind}", kind if kind in {"dict", "list", "set", "tuple"} else "")


def _name_given(node: ast.Call) -> str:
    """Return the name that a call gives to the class that it makes."""
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else dotted_name(node)
