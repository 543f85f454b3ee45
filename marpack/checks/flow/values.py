"""What an expression of a handler is while a worker runs it."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, TypeAlias

from marpack.checks.python.classes import ClassOf
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.values import FunctionNode
from marpack.frozen import frozen_in_order


@frozen_in_order
class Unknown:
    """Anything."""


@frozen_in_order
class Known:
    """A constant: a text, a number, a truth value, or None.

    ``source`` is how a message calls a None that somebody asked a dictionary for, ``near`` the keys that that has.
    """

    value: str | bytes | int | float | complex | bool | None
    source: str = field(default="", compare=False)
    near: tuple[str, ...] = field(default=(), compare=False, repr=False)


@frozen_in_order
class ModelPath:
    """A path below the folder of the model, ``""`` for the folder itself: a text or a ``Path``.

    ``has_slash`` is whether it is a text that ends with one.
    """

    path: str
    has_slash: bool = False

    def joined(self, *parts: str) -> Value:
        """Return the path with others behind it; unknown if it leads out of the folder, or is absolute."""
        if any(part.startswith("/") for part in parts) or sum(map(len, parts), len(self.path)) > LONGEST_TEXT:
            return UNKNOWN
        path = posixpath.normpath(posixpath.join(self.path or ".", *parts))
        return UNKNOWN if path == ".." or path.startswith("../") else ModelPath("" if path == "." else path)


@frozen_in_order
class Opened:
    """What opening a file gives; ``path`` as in ``FileUse``, empty where it is not known."""

    path: str


@frozen_in_order
class Loaded:
    """What ``torch.load`` gives for a file of the model's folder."""

    path: str


@frozen_in_order
class Session:
    """What onnxruntime makes of a model: an object that has ``run``, and cannot be called."""


@frozen_in_order
class Mapped:
    """A dictionary whose keys are known; ``name`` is how a message calls it. Values are Python's, or these.

    ``number`` tells apart those that the handler itself makes.
    """

    name: str
    entries: Mapping[Any, Any] = field(compare=False, repr=False)
    number: int = 0


@frozen_in_order
class Items:
    """A list or tuple whose items are known; ``size`` counts them and what they hold."""

    type: str
    values: tuple[Value, ...]
    size: int = field(default=0, compare=False)


@frozen_in_order
class Typed:
    """A value of one of several types, of which no more is known."""

    types: frozenset[str]


@frozen_in_order
class Context:
    """The worker's context."""


@frozen_in_order
class Batch:
    """The requests of a batch, which are one or more."""


@frozen_in_order
class Instance:
    """An object of a class of the archive; ``number`` tells them apart."""

    number: int
    cls: ClassOf = field(compare=False, repr=False)
    attributes: dict[str, Value] = field(compare=False, repr=False)


@frozen_in_order
class Super:
    """``super()`` in a method of class ``cls``, called on an object."""

    cls: ClassOf = field(compare=False, repr=False)
    of: Instance


@frozen_in_order
class Packed:
    """A module of the archive."""

    scope: Scope = field(compare=False, repr=False)
    name: str


@frozen_in_order
class Outside:
    """Something from outside of the archive: ``path`` is dotted."""

    path: str


@frozen_in_order
class Closure:
    """A function of the archive, the scope that it was defined in, and what its parameters are by default."""

    node: FunctionNode = field(hash=False)
    scope: Scope = field(compare=False, repr=False)
    defaults: Mapping[str, Value] = field(default_factory=dict, compare=False, repr=False)


@frozen_in_order
class Partial:
    """What ``functools.partial`` makes: a call of ``function`` that lacks arguments."""

    function: Value
    given: tuple[Value, ...]
    named: Mapping[str, Value] = field(compare=False, repr=False)


@frozen_in_order
class Made:
    """A class of the archive, and the scope that it was defined in."""

    node: ast.ClassDef = field(hash=False)
    scope: Scope = field(compare=False, repr=False)


@frozen_in_order
class Bound:
    """A method of an object; ``function`` is the dotted name where it is one from outside.

    ``owner`` is the class of the archive that defines it.
    """

    function: Closure | str
    of: Instance
    owner: ClassOf | None = field(default=None, compare=False, repr=False)


@frozen_in_order
class MethodOf:
    """An attribute of a value, which is called as a method: ``path.exists``, ``manifest.get``."""

    value: Value
    name: str


