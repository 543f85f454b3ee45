"""Rules about how the worker calls the entry point: with what, and whether it is awaited."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeAlias

from marpack.checks.frame.subject import Subject
from marpack.checks.python.calls import accepts, has_parameters
from marpack.checks.python.classes import Attribute, ClassOf
from marpack.checks.python.values import Function
from marpack.checks.rules.entry_point import meant, member_of
from marpack.checks.rules.handler_name import KEY, entry_of
from marpack.findings import Finding
from marpack.rule import rule, rules_in

Method: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

_ASYNC = re.compile(
    rb"""asyncCommunication ["']? \s* : \s* (?: true | yes | on ) \b""", re.VERBOSE | re.IGNORECASE
)


@rule("handler-parameters", "error", kind="model")
def handler_has_other_parameters(subject: Subject) -> Iterator[Finding]:
    """Let the entry point take ``(data, context)``, and ``initialize`` take ``(context)``.

    The worker calls a function with ``(None, context)`` once it is loaded, and with ``(data, context)`` for each
    batch. Of a class it calls ``initialize(context)`` and then ``handle(data, context)`` [server].
    """
    if (entry := entry_of(subject)) is None:
        return
    if entry.values is not None:
        value = meant(entry)
        if isinstance(value, Function) and not value.decorated and not accepts(value.node, 2):
            yield handler_has_other_parameters.finding(
                key=KEY,
                member=member_of(entry),
                line=value.line,
                message=f"{entry.handler.function}({_shown(value.node.args)}) cannot be called with two arguments",
                effect=wrong_call(f"{getattr(value.node, 'name', '<lambda>')}()", value.node.args, 2),
                fix=f"define {entry.handler.function}(data, context)",
            )
        return
    for name, count, wanted in [("initialize", 1, "(self, context)"), ("handle", 2, "(self, data, context)")]:
        found = None if entry.cls is None else entry.cls.attribute(name)
        if found is None or found.node is None or not has_parameters(found.node) or accepts(found.node, count + 1):
            continue
        yield handler_has_other_parameters.finding(
            key=KEY,
            member=owner_member(found.owner) or member_of(entry),
            line=found.node.lineno,
            message=f"{name}({_shown(found.node.args)}) cannot be called as the worker does",
            effect=wrong_call(f"{qualified_name(found)}()", found.node.args, count + 1),
            fix=f"define {name}{wanted}",
        )


def qualified_name(found: Attribute) -> str:
    """Return a method's name as Python tells it."""
    name = found.node.name if found.node is not None else ""
    return f"{found.owner.value.name}.{name}" if isinstance(found.owner, ClassOf) else name


def owner_member(owner: ClassOf | str | None) -> str | None:
    """Return the file in which a class was defined, None for one from elsewhere."""
    return None if owner is None or isinstance(owner, str) else owner.member


def _shown(args: ast.arguments) -> str:
    try:
        return ast.unparse(args)[:100]
    except RecursionError:
        return "..."


def wrong_call(name: str, args: ast.arguments, given: int) -> str:
    """Return what Python says when a function gets so many positional arguments, which it does not take."""
    positional = [*args.posonlyargs, *args.args]
    needed = len(positional) - len(args.defaults)
    if len(positional) < given and args.vararg is None:
        least = f"from {needed} to " if args.defaults else ""
        plural = "" if len(positional) == 1 and not args.defaults else "s"
        return (
            f"TypeError: {name} takes {least}{len(positional)} positional argument{plural} but {given} were given"
        )
    missing = [repr(arg.arg) for arg in positional[given:needed]]
    kind = "positional" if missing else "keyword-only"
    if not missing:
        pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
        missing = [repr(arg.arg) for arg, default in pairs if default is None]
    return (
        f"TypeError: {name} missing {len(missing)} required {kind} argument{_plural(missing)}: {_listed(missing)}"
    )


def _plural(items: list[str]) -> str:
    return "s" if len(items) != 1 else ""


def _listed(items: list[str]) -> str:
    """Return items as Python lists them."""
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"


