"""Rules about what the worker calls: a function, or a method of a class."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, TypeAlias

from marpack.checks.frame.rule import Problem, rule
from marpack.checks.python.calls import accepts, has_parameters
from marpack.checks.python.classes import ClassOf, resolve
from marpack.checks.python.values import Class, Function, Imported, Plain
from marpack.checks.rules.handler_name import KEY, entry_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.checks.frame.subject import Subject
    from marpack.checks.python.classes import Attribute
    from marpack.checks.python.entry_point import EntryPoint

__all__ = ["owner_member", "qualified_name", "wrong_call"]

Method: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

_ASYNC = re.compile(
    rb"""asyncCommunication ["']? \s* : \s* (?: true | yes | on ) \b""", re.VERBOSE | re.IGNORECASE
)


# -------------------------------------------------------------------------------------------- the entry point


@rule("handler-function", "error")
def handler_function_does_not_exist(subject: Subject) -> Iterator[Problem]:
    """Name a function that the handler's module has.

    If it has none of that name, the worker looks for a class: with exactly one in the module it silently uses
    that (a warning), else it dies. Everything behind the first colon is the name [server].
    """
    entry = entry_of(subject)
    if entry is None or entry.space is None or not entry.handler.names_function or entry.values is not None:
        return
    name = entry.handler.function
    if entry.cls is None and not entry.space.has_no_class and len(entry.space.sure_classes) < 2:
        return
    second = ": write one colon only" if ":" in name else ""
    if entry.cls is not None:
        yield Problem(
            key=KEY,
            member=_member(entry),
            line=entry.cls.value.line,
            severity="warning",
            message=f"there is no {name!r}{second}",
            effect=f"the class {entry.cls.value.name} is used instead, without a word",
            fix=f"leave ':{name}' out, or name a function of the module",
        )
        return
    yield Problem(
        key=KEY,
        member=_member(entry),
        message=f"there is no function {name!r}{second}",
        effect=_one_class(entry),
        fix=f"define {name.partition(':')[0]}(data, context) at the top level, or name another function",
    )


@rule("handler-classes", "error")
def handler_has_not_one_class(subject: Subject) -> Iterator[Problem]:
    """Define one class in the handler's module, or a function ``handle(data, context)``.

    Without a function of the entry's name the worker takes the only class that the module makes. It counts every
    name that is bound to one: exceptions, enums, data classes, named tuples, and a second name for the same class;
    not those that are imported, which is the way out. The documentation says that the first is taken: it is not
    [server].
    """
    entry = entry_of(subject)
    if entry is None or entry.values is not None or entry.handler.names_function:
        return
    if entry.space is None:
        if entry.module is not None and entry.module.kind == "folder":
            yield Problem(
                key=KEY,
                message=f"{entry.handler.value!r} is a folder without an __init__.py: a module with no names",
                effect="ValueError: Expected only one class in custom service code or a function entry point []",
                fix="name the file in it, as folder.handler",
            )
        return
    several = _several(entry)
    if several:
        yield Problem(
            key=KEY,
            member=_member(entry),
            line=entry.space.sure_classes[several[1]].line,
            message=f"the module has {len(several)} classes: {', '.join(several)}",
            effect=_one_class(entry),
            fix="keep one and import the others from a second file that is packed too, or add a function "
            "handle(data, context)",
        )
    elif entry.space.has_no_class:
        yield Problem(
            key=KEY,
            member=_member(entry),
            message="the module has neither a class nor a function 'handle'",
            effect=_one_class(entry),
            fix=_other_function(entry) or "define a class with initialize and handle, or handle(data, context)",
        )


def _several(entry: EntryPoint) -> list[str]:
    """Return the names of the module's classes, in their order, if they are surely more than one."""
    classes = {} if entry.space is None else entry.space.sure_classes
    return sorted(classes, key=lambda name: classes[name].line) if len(classes) > 1 else []


def _one_class(entry: EntryPoint) -> str:
    classes = {} if entry.space is None else entry.space.sure_classes
    shown = ", ".join(f"<class '{entry.handler.module}.{classes[name].name}'>" for name in sorted(_several(entry)))
    return f"ValueError: Expected only one class in custom service code or a function entry point [{shown}]"


def _other_function(entry: EntryPoint) -> str | None:
    """Return how to name the only function of the module that could be meant."""
    if entry.space is None:
        return None
    functions = [
        name
        for name in entry.space.bindings
        if isinstance(value := entry.space.only(name), Function) and accepts(value.node, 2) and name[0] != "_"
    ]
    return f"name its function: '{entry.handler.path}:{functions[0]}'" if len(functions) == 1 else None