class Scope:
    """Names and what they are bound to; ``parent`` is where else they are looked for.

    ``bound`` are the names that belong to this scope although nothing has bound them yet. ``member`` is the file.
    """

    def __init__(self, member: str, *, parent: Scope | None = None, bound: frozenset[str] = frozenset()) -> None:
        self.member = member
        self.parent = parent
        self.bound = bound
        self.names: dict[str, Value] = {}
        self.globals: Scope = self if parent is None else parent.globals
        self.is_class = False
        self.declared_global: frozenset[str] = frozenset()
        self.package = ""
        # Of a module, what its text binds; of a method, the class that defines it and the object.
        self.space: Namespace | None = None
        self.method: tuple[ClassOf, Instance] | None = None if parent is None else parent.method

    def holder(self, name: str) -> Scope | None:
        """Return the scope that a name is read from, None where none has it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names or name in scope.bound:
                return scope
            scope = scope.parent
        return None


Value: TypeAlias = (
    "Unknown | Known | ModelPath | Opened | Loaded | Session | Mapped | Items | Typed | Context | Batch"
    " | Instance | Super | Packed | Outside | Closure | Partial | Made | Bound | MethodOf"
)
UNKNOWN = Unknown()
NONE = Known(None)
# No name of a file is longer, and a number that is larger names nothing: of these only the type is known, so that
# no text makes long ones of them.
LONGEST_TEXT = 4096
_LARGEST = 1 << 63
# Comparing what holds itself several times over would take for ever.
_MOST_ITEMS = 256


def items_of(kind: str, values: Sequence[Value]) -> Value:
    """Return a list or tuple; of one that holds too much only its type is known."""
    size = len(values) + sum(value.size for value in values if isinstance(value, Items))
    return Items(kind, tuple(values), size) if size <= _MOST_ITEMS else Typed(frozenset([kind]))


_LISTS = {kind: Typed(frozenset([kind])) for kind in ("list", "tuple")}


def of_python(value: object, name: str, most: int = _MOST_ITEMS) -> Value:
    """Return a value of JSON or YAML as one of these; ``name`` is how a message calls it.

    Of a list that holds more than ``most``, in the lists in it too, only the type is known.
    """
    if len(name) > LONGEST_TEXT:
        return UNKNOWN  # what holds itself, or is as deep as no settings are
    if isinstance(value, dict):
        return Mapped(name, value)
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        if len(value) > most:
            return _LISTS[kind]  # one for all: there may be very many
        left = most // max(len(value), 1)
        return items_of(kind, [of_python(each, f"{name}[...]", left) for each in value])
    if isinstance(value, (str, bytes)) and len(value) > LONGEST_TEXT:
        return Typed(frozenset([type(value).__name__]))
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        return Typed(frozenset(["int"]))
    if value is None or isinstance(value, (str, bytes, int, float)):
        return Known(value)
    return value if isinstance(value, _VALUES) else UNKNOWN


_VALUES = (
    *(
        Unknown,
        Known,
        ModelPath,
        Opened,
        Loaded,
        Session,
        Mapped,
        Items,
        Typed,
        Context,
        Batch,
        Instance,
        Super,
        Packed,
    ),
    *(Outside, Closure, Partial, Made, Bound, MethodOf),
)


def types_of(value: Value) -> frozenset[str] | None:
    """Return the types that a value may have, None where that is not known."""
    match value:
        case Known(inner):
            return frozenset([type(inner).__name__])
        case Items(kind):
            return frozenset([kind])
        case Instance(cls=cls) if all(isinstance(item, ClassOf) for item in cls.lineage):
            return frozenset([cls.value.name])
        case Typed(types):
            return types
        case Mapped():
            return frozenset(["dict"])
        case Batch():
            return frozenset(["list"])
    return None


def merged(one: Value, other: Value) -> Value:
    """Return what a name may be that is one thing after one way, and another after another."""
    if one == other:
        return one
    first, second = types_of(one), types_of(other)
    return UNKNOWN if first is None or second is None else Typed(first | second)


def truth(value: Value) -> bool | None:
    """Return whether a value is true, None where that depends."""
    match value:
        case Known(inner):
            return bool(inner)
        case Items(_, values):
            return bool(values)
        case Mapped(_, entries):
            return bool(entries)
        case ModelPath() | Opened() | Session() | Context() | Batch() | Closure() | Partial() | Made() | Bound():
            return True
    return None
