"""Classes of Python files: their lineage, attributes and abstract methods."""

from __future__ import annotations

import ast
from dataclasses import field
from functools import cached_property
from typing import TypeAlias

from marpack.checks.python.calls import required_keywords
from marpack.checks.python.modules import Modules
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.torch_handlers import HANDLER_METHODS, KNOWN_BASES, torch_handler
from marpack.checks.python.values import Class, Imported, Value
from marpack.frozen import frozen_in_order

ABC = "abc.ABC"
Method: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
# A class of the archive, the dotted name of one from outside, or None for what is not known.
Base: TypeAlias = "ClassOf | str | None"

# How far a chain of names is followed through the files of an archive.
_DEPTH = 30


@frozen_in_order
class ClassOf:
    """A class of the archive, and the module that makes it: its names, and the member that it lies in."""

    modules: Modules = field(compare=False, repr=False)
    space: Namespace
    member: str
    value: Class

    @property
    def node(self) -> ast.ClassDef | None:
        """Its statement, None if it is made by a call."""
        return self.value.node

    def bases(self) -> list[Base]:
        """Return the bases of the class; None stands for what cannot be followed."""
        if self.node is None:
            return [None]
        found: list[Base] = []
        for base in self.node.bases:
            # Generic[T] is looked up as Generic is.
            inner = base.value if isinstance(base, ast.Subscript) else base
            values = self.space.value_of(inner)
            [value] = values if len(values) == 1 else [None]
            found.append(None if value is None else resolve(value, self.modules, self.space, self.member))
        return found

    @cached_property
    def lineage(self) -> tuple[Base, ...]:
        """The class and its bases in the order in which attributes are looked for; None: unknown ones.

        Rules ask for it two dozen times, of a class whose bases are looked up in two modules.
        """
        order: list[Base] = []
        self._walk(order, 0)
        # A base that several share comes after all of them.
        seen: set[ClassOf | str] = set()
        backwards: list[Base] = []
        for item in reversed(order):
            if item is None or item not in seen:
                backwards.append(item)
                if item is not None:
                    seen.add(item)
        return tuple(backwards[::-1])

    def _walk(self, order: list[Base], depth: int) -> None:
        order.append(self)
        if depth > _DEPTH or len(order) > _DEPTH * _DEPTH:
            order.append(None)
            return
        keywords = {keyword.arg for keyword in self.node.keywords} if self.node is not None else set()
        if keywords and not (keywords == {"metaclass"} and self._is_abc()):
            order.append(None)
        for base in self.bases():
            if isinstance(base, ClassOf):
                base._walk(order, depth + 1)
            else:
                order.append(base)

    def _is_abc(self) -> bool:
        """Tell whether the class names ABCMeta as its metaclass."""
        return any(
            keyword.arg == "metaclass" and self.space.value_of(keyword.value) == {Imported("abc.ABCMeta")}
            for keyword in (self.node.keywords if self.node is not None else ())
        )

    def attribute(self, name: str) -> Attribute:
        """Return what is known of an attribute of the class, ``__init__`` included."""
        for item in self.lineage:
            if isinstance(item, ClassOf):
                found = item.own_attribute(name)
                if found.has is not False:
                    return found
                continue
            known = None if item is None else attributes_of(item)
            if known is None:
                return _NOT_KNOWN
            if name in known:
                return Attribute(True, owner=item)
        return _ABSENT

    @property
    def is_open(self) -> bool:
        """Whether its objects may have attributes that neither its text nor a plain assignment gives them."""
        return self.own_attribute("").has is not False

    def own_attribute(self, name: str) -> Attribute:
        """Return what the class's own text says of an attribute of it or of its instances."""
        if self.node is None or self.value.name in self.space.patched:
            return _NOT_KNOWN
        text = self.space.class_text(self.node)
        if text.is_dynamic or name in text.bound:
            return _NOT_KNOWN
        defined = text.methods.get(name)
        if defined is not None:
            return Attribute(True, owner=self, node=defined)
        return _NOT_KNOWN if text.sets_any or name in text.set else _ABSENT

    def abstract_methods(self) -> list[Method]:
        """Return the methods that keep the class from being instantiated; none if that is not certain."""
        lineage = self.lineage
        if None in lineage or any(isinstance(item, str) and attributes_of(item) is None for item in lineage):
            return []
        classes = [item for item in lineage if isinstance(item, ClassOf)]
        outside = [item for item in lineage if isinstance(item, str)]
        if not any(item._is_abc() for item in classes) and not any(map(_is_abstract_base, outside)):
            return []
        names = {
            statement.name: None
            for item in classes
            if item.node is not None
            for statement in item.node.body
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_abstract(statement)
        }
        found = [self.attribute(name) for name in names]
        return [item.node for item in found if item.node is not None and _is_abstract(item.node)]

    def required_arguments(self) -> tuple[Attribute, Method, list[str]] | None:
        """Return the constructor of the class, its text, and what arguments it needs; None if it may need none."""
        nodes = [item.node for item in self.lineage if isinstance(item, ClassOf)]
        if any(node is None or node.decorator_list for node in nodes):  # which may make another constructor
            return None
        for name in ("__new__", "__init__"):
            found = self.attribute(name)
            if found.node is not None:
                missing = _required_parameters(found.node.args)
                if missing and not found.node.decorator_list:
                    return found, found.node, missing
            elif found.has is not False:
                return None
        return None