@rule("handler-first-call", "error", kind="model")
def function_needs_data_at_once(subject: Subject) -> Iterator[Finding]:
    """Let the entry function expect a first call without data.

    The worker calls it with ``(None, context)`` as soon as it is loaded, for it to load the model. A function that
    goes through its data before it looks whether there is any, ends the worker [server].
    """
    entry = entry_of(subject)
    if entry is None or entry.values is None:
        return
    value = meant(entry)
    if not isinstance(value, Function) or value.decorated or not isinstance(value.node, ast.FunctionDef):
        return
    names = [arg.arg for arg in [*value.node.args.posonlyargs, *value.node.args.args]]
    if not names or any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in ast.walk(value.node)):
        return
    try:
        use = _first_use(value.node.body, names[0])
    except RecursionError:  # an expression of a thousand steps
        use = None
    if use is not None:
        yield function_needs_data_at_once.finding(
            key=KEY,
            member=member_of(entry),
            line=use[0],
            message=f"{entry.handler.function} uses {names[0]!r}, which is None in the first call",
            effect=f"TypeError: {use[1]}",
            fix=f"begin with: if {names[0]} is None: return None",
        )


def _first_use(body: list[ast.stmt], name: str) -> tuple[int, str] | None:
    """Return where statements surely use a name as a sequence, before anything is decided."""
    for statement in body:
        if isinstance(statement, (ast.For, ast.AsyncFor)) and _is(statement.iter, name):
            return statement.lineno, "'NoneType' object is not iterable"
        if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr, ast.Return, ast.Pass)):
            return None
        if statement_value := getattr(statement, "value", None):
            use = _used(statement_value, name)
            if use is not None:
                return statement.lineno, use
            if any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(statement_value)):
                return None
        if isinstance(statement, ast.Return):
            return None
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(_is(part, name) for target in targets if target is not None for part in ast.walk(target)):
            return None
    return None


def _used(node: ast.expr, name: str) -> str | None:
    """Return how an expression, all of which is evaluated, fails if a name is None."""
    match node:
        case ast.ListComp() | ast.SetComp() | ast.DictComp() if _is(node.generators[0].iter, name):
            return "'NoneType' object is not iterable"
        case ast.Subscript(value=value) if _is(value, name):
            return "'NoneType' object is not subscriptable"
        case ast.Call(func=ast.Name(id="len"), args=[argument]) if _is(argument, name):
            return "object of type 'NoneType' has no len()"
        case ast.Call():
            parts = [node.func, *node.args, *(keyword.value for keyword in node.keywords)]
        case ast.Attribute() | ast.Subscript() | ast.Starred():
            parts = [node.value]
        case ast.List() | ast.Tuple():
            parts = node.elts
        case _:
            return None
    return next(filter(None, (_used(part, name) for part in parts)), None)


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


@rule("handler-coroutine", "warning", kind="model")
def handler_is_a_coroutine(subject: Subject) -> Iterator[Finding]:
    """Set ``asyncCommunication: true`` in the model's configuration file for an ``async`` handler.

    Otherwise nobody awaits what the entry point returns, and every request is answered with 503 [server]. What
    ``initialize`` returns is never awaited.
    """
    entry = entry_of(subject)
    if entry is None:
        return
    config = subject.role("configFile")
    is_async = config is not None and _ASYNC.search(subject.read(config) or b"") is not None
    if entry.built_in is not None and entry.built_in.is_coroutine and not is_async:
        yield handler_is_a_coroutine.finding(
            key=KEY,
            member=subject.manifest_name,
            message=f"the handler {entry.handler.value!r} is a coroutine, and nobody awaits it",
            effect="503 Invalid model predict output; the log: Invalid return type: <class 'coroutine'>",
            fix="set asyncCommunication: true in the model's configuration file",
        )
    found: list[tuple[str, Method, str | None]] = []
    if entry.values is not None:
        value = meant(entry)
        if isinstance(value, Function) and isinstance(value.node, ast.AsyncFunctionDef) and not value.decorated:
            found.append((entry.handler.function, value.node, member_of(entry)))
    elif entry.cls is not None:
        for name in ("initialize", "handle"):
            method = entry.cls.attribute(name)
            if isinstance(method.node, ast.AsyncFunctionDef) and not method.node.decorator_list:
                found.append((name, method.node, owner_member(method.owner)))
    for name, node, member in found:
        if name == "initialize" or not is_async:
            yield handler_is_a_coroutine.finding(
                key=KEY,
                member=member,
                line=node.lineno,
                message=f"{name} is a coroutine, and nobody awaits it",
                effect="initialize never runs"
                if name == "initialize"
                else "503 Invalid model predict output; the log: Invalid return type: <class 'coroutine'>",
                fix="define it without async"
                if name == "initialize"
                else "define it without async, or set asyncCommunication: true in the model's configuration file",
            )


RULES = rules_in(globals())
