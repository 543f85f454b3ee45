"""Rules about how the worker calls the entry point: with what, and whether it is awaited."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.calls import accepts, has_parameters, required_keywords
from marpack.checks.python.classes import Method
from marpack.checks.python.values import Function
from marpack.checks.rules.entry_point import meant
from marpack.checks.rules.handler_name import KEY, entry_of
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.findings import Finding
from marpack.rule import rule, rules_in

_ASYNC = re.compile(
    rb"""asyncCommunication ["']? \s* : \s* (?: true | yes | on ) \b""", re.VERBOSE | re.IGNORECASE
)


@rule("handler-parameters", "error", kind="model")
def find_parameters(subject: Subject) -> Iterator[Finding]:
    """Let the entry point take ``(data, context)``, and ``initialize`` take ``(context)``.

    The worker calls a function with ``(None, context)`` once it is loaded, and with ``(data, context)`` for each
    batch. Of a class it calls ``initialize(context)`` and then ``handle(data, context)`` [server].
    """
    if (entry := entry_of(subject)) is None:
        return
    if entry.values is not None:
        value, function = meant(entry), entry.handler.function
        if isinstance(value, Function) and not value.decorated and not accepts(value.node, 2):
            message = f"{function}({_shown(value.node.args)}) cannot be called with two arguments"
            fix = f"define {function}(data, context)"
            effect = wrong_call(getattr(value.node, "name", "<lambda>"), value.node.args, 2)
            yield find_parameters.finding(
                key=KEY, member=entry.member, line=value.line, message=message, fix=fix, effect=effect
            )
        return
    for name, count, wanted in [("initialize", 1, "(self, context)"), ("handle", 2, "(self, data, context)")]:
        found = None if entry.cls is None else entry.cls.attribute(name)
        if found is None or found.node is None or not has_parameters(found.node) or accepts(found.node, count + 1):
            continue
        message = f"{name}({_shown(found.node.args)}) cannot be called as the worker does"
        fix, effect = f"define {name}{wanted}", wrong_call(found.qualified_name, found.node.args, count + 1)
        member, line = found.member or entry.member, found.node.lineno
        yield find_parameters.finding(key=KEY, member=member, line=line, message=message, fix=fix, effect=effect)


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
        takes = f"{least}{len(positional)} positional argument{plural}"
        return f"TypeError: {name}() takes {takes} but {given} were given"
    missing, kind = [arg.arg for arg in positional[given:needed]], "positional"
    if not missing:
        missing, kind = required_keywords(args), "keyword-only"
    plural = "s" if len(missing) != 1 else ""
    return f"TypeError: {name}() missing {len(missing)} required {kind} argument{plural}: {_listed(missing)}"


def _listed(names: list[str]) -> str:
    """Return names as Python lists them."""
    shown = list(map(repr, names))
    return " and ".join(shown) if len(shown) < 3 else f"{', '.join(shown[:-1])}, and {shown[-1]}"


@rule("handler-first-call", "error", kind="model")
def find_first_call(subject: Subject) -> Iterator[Finding]:
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
        message = f"{entry.handler.function} uses {names[0]!r}, which is None in the first call"
        fix, effect = f"begin with: if {names[0]} is None: return None", f"TypeError: {use[1]}"
        yield find_first_call.finding(
            key=KEY, member=entry.member, line=use[0], message=message, fix=fix, effect=effect
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
def find_coroutine(subject: Subject) -> Iterator[Finding]:
    """Set ``asyncCommunication: true`` in the model's configuration file for an ``async`` handler.

    Otherwise nobody awaits what the entry point returns, and every request is answered with 503 [server]. What
    ``initialize`` returns is never awaited.
    """
    entry = entry_of(subject)
    if entry is None:
        return
    config = subject.role("configFile")
    is_async = config is not None and _ASYNC.search(subject.read(config) or b"") is not None
    unawaited = "503 Invalid model predict output; the log: Invalid return type: <class 'coroutine'>"
    setting = "set asyncCommunication: true in the model's configuration file"
    if entry.built_in is not None and entry.built_in.is_coroutine and not is_async:
        message = f"the handler {entry.handler.value!r} is a coroutine, and nobody awaits it"
        yield manifest_finding(find_coroutine, subject, KEY, message=message, fix=setting, effect=unawaited)
    found: list[tuple[str, Method, str | None]] = []
    if entry.values is not None:
        value = meant(entry)
        if isinstance(value, Function) and isinstance(value.node, ast.AsyncFunctionDef) and not value.decorated:
            found.append((entry.handler.function, value.node, entry.member))
    elif entry.cls is not None:
        for name in ("initialize", "handle"):
            method = entry.cls.attribute(name)
            if isinstance(method.node, ast.AsyncFunctionDef) and not method.node.decorator_list:
                found.append((name, method.node, method.member))
    for name, node, member in found:
        if name == "initialize":
            fix, effect = "define it without async", "initialize never runs"
        elif is_async:
            continue
        else:
            fix, effect = f"define it without async, or {setting}", unawaited
        message = f"{name} is a coroutine, and nobody awaits it"
        yield find_coroutine.finding(
            key=KEY, member=member, line=node.lineno, message=message, fix=fix, effect=effect
        )


RULES = rules_in(globals())