def _member(entry: EntryPoint) -> str | None:
    return None if entry.module is None else entry.module.source


def _meant(entry: EntryPoint) -> Class | Function | Plain | Imported | None:
    """Return what the entry's name is surely bound to."""
    values = entry.values or frozenset()
    [value] = values if len(values) == 1 else [None]
    return value if isinstance(value, (Class, Function, Plain, Imported)) else None


@rule("handler-not-callable", "error")
def entry_is_not_callable(subject: Subject) -> Iterator[Problem]:
    """Bind the name of the entry point to a function that takes ``(data, context)``.

    Whatever the module has under that name is called, an imported thing too, and no class is looked at then: a
    class is called with two arguments, and ``handle = None`` cannot be called [server].
    """
    if (entry := entry_of(subject)) is None or entry.values is None:
        return
    value = _meant(entry)
    name = entry.handler.function
    if isinstance(value, Plain) and value.text is not None:
        kind = f"{value.type!r} object" if value.type else "object"
        yield Problem(
            key=KEY,
            member=_member(entry),
            message=f"{name!r} is bound to {value.text}, which cannot be called",
            effect=f"TypeError: {kind} is not callable",
            fix=f"define {name}(data, context), or name the entry point in the manifest, as module:function",
        )
        return
    if value is None or entry.space is None:
        return
    cls = resolve(value, subject.modules, entry.space, _member(entry) or "")
    if isinstance(cls, str) or cls is None or cls.node is None or cls.node.decorator_list:
        return
    if any(keyword.arg == "metaclass" for keyword in cls.node.keywords):
        return
    found = cls.attribute("__init__")
    if cls.attribute("__new__").has is not False:
        return
    if found.has is False or (found.node is not None and not accepts(found.node, 3)):
        yield Problem(
            key=KEY,
            member=_member(entry),
            line=cls.value.line,
            message=f"{name!r} is a class: the worker calls it as a function",
            effect=f"TypeError: {cls.value.name}() takes no arguments",
            fix="leave the name out: the only class of the module is used",
        )


@rule("handler-parameters", "error")
def handler_has_other_parameters(subject: Subject) -> Iterator[Problem]:
    """Let the entry point take ``(data, context)``, and ``initialize`` take ``(context)``.

    The worker calls a function with ``(None, context)`` once it is loaded, and with ``(data, context)`` for each
    batch. Of a class it calls ``initialize(context)`` and then ``handle(data, context)`` [server].
    """
    if (entry := entry_of(subject)) is None:
        return
    if entry.values is not None:
        value = _meant(entry)
        if isinstance(value, Function) and not value.decorated and not accepts(value.node, 2):
            yield Problem(
                key=KEY,
                member=_member(entry),
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
        yield Problem(
            key=KEY,
            member=owner_member(found.owner) or _member(entry),
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


@rule("handler-first-call", "error")
def function_needs_data_at_once(subject: Subject) -> Iterator[Problem]:
    """Let the entry function expect a first call without data.

    The worker calls it with ``(None, context)`` as soon as it is loaded, for it to load the model. A function that
    goes through its data before it looks whether there is any, ends the worker [server].
    """
    entry = entry_of(subject)
    if entry is None or entry.values is None:
        return
    value = _meant(entry)
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
        yield Problem(
            key=KEY,
            member=_member(entry),
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


@rule("handler-coroutine", "warning")
def handler_is_a_coroutine(subject: Subject) -> Iterator[Problem]:
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
        yield Problem(
            key=KEY,
            member=subject.manifest_name,
            message=f"the handler {entry.handler.value!r} is a coroutine, and nobody awaits it",
            effect="503 Invalid model predict output; the log: Invalid return type: <class 'coroutine'>",
            fix="set asyncCommunication: true in the model's configuration file",
        )
    found: list[tuple[str, Method, str | None]] = []
    if entry.values is not None:
        value = _meant(entry)
        if isinstance(value, Function) and isinstance(value.node, ast.AsyncFunctionDef) and not value.decorated:
            found.append((entry.handler.function, value.node, _member(entry)))
    elif entry.cls is not None:
        for name in ("initialize", "handle"):
            method = entry.cls.attribute(name)
            if isinstance(method.node, ast.AsyncFunctionDef) and not method.node.decorator_list:
                found.append((name, method.node, owner_member(method.owner)))
    for name, node, member in found:
        if name == "initialize" or not is_async:
            yield Problem(
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
