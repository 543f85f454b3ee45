"""Rules about the handler's class as the worker makes it."""

from __future__ import annotations

from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.classes import ClassOf
from marpack.checks.rules.entry_call import owner_member, qualified_name, wrong_call
from marpack.checks.rules.handler_name import KEY, entry_of
from marpack.findings import Finding, Severity
from marpack.rule import Rule, rule, rules_in


@rule("handler-methods", "error", kind="model")
def handler_class_lacks_methods(subject: Subject) -> Iterator[Finding]:
    """Give the handler's class the methods ``initialize`` and ``handle``.

    The worker makes one object of the class and needs both. Those of ``BaseHandler`` and of every other class of
    ``ts.torch_handler`` will do; of a base from elsewhere nothing is known, so nothing is said [server].
    """
    entry = entry_of(subject)
    if entry is None or entry.cls is None:
        return
    name = f"<class '{entry.handler.module}.{entry.cls.value.name}'>"
    effects = {
        "handle": f"ValueError: Expect handle method in class {name}",
        "initialize": f"AttributeError: '{entry.cls.value.name}' object has no attribute 'initialize'",
    }
    for method, effect in effects.items():
        if entry.cls.attribute(method).has is False:
            yield handler_class_lacks_methods.finding(
                key=KEY,
                member=entry.cls.member,
                line=entry.cls.value.line,
                message=f"the class {entry.cls.value.name} has no method {method!r}",
                effect=effect,
                fix="define it, or derive the class from ts.torch_handler.base_handler.BaseHandler",
            )


@rule("handler-constructor", "error", kind="model")
def handler_constructor_needs_arguments(subject: Subject) -> Iterator[Finding]:
    """Let the handler's class be made without arguments.

    The worker calls it with none; what a handler needs it finds in the context that ``initialize`` gets [server].
    """
    entry = entry_of(subject)
    if entry is None or entry.cls is None:
        return
    yield from find_constructor(
        handler_constructor_needs_arguments, entry.cls, KEY, "read them in initialize(context)"
    )


def find_constructor(
    rule: Rule[Subject], cls: ClassOf, key: str, instead: str, *, severity: Severity | None = None
) -> Iterator[Finding]:
    """Yield what keeps a class from being made without arguments: required ones, and abstract methods."""
    name = cls.value.name
    required = cls.required_arguments()
    if required is not None:
        found, missing = required
        effect = wrong_call(f"{qualified_name(found)}()", found.node.args, 1) if found.node is not None else ""
        yield rule.finding(
            key=key,
            member=owner_member(found.owner) or cls.member,
            line=None if found.node is None else found.node.lineno,
            severity=severity,
            message=f"the class {name} cannot be made without {', '.join(missing)}",
            effect=effect,
            fix=f"give them defaults, or {instead}",
        )
    abstract = cls.abstract_methods()
    if abstract:
        yield rule.finding(
            key=key,
            member=cls.member,
            line=abstract[0].lineno,
            severity=severity,
            message=f"the class {name} is abstract: {', '.join(node.name for node in abstract)}",
            effect=f"TypeError: Can't instantiate abstract class {name}",
            fix="define them without @abstractmethod",
        )


RULES = rules_in(globals())
