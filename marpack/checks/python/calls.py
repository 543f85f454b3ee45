"""Whether a function can be called as the worker calls it."""

from __future__ import annotations

import ast

__all__ = ["accepts", "has_parameters"]

# Decorators of methods that leave the parameters as they are.
_KEEPS_PARAMETERS = frozenset({"abstractmethod", "no_grad", "inference_mode", "timed", "override", "final"})


def accepts(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, count: int) -> bool:
    """Tell whether a function can be called with so many positional arguments."""
    args = node.args
    positional = len(args.posonlyargs) + len(args.args)
    needs_keywords = any(default is None for default in args.kw_defaults)
    fits = positional - len(args.defaults) <= count and (count <= positional or args.vararg is not None)
    return fits and not needs_keywords


def has_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a method's parameters are those of its text, ``self`` first."""
    if node.name == "__new__":
        return not node.decorator_list
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (getattr(called, "attr", None) or getattr(called, "id", None)) not in _KEEPS_PARAMETERS:
            return False
    return True
