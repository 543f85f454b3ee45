"""What the worker calls, in which module, and how it comes to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from marpack.checks.python.namespace import Namespace

if TYPE_CHECKING:
    from marpack.archive.handler import HandlerName
    from marpack.checks.python.classes import ClassOf
    from marpack.checks.python.values import Value

__all__ = ["Entry", "Module", "Step"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """Where a module lies: ``source`` is its member, None for what is no text (compiled, a folder, linked)."""

    name: str
    source: str | None
    kind: Literal["source", "package", "compiled", "folder"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """How a module is reached when the model is loaded.

    ``sure`` is whether that happens, ``caught`` whether every error is, ``late`` whether only a call does it.
    """

    sure: bool
    caught: bool
    late: bool

    @property
    def rank(self) -> int:
        """How far it is from being surely imported and its errors ending the worker."""
        return (not self.sure) + 2 * self.late + 4 * self.caught


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What the worker calls: ``built_in`` is the class of ts.torch_handler, else ``module`` is of the archive.

    ``space`` is there if the module is readable. ``values`` are what its attribute of the entry's name may be,
    None if it has surely none; then ``cls`` is the one class that it makes, if there is surely one.
    """

    handler: HandlerName
    built_in: str | None = None
    module: Module | None = None
    space: Namespace | None = None
    values: frozenset[Value] | None = None
    cls: ClassOf | None = None
