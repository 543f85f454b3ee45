"""Classes of a Python file: lineage, attributes, abstract methods."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from marpack.checks.python.namespace import Namespace
from marpack.checks.python.torch_handlers import HANDLER_CLASSES, HANDLER_METHODS, KNOWN_BASES
from marpack.checks.python.values import Class

__all__ = [
    "ABC",
    "Attribute",
    "ClassOf",
    "attributes_of",
    "calls_super",
    "is_abstract",
    "is_abstract_base",
    "is_decorated",
    "mentions",
    "required_parameters",
]
ABC = "abc.ABC"


@dataclass(frozen=True, slots=True)
class ClassOf:
    """A class of the archive, and the module that makes it."""

    space: Namespace
    member: str
    value: Class

    @property
    def node(self) -> ast.ClassDef | None:
        """Its statement, None if it is made by a call."""
        return self.value.node


@dataclass(frozen=True, slots=True)
class Attribute:
    """What is known of a class's attribute: whether it has it; ``owner`` and ``node`` if it is a ``def``."""

    has: bool | None
    owner: ClassOf | str | None = None
    node: ast.FunctionDef | ast.AsyncFunctionDef | None = None


def attributes_of(path: str) -> frozenset[str] | None:
    """Return which attributes of those asked for a class from outside has; None if that is not known."""
    name = path.rpartition(".")[2]
    if path.startswith("ts.torch_handler.") and name in HANDLER_CLASSES:
        return HANDLER_METHODS | {"__init__"}
    return KNOWN_BASES.get(path)


def is_abstract_base(path: str) -> bool:
    """Tell whether a class of this path minds abstract methods."""
    return path == ABC or path.startswith("ts.torch_handler.")


def is_abstract(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a method is marked as abstract."""
    names = {getattr(item, "attr", None) or getattr(item, "id", None) for item in node.decorator_list}
    return "abstractmethod" in names


def is_decorated(cls: ClassOf) -> bool:
    """Tell whether a decorator may give a class another constructor."""
    return cls.node is None or bool(cls.node.decorator_list)


def required_parameters(args: ast.arguments) -> list[str]:
    """Return the parameters, after the first, that have no default."""
    positional = [*args.posonlyargs, *args.args]
    without = positional[: len(positional) - len(args.defaults)][1:]
    keywords = [arg for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default is None]
    return [arg.arg for arg in [*without, *keywords]]


def calls_super(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a method surely does what its base does: a plain statement ``super().initialize(...)``."""
    for statement in node.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            called = statement.value.func
            if (
                isinstance(called, ast.Attribute)
                and called.attr == "initialize"
                and isinstance(called.value, ast.Call)
                and isinstance(called.value.func, ast.Name)
                and called.value.func.id == "super"
            ):
                return True
        elif not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr, ast.Import, ast.ImportFrom)):
            return False
    return False


def mentions(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement in the body of a class may bind a name."""
    for inner in ast.walk(statement):
        if isinstance(inner, ast.Name) and inner.id == name and isinstance(inner.ctx, ast.Store):
            return True
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and inner.name == name:
            return True
        if isinstance(inner, ast.alias) and (inner.asname or inner.name) in {name, "*"}:
            return True
        if isinstance(inner, ast.Name) and inner.id in {"locals", "vars", "exec"}:
            return True
    return False
