"""Rules about what the worker calls: a function, or a method of a class."""

from __future__ import annotations

from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.calls import accepts
from marpack.checks.python.classes import resolve
from marpack.checks.python.entry_point import EntryPoint
from marpack.checks.python.values import Class, Function, Imported, Plain
from marpack.checks.rules.handler_name import KEY, entry_of
from marpack.findings import Finding
from marpack.rule import rule, rules_in


@rule("handler-function", "error", kind="model")
def handler_function_does_not_exist(subject: Subject) -> Iterator[Finding]:
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
        yield handler_function_does_not_exist.finding(
            key=KEY,
            member=member_of(entry),
            line=entry.cls.value.line,
            severity="warning",
            message=f"there is no {name!r}{second}",
            effect=f"the class {entry.cls.value.name} is used instead, without a word",
            fix=f"leave ':{name}' out, or name a function of the module",
        )
        return
    yield handler_function_does_not_exist.finding(
        key=KEY,
        member=member_of(entry),
        message=f"there is no function {name!r}{second}",
        effect=_one_class(entry),
        fix=f"define {name.partition(':')[0]}(data, context) at the top level, or name another function",
    )


@rule("handler-classes", "error", kind="model")
def handler_has_not_one_class(subject: Subject) -> Iterator[Finding]:
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
            yield handler_has_not_one_class.finding(
                key=KEY,
                message=f"{entry.handler.value!r} is a folder without an __init__.py: a module with no names",
                effect="ValueError: Expected only one class in custom service code or a function entry point []",
                fix="name the file in it, as folder.handler",
            )
        return
    several = _several(entry)
    if several:
        yield handler_has_not_one_class.finding(
            key=KEY,
            member=member_of(entry),
            line=entry.space.sure_classes[several[1]].line,
            message=f"the module has {len(several)} classes: {', '.join(several)}",
            effect=_one_class(entry),
            fix="keep one and import the others from a second file that is packed too, or add a function "
            "handle(data, context)",
        )
    elif entry.space.has_no_class:
        yield handler_has_not_one_class.finding(
            key=KEY,
            member=member_of(entry),
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


def member_of(entry: EntryPoint) -> str | None:
    """Return the file of the handler's module."""
    return None if entry.module is None else entry.module.source


def meant(entry: EntryPoint) -> Class | Function | Plain | Imported | None:
    """Return what the entry's name is surely bound to."""
    values = entry.values or frozenset()
    [value] = values if len(values) == 1 else [None]
    return value if isinstance(value, (Class, Function, Plain, Imported)) else None


@rule("handler-not-callable", "error", kind="model")
def entry_is_not_callable(subject: Subject) -> Iterator[Finding]:
    """Bind the name of the entry point to a function that takes ``(data, context)``.

    Whatever the module has under that name is called, an imported thing too, and no class is looked at then: a
    class is called with two arguments, and ``handle = None`` cannot be called [server].
    """
    if (entry := entry_of(subject)) is None or entry.values is None:
        return
    value = meant(entry)
    name = entry.handler.function
    if isinstance(value, Plain) and value.text is not None:
        kind = f"{value.type!r} object" if value.type else "object"
        yield entry_is_not_callable.finding(
            key=KEY,
            member=member_of(entry),
            message=f"{name!r} is bound to {value.text}, which cannot be called",
            effect=f"TypeError: {kind} is not callable",
            fix=f"define {name}(data, context), or name the entry point in the manifest, as module:function",
        )
        return
    if value is None or entry.space is None:
        return
    cls = resolve(value, subject.modules, entry.space, member_of(entry) or "")
    if isinstance(cls, str) or cls is None or cls.node is None or cls.node.decorator_list:
        return
    if any(keyword.arg == "metaclass" for keyword in cls.node.keywords):
        return
    found = cls.attribute("__init__")
    if cls.attribute("__new__").has is not False:
        return
    if found.has is False or (found.node is not None and not accepts(found.node, 3)):
        yield entry_is_not_callable.finding(
            key=KEY,
            member=member_of(entry),
            line=cls.value.line,
            message=f"{name!r} is a class: the worker calls it as a function",
            effect=f"TypeError: {cls.value.name}() takes no arguments",
            fix="leave the name out: the only class of the module is used",
        )


RULES = rules_in(globals())
