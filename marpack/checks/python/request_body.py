"""Where a handler takes the body of a request for what JSON makes of it, without decoding it itself."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from marpack.checks.python.calls import has_parameters
from marpack.checks.python.classes import ClassOf, Method

# Keys of a row under which the worker puts what was sent as a whole.
_BODIES = frozenset({"body", "data"})
_METHODS_OF_DICTS = frozenset({"get", "items", "keys", "values"})
# What a function calls to look at what it was given, and to decode it.
_LOOKS = frozenset({"isinstance", "issubclass", "type", "hasattr", "getattr", "callable"})
_DECODES = frozenset(
    (
        *("loads", "decode", "literal_eval", "safe_load", "raw_decode", "parse_raw", "model_validate_json"),
        *("from_json", "eval"),
    )
)


def json_uses(function: Method, *, is_method: bool) -> list[ast.expr]:
    """Return where a function surely takes the body of a row for a dictionary.

    Its rows are what its first parameter holds. One that looks at types, decodes anything, catches errors or
    changes its rows has none.
    """
    rows_name = _parameter(function, is_method=is_method)
    if rows_name is None or _decodes(function):
        return []
    bound = Counter(node.id for node in ast.walk(function) if isinstance(node, ast.Name) and _is_stored(node))
    if bound[rows_name]:
        return []
    rows = {name for name in _row_names(function, rows_name) if bound[name] == 1}
    bodies: set[str] = set()
    given = {rows_name, *rows}
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and _is_stored(node) and _is_row(node.value, rows_name, rows):
            return []
        name, value = _assigned(node) or ("", None)
        if value is not None and _is_body(value, rows_name, rows, frozenset()):
            given.add(name)
            if bound[name] == 1:
                bodies.add(name)
    if _looks_at(function, given):
        return []
    known = frozenset(bodies)
    return [
        node for node in ast.walk(function) if isinstance(node, ast.expr) and _is_use(node, rows_name, rows, known)
    ]


def answering(cls: ClassOf) -> Iterator[tuple[Method, ClassOf]]:
    """Yield the methods of a handler's class that surely get the rows as the worker has them."""
    handle = cls.attribute("handle")
    if isinstance(handle.owner, ClassOf) and handle.node is not None:
        yield handle.node, handle.owner
        if not _hands_on(handle.node):
            return
    elif not isinstance(handle.owner, str):
        return
    found = cls.attribute("preprocess")
    if isinstance(found.owner, ClassOf) and found.node is not None:
        yield found.node, found.owner


def _hands_on(handle: Method) -> bool:
    """Tell whether a ``handle`` surely gives its rows to ``preprocess`` as they are."""
    name = _parameter(handle, is_method=True)
    if name is None or _decodes(handle):
        return False
    calls = [
        node
        for node in ast.walk(handle)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "preprocess"
    ]
    stored = any(isinstance(node, ast.Name) and node.id == name and _is_stored(node) for node in ast.walk(handle))
    return bool(calls) and not stored and all(_is_name(call.args[0], name) for call in calls if call.args)


def _parameter(function: Method, *, is_method: bool) -> str | None:
    """Return the name under which a function gets the rows."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    if function.decorator_list and not (is_method and has_parameters(function)):
        return None
    return names[is_method] if len(names) > is_method else None


def _decodes(function: Method) -> bool:
    """Tell whether a function decodes anything, or may go on after an error."""
    for node in ast.walk(function):
        if isinstance(node, (ast.Try, ast.With, ast.Match)):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            base = node.func.value if isinstance(node.func, ast.Attribute) else None
            if name in _DECODES or (name == "load" and isinstance(base, ast.Name) and base.id.endswith("json")):
                return True
    return False


def _looks_at(function: Method, given: set[str]) -> bool:
    """Tell whether a function looks at what it is given: at any of these names."""
    return any(
        isinstance(name, ast.Name) and name.id in given
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _LOOKS
        for argument in node.args[:1]
        for name in ast.walk(argument)
    )


def _row_names(function: Method, rows_name: str) -> Iterator[str]:
    """Yield the names that stand for a row: of loops over all of them, and of one that is taken out."""
    for node in ast.walk(function):
        if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            target, source = node.target, node.iter
            if isinstance(source, ast.Call) and _is_name(source.func, "enumerate") and source.args:
                source = source.args[0]
                target = target.elts[-1] if isinstance(target, ast.Tuple) else target
            if _is_name(source, rows_name) and isinstance(target, ast.Name):
                yield target.id
        elif (bound := _assigned(node)) and _is_row(bound[1], rows_name, set()):
            yield bound[0]


def _is_row(node: ast.expr, rows_name: str, rows: set[str]) -> bool:
    if isinstance(node, ast.Subscript) and _is_name(node.value, rows_name):
        return isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int)
    return isinstance(node, ast.Name) and node.id in rows


def _is_body(node: ast.expr, rows_name: str, rows: set[str], bodies: frozenset[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in bodies
    if isinstance(node, ast.BoolOp):
        return isinstance(node.op, ast.Or) and all(_is_body(each, rows_name, rows, bodies) for each in node.values)
    if isinstance(node, ast.IfExp):
        return all(_is_body(each, rows_name, rows, bodies) for each in (node.body, node.orelse))
    if isinstance(node, ast.Subscript):
        return _is_row(node.value, rows_name, rows) and _text(node.slice) in _BODIES
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        # What it returns where there is no such key does not matter: one of the keys is there.
        key = _text(node.args[0]) if node.args else None
        return key in _BODIES and _is_row(node.func.value, rows_name, rows)
    return False


def _is_use(node: ast.expr, rows_name: str, rows: set[str], bodies: frozenset[str]) -> bool:
    """Tell whether something is asked of a body that bytes cannot answer."""
    if isinstance(node, ast.Subscript):
        return _text(node.slice) is not None and _is_body(node.value, rows_name, rows, bodies)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in _METHODS_OF_DICTS and _is_body(node.func.value, rows_name, rows, bodies)
    return False


def _assigned(node: ast.AST) -> tuple[str, ast.expr] | None:
    """Return the one name that a statement binds, and to what."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id, node.value
    return None


def _is_stored(node: ast.Name | ast.Subscript) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
