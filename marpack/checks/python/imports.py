"""The imports of a Python file, and where each is reached."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from marpack.checks.python.expressions import truth_of
from marpack.checks.python.values import BUILTIN_NAMES, dotted_name
from marpack.frozen import frozen

_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")


@frozen
class Reach:
    """How surely a piece of a module is reached when that is imported, and what becomes of its errors.

    ``sure`` is whether that happens always; if not, ``late`` is whether only calling something does it.
    ``missing_is_caught`` is whether a ``try`` takes an ``ImportError``, ``all_is_caught`` whether it takes every
    error.
    """

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
        return replace(
            self,
            # An exception of the module's own may be a name for ImportError.
            missing_is_caught=self.missing_is_caught or bool(caught & known) or not caught <= BUILTIN_NAMES,
            all_is_caught=self.all_is_caught or all_is_caught or not caught <= BUILTIN_NAMES,
        )


@frozen
class Import(Reach):
    """An import statement, of one module, and how it is reached.

    ``module`` is absolute; None when it is relative and there is no such package. ``names`` are what is taken from
    it, empty for ``import module``.
    """

    module: str | None
    text: str
    names: tuple[str, ...]
    line: int


def _import(module: str | None, text: str, names: tuple[str, ...], line: int, reach: Reach) -> Import:
    return Import(
        module=module,
        text=text,
        names=names,
        line=line,
        sure=reach.sure,
        late=reach.late,
        missing_is_caught=reach.missing_is_caught,
        all_is_caught=reach.all_is_caught,
    )


def absolute_name(package: str, module: str | None, level: int) -> str | None:
    """Return the dotted name that an import means, None where it leads out of the top-level package."""
    if level == 0:
        return module
    parts = package.split(".") if package else []
    if level > len(parts):
        return None
    return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])


def suppresses(node: ast.With | ast.AsyncWith) -> bool:
    """Tell whether a ``with`` may take errors, as that of ``contextlib.suppress``."""
    inner = (each for item in node.items for each in ast.walk(item.context_expr))
    words = (getattr(each, name, None) for each in inner for name in ("id", "attr", "value"))
    return any(isinstance(word, str) and "suppress" in word for word in words)


def imports_of(
    statements: Iterable[ast.stmt], reach: Reach, *, package: str, python: tuple[int, int]
) -> Iterator[Import]:
    """Yield the imports of statements that are reached so, and of those in them, in their order.

    ``package`` is the one that relative imports begin from, ``python`` the version that runs them. Imports that
    are for type checkers alone are left out.
    """
    inside = partial(imports_of, package=package, python=python)
    for node in statements:
        match node:
            case ast.Import():
                for alias in node.names:
                    text = f"import {alias.name}"
                    yield _import(alias.name, text, (), node.lineno, reach)
            case ast.ImportFrom():
                module = absolute_name(package, node.module, node.level)
                names = tuple(alias.name for alias in node.names)
                text = f"from {'.' * node.level}{node.module or ''} import {', '.join(names)}"
                yield _import(module, text, names, node.lineno, reach)
            case ast.If():
                truth = truth_of(node.test, python)
                inner = reach if truth is not None else reach.but(sure=False)
                if truth is not False:
                    yield from inside(node.body, inner)
                if truth is not True:
                    yield from inside(node.orelse, inner)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from inside(node.body, reach.but(sure=False, late=True))
            case ast.Try():
                yield from inside(node.body, reach.guarded(node.handlers))
                for handler in node.handlers:
                    yield from inside(handler.body, reach.but(sure=False))
                yield from inside([*node.orelse, *node.finalbody], reach.but(sure=False))
            case ast.With() if suppresses(node):
                yield from inside(node.body, reach.but(missing_is_caught=True))
            case ast.With() | ast.AsyncWith() | ast.ClassDef():
                yield from inside(node.body, reach)
            case _:
                for block in _BLOCKS:
                    for part in getattr(node, block, ()):
                        body = [part] if isinstance(part, ast.stmt) else part.body
                        yield from inside(body, reach.but(sure=False))
