"""Rules about what the worker calls: a function, or a method of a class."""

from __future__ import annotations

from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.calls import accepts
from marpack.checks.python.classes import resolve
from marpack.checks.python.entry_point import EntryPoint
from marpack.checks.python.namespace import Namespace
from marpack.checks.python.values import Class, Function, Imported, Plain
from marpack.checks.rules.handler_name import KEY, entry_of
from marpack.findings import Finding
from marpack.rule import rule, rules_in

_ONE_CLASS = "ValueError: Expected only one class in custom service code or a function entry point"


@rule("handler-function", "error", kind="model")
def find_no_function(subject: Subject) -> Iterator[Finding]:
    """Name a function that the handler's module has.

    If it has none of that name, the worker looks for a class: with exactly one in the module it silently uses
    that (a warning), else it dies. Everything behind the first colon is the name [server].
    """
    entry = entry_of(subject)
    if entry is None or entry.space is None or not entry.handler.names_function or entry.values is not None:
        return
    name = entry.handler.function
    second = ": write one colon only" if ":" in name else ""
    if entry.cls is not None:
        message, line = f"there is no {name!r}{second}", entry.cls.value.line
        effect = f"the class {entry.cls.value.name} is used instead, without a word"
        fix = f"leave ':{name}' out, or name a function of the module"
        yield find_no_function.finding(
            key=KEY, member=entry.member, line=line, severity="warning", message=message, fix=fix, effect=effect
        )
    elif entry.space.has_no_class or len(entry.space.sure_classes) > 1:
        message, effect = f"there is no function {name!r}{second}", f"{_ONE_CLASS} [{entry.space.shown_classes}]"
        fix = f"define {name.partition(':')[0]}(data, context) at the top level, or name another function"
        yield find_no_function.finding(key=KEY, member=entry.member, message=message, fix=fix, effect=effect)


@rule("handler-classes", "error", kind="model")
def find_classes(subject: Subject) -> Iterator[Finding]:
    """Define one class in the handler's module, or a function ``handle(data, context)``.

    Without a function of the entry's name the worker takes the only class that the module makes. It counts every
    name that is bound to one: exceptions, enums, data classes, named tuples, and a second name for the same class;
    not imported ones, which is the way out. The documentation says that the first is taken: it is not [server].
    """
    entry = entry_of(subject)
    if entry is None or entry.values is not None or entry.handler.names_function:
        return
    line: int | None = None
    shown = ""
    if entry.space is None:
        if entry.module is None or entry.module.kind != "folder":
            return
        message = f"{entry.handler.value!r} is a folder without an __init__.py: a module with no names"
        fix = "name the file in it, as folder.handler"
    elif len(classes := entry.space.sure_classes) > 1:
        message = f"the module has {len(classes)} classes: {', '.join(classes)}"
        line, shown = list(classes.values())[1].line, entry.space.shown_classes
        keep = "keep one and import the others from a second file that is packed too"
        fix = f"{keep}, or add a function handle(data, context)"
    elif entry.space.has_no_class:
        message = "the module has neither a class nor a function 'handle'"
        fix = _other_function(entry, entry.space) or (
            "define a class with initialize and handle, or handle(data, context)"
        )
    else:
        return
    effect = f"{_ONE_CLASS} [{shown}]"
    yield find_classes.finding(key=KEY, member=entry.member, line=line, message=message, fix=fix, effect=effect)


def _other_function(entry: EntryPoint, space: Namespace) -> str | None:
    """Return how to name the only function of the module that could be meant."""
    functions = [
        name
        for name in space.bindings
        if isinstance(value := space.only(name), Function) and accepts(value.node, 2) and name[0] != "_"
    ]
    return f"name its function: '{entry.handler.path}:{functions[0]}'" if len(functions) == 1 else None


def meant(entry: EntryPoint) -> Class | Function | Plain | Imported | None:
    """Return what the entry's name is surely bound to."""
    values = entry.values or frozenset()
    [value] = values if len(values) == 1 else [None]
    return value if isinstance(value, (Class, Function, Plain, Imported)) else None


@rule("handler-not-callable", "error", kind="model")
def find_not_callable(subject: Subject) -> Iterator[Finding]:
    """Bind the name of the entry point to a function that takes ``(data, context)``.

    Whatever the module has under that name is called, an imported thing too, and no class is looked at then: a
    class is called with two arguments, and ``handle = None`` cannot be called [server].
    """
    if (entry := entry_of(subject)) is None or entry.values is None:
        return
    value, name, member = meant(entry), entry.handler.function, entry.member
    if isinstance(value, Plain) and value.text is not None:
        message = f"{name!r} is bound to {value.text}, which cannot be called"
        fix = f"define {name}(data, context), or name the entry point in the manifest, as module:function"
        effect = f"TypeError: {f'{value.type!r} ' if value.type else ''}object is not callable"
        yield find_not_callable.finding(key=KEY, member=member, message=message, fix=fix, effect=effect)
        return
    if value is None or entry.space is None:
        return
    cls = resolve(value, subject.modules, entry.space, member or "")
    if isinstance(cls, str) or cls is None or cls.node is None or cls.node.decorator_list:
        return
    if any(keyword.arg == "metaclass" for keyword in cls.node.keywords):
        return
    found = cls.attribute("__init__")
    if cls.attribute("__new__").has is not False:
        return
    if found.has is False or (found.node is not None and not accepts(found.node, 3)):
        message, line = f"{name!r} is a class: the worker calls it as a function", cls.value.line
        fix = "leave the name out: the only class of the module is used"
        effect = f"TypeError: {cls.value.name}() takes no arguments"
        yield find_not_callable.finding(key=KEY, member=member, line=line, message=message, fix=fix, effect=effect)


RULES = rules_in(globals())
