"""What a name in a Python file may stand for."""

from __future__ import annotations

import ast
import builtins
from dataclasses import field
from typing import TypeAlias

from marpack.frozen import frozen_in_order

FunctionNode: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda"


@frozen_in_order
class Class:
    """A class that the module makes, whose ``__module__`` is the module's name; ``node`` if by ``class``."""

    name: str
    line: int
    node: ast.ClassDef | None = field(default=None, compare=False)


@frozen_in_order
class Function:
    """A function that the module defines; ``decorated`` by something that may change how it is called."""

    node: FunctionNode = field(compare=False)
    line: int
    decorated: bool = False


@frozen_in_order
class Imported:
    """Something of another module, or another module: ``path`` is dotted, as in ``torch.nn.Module``."""

    path: str


@frozen_in_order
class Plain:
    """Neither class nor function; ``text``, and ``type`` if known, show what is known not to be callable."""

    text: str | None = None
    type: str = ""


@frozen_in_order
class Undecided:
    """One of the two values that say that a name may not be bound, or bound to anything."""

    text: str


ABSENT = Undecided("absent")
UNKNOWN = Undecided("unknown")
Value: TypeAlias = "Class | Function | Imported | Plain | Undecided"
Values: TypeAlias = "frozenset[Value]"
State: TypeAlias = "dict[str, Values]"

ONLY_ABSENT: Values = frozenset([ABSENT])
ONLY_UNKNOWN: Values = frozenset([UNKNOWN])
ONLY_PLAIN: Values = frozenset([Plain()])


BUILTIN_NAMES = frozenset({"", *dir(builtins)})


def merge(*states: State | None) -> State | None:
    """Return what the names may be bound to after any of several ways, None where none of them ends."""
    ended = [state for state in states if state is not None]
    if len(ended) < 2:
        return ended[0] if ended else None
    merged = dict(ended[0])
    for state in ended[1:]:
        for name in merged.keys() - state.keys():
            merged[name] |= ONLY_ABSENT
        for name, values in state.items():
            known = merged.get(name, ONLY_ABSENT)
            if known is not values:
                merged[name] = known | values
    return merged


_MOST_PARTS = 12


def dotted_name(node: ast.expr | None) -> str:
    """Return a name or a dotted name as it is written, without the arguments of calls.

    Of a very long one it is the end, behind ``(...)``: each attribute of a chain has one of its own.
    """
    parts: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Call)):
        if len(parts) == _MOST_PARTS:
            return "".join(["(...)", *reversed(parts)])
        if isinstance(node, ast.Attribute):
            parts.append(f".{node.attr}")
            node = node.value
        else:
            parts.append("(...)")
            node = node.func
    return "".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
