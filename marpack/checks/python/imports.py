"""The imports of a Python file, and where each is reached."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marpack.checks.python.values import BUILTIN_NAMES, dotted_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Import", "Reach"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """An import statement, of one module.

    ``module`` is absolute; None when it is relative and there is no such package. ``names`` are what is taken from
    it, empty for ``import module``. ``sure`` is whether importing the module does this, whatever happens; if not,
    ``late`` is whether only calling something does. ``missing_is_caught`` is whether a ``try`` takes an
    ``ImportError``, ``all_is_caught`` whether it takes every error.
    """

    module: str | None
    text: str
    names: tuple[str, ...]
    line: int
    sure: bool
    late: bool
    missing_is_caught: bool
    all_is_caught: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How surely a piece of the module is reached, and what becomes of its errors: the flags of ``Import``."""

    sure: bool = True
    late: bool = False
    missing_is_caught: bool = False
    all_is_caught: bool = False

    def but(self, *, sure: bool = True, late: bool = False, missing_is_caught: bool = False) -> Reach:
        """Return the same, less sure or later."""
        return Reach(
            sure=self.sure and sure,
            late=self.late or late,
            missing_is_caught=self.missing_is_caught or missing_is_caught,
            all_is_caught=self.all_is_caught,
        )

    def guarded(self, handlers: Iterable[ast.ExceptHandler]) -> Reach:
        """Return the same inside a ``try`` with these handlers."""
        caught = set()
        for handler in handlers:
            kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            caught |= {"" if kind is None else dotted_name(kind).rpartition(".")[2] for kind in kinds}
        all_is_caught = bool(caught & {"", "Exception", "BaseException"})
        known = {"", "Exception", "BaseException", "ImportError", "ModuleNotFoundError"}
        return Reach(
            sure=self.sure,
            late=self.late,
            # An exception of the module's own may be a name for ImportError.
            missing_is_caught=self.missing_is_caught or bool(caught & known) or not caught <= BUILTIN_NAMES,
            all_is_caught=self.all_is_caught or all_is_caught or not caught <= BUILTIN_NAMES,
        )

    def of(self, module: str | None, text: str, names: tuple[str, ...], line: int) -> Import:
        """Make the ``Import`` that is reached so."""
        return Import(
            module=module,
            text=text,
            names=names,
            line=line,
            sure=self.sure,
            late=self.late,
            missing_is_caught=self.missing_is_caught,
            all_is_caught=self.all_is_caught,
        )
