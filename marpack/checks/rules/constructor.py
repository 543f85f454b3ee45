"""Rules about the handler's class as the worker makes it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from marpack.checks.frame.subject import Subject
from marpack.checks.python.classes import ClassOf
from marpack.checks.rules.entry_call import wrong_call
from marpack.checks.rules.handler_name import KEY, entry_of
from marpack.findings import Finding, Severity
from marpack.rule import Rule, rule, rules_in


@rule("handler-methods", "error", kind="model")
def find_no_method(subject: Subject) -> Iterator[Finding]:
    """Give the handler's class the methods ``initialize`` and ``handle``.

    The worker makes one object of the class and needs both. Those of ``BaseHandler`` and of every other class of
    ``ts.torch_handler`` will do; of a base from elsewhere nothing is known, so nothing is said [server].
    """
    entry = entry_of(subject)
    if entry is None or entry.cls is None:
        return
    name, member, line = entry.cls.value.name, entry.cls.member, entry.cls.value.line
    effects = {
        "handle": f"ValueError: Expect handle method in class <class '{entry.handler.module}.{name}'>",
        "initialize": f"AttributeError: '{name}' object has no attribute 'initialize'",
    }
    for method, effect in effects.items():
        if entry.cls.attribute(method).has is False:
            message = f"the class {name} has no method {method!r}"
            fix = "define it, or derive the class from ts.torch_handler.base_handler.BaseHandler"
            yield find_no_method.finding(
                key=KEY, member=member, line=line, message=message, fix=fix, effect=effect
            )


@rule("handler-constructor", "error", kind="model")
def find_arguments(subject: Subject) -> Iterator[Finding]:
    """Let the handler's class be made without arguments.

    The worker calls it with none; what a handler needs it finds in the context that ``initialize`` gets [server].
    """
    entry = entry_of(subject)
    if entry is not None and entry.cls is not None:
        yield from find_constructor(find_arguments, entry.cls, KEY, "read them in initialize(context)")


def find_constructor(
    found_by: Rule[Subject], cls: ClassOf, key: str, instead: str, *, severity: Severity | None = None
) -> Iterator[Finding]:
    """Yield what keeps a class from being made without arguments: required ones, and abstract methods."""
    name = cls.value.name
    finding = partial(found_by.finding, key=key, severity=severity)
    if required := cls.required_arguments():
        found, node, missing = required
        message = f"the class {name} cannot be made without {', '.join(missing)}"
        fix, member, line = f"give them defaults, or {instead}", found.member or cls.member, node.lineno
        effect = wrong_call(found.qualified_name, node.args, 1)
        yield finding(member=member, line=line, message=message, fix=fix, effect=effect)
    if abstract := cls.abstract_methods():
        message = f"the class {name} is abstract: {', '.join(node.name for node in abstract)}"
        effect, fix = f"TypeError: Can't instantiate abstract class {name}", "define them without @abstractmethod"
        yield finding(member=cls.member, line=abstract[0].lineno, message=message, fix=fix, effect=effect)


RULES = rules_in(globals())