@frozen_in_order
class Attribute:
    """What is known of a class's attribute: whether it has it; ``owner`` and ``node`` if it is a ``def``."""

    has: bool | None
    owner: ClassOf | str | None = None
    node: Method | None = None

    @property
    def member(self) -> str | None:
        """The file that defines it, None where that is not of the archive."""
        return self.owner.member if isinstance(self.owner, ClassOf) else None

    @property
    def qualified_name(self) -> str:
        """The method's name as Python tells it."""
        name = self.node.name if self.node is not None else ""
        return f"{self.owner.value.name}.{name}" if isinstance(self.owner, ClassOf) else name


_NOT_KNOWN, _ABSENT = Attribute(None), Attribute(False)


def resolve(value: Value, modules: Modules, space: Namespace, member: str, depth: int = 0) -> Base:
    """Follow a value of a module (``space``, in ``member``) to a class, or to the name of something outside."""
    if isinstance(value, Class):
        return ClassOf(modules, space, member, value)
    if not isinstance(value, Imported) or depth > _DEPTH:
        return None
    module, rest = modules.longest(value.path)
    if module is None:
        return value.path
    inner = modules.space(module)
    if inner is None or module.source is None or len(rest) != 1:
        return None
    found = inner.only(rest[0])
    return None if found is None else resolve(found, modules, inner, module.source, depth + 1)


def attributes_of(path: str) -> frozenset[str] | None:
    """Return which attributes of those asked for a class from outside has; None if that is not known."""
    return KNOWN_BASES.get(path) if torch_handler(path) is None else HANDLER_METHODS | {"__init__"}


def _is_abstract_base(path: str) -> bool:
    """Tell whether a class of this path minds abstract methods."""
    return path == ABC or path.startswith("ts.torch_handler.")


def _is_abstract(node: Method) -> bool:
    """Tell whether a method is marked as abstract."""
    names = {getattr(item, "attr", None) or getattr(item, "id", None) for item in node.decorator_list}
    return "abstractmethod" in names


def _required_parameters(args: ast.arguments) -> list[str]:
    """Return the parameters, after the first, that have no default."""
    positional = [arg.arg for arg in [*args.posonlyargs, *args.args]]
    return [*positional[: len(positional) - len(args.defaults)][1:], *required_keywords(args)]


def calls_super(node: Method) -> bool:
    """Tell whether a method surely does what its base does: a plain statement ``super().initialize(...)``."""
    for statement in node.body:
        match statement:
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(attr="initialize", value=ast.Call(func=ast.Name(id="super"))))
            ):
                return True
            case ast.Assign() | ast.AnnAssign() | ast.Expr() | ast.Import() | ast.ImportFrom():
                continue
            case _:
                return False
    return False
