"""Whether a function can be called as the worker calls it."""

from __future__ import annotations

import ast

# Decorators of methods that leave the parameters as they are.
_KEEPS_PARAMETERS = frozenset({"abstractmethod", "no_grad", "inference_mode", "timed", "override", "final"})


def accepts(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, count: int) -> bool:
    """Tell whether a function can be called with so many positional arguments."""
    args = node.args
    positional = len(args.posonlyargs) + len(args.args)
    fits = positional - len(args.defaults) <= count and (count <= positional or args.vararg is not None)
    return fits and not required_keywords(args)


def required_keywords(args: ast.arguments) -> list[str]:
    """Return the keyword-only parameters that have no default."""
    pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return [arg.arg for arg, default in pairs if default is None]


def has_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a method's parameters are those of its text, ``self`` first."""
    if node.name == "__new__":
        return not node.decorator_list
    called = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    return all((getattr(each, "attr", None) or getattr(each, "id", None)) in _KEEPS_PARAMETERS for each in called)
