"""Rules: one small function each, under a stable code, with an explanation, and how they are chosen."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from marpack.errors import MarpackError
from marpack.findings import Finding, ReaderName, Severity
from marpack.frozen import frozen

# What a rule is about: archives of models, of workflows, or whatever it is given.
Kind: TypeAlias = Literal["model", "workflow", "any"]


class Subject(Protocol):
    """What rules look at: an archive, settings, or a document."""

    @property
    def path(self) -> str | None:
        """What the file is called in findings."""

    @property
    def kind(self) -> Kind:
        """Which rules it is for."""

    def line_of(self, key: str) -> int | None:
        """Return the line of a key, counted from 1, as far as it is known."""


# A rule on what has less will do for what has more.
T = TypeVar("T", bound=Subject, contravariant=True)


@frozen
class Rule(Generic[T]):
    """One thing that a server refuses: ``function`` yields the findings, its docstring explains the rule.

    ``code`` is stable: words joined by ``-``. ``severity`` is what its findings are as a rule. Rules of the kind
    ``model`` or ``workflow`` are not asked about the other.
    """

    code: str
    severity: Severity
    function: Callable[[T], Iterable[Finding]]
    kind: Kind = "any"

    @property
    def explanation(self) -> str:
        """What to do; and in paragraphs of their own why, and where that is from: for the page of all rules."""
        text = inspect.getdoc(self.function) or ""
        return text if "\n" in text else text.replace(". ", ".\n\n", 1)

    def finding(
        self,
        message: str,
        key: str = "",
        *,
        effect: str = "",
        fix: str,
        member: str | None = None,
        line: int | None = None,
        severity: Severity | None = None,
        reader: ReaderName = "server",
    ) -> Finding:
        """Make a finding of this rule; ``severity`` overrides the rule's."""
        return Finding(
            code=self.code,
            severity=severity or self.severity,
            key=key,
            member=member,
            line=line,
            message=message,
            effect=effect,
            fix=fix,
            reader=reader,
        )

    def findings(self, subject: T) -> Iterator[Finding]:
        """Yield what is found in the subject, with the name of its file, and lines where those are known."""
        if self.kind in ("any", subject.kind):
            for found in self.function(subject):
                line = subject.line_of(found.key) if found.line is None and found.member is None else found.line
                yield replace(found, file=subject.path, line=line)


def rule(
    code: str, severity: Severity, *, kind: Kind = "any"
) -> Callable[[Callable[[T], Iterable[Finding]]], Rule[T]]:
    """Make a rule of a function; see ``Rule``. In the function, its own name is the rule."""
    return lambda function: Rule(code=code, severity=severity, function=function, kind=kind)


def rules_in(namespace: Mapping[str, object]) -> tuple[Rule[Any], ...]:
    """Return the rules that a module makes, in their order, from its ``globals()``."""
    made = (value for value in namespace.values() if isinstance(value, Rule))
    return tuple(each for each in made if each.function.__module__ == namespace["__name__"])


def chosen_rules(
    rules: Iterable[Rule[T]], *, select: str | Iterable[str] | None = None, ignore: str | Iterable[str] = ()
) -> tuple[Rule[T], ...]:
    """Keep the rules whose code is, or begins with, one of ``select``, and none of ``ignore``.

    ``handler`` stands for ``handler`` and for every code that begins with ``handler-``. A string is one.
    Raises ``MarpackError`` for one that means no rule.
    """
    rules = tuple(rules)

    def codes_of(given: str | Iterable[str]) -> set[str]:
        codes: set[str] = set()
        for each in [given] if isinstance(given, str) else given:
            meant = {known.code for known in rules if f"{known.code}-".startswith(f"{each}-")}
            if not meant:
                raise _unknown(each)
            codes |= meant
        return codes

    wanted = {known.code for known in rules} if select is None else codes_of(select)
    unwanted = codes_of(ignore)
    return tuple(known for known in rules if known.code in wanted - unwanted)


def explanation_of(rules: Iterable[Rule[T]], code: str) -> str:
    """Return what a rule looks for, under its code and severity; ``MarpackError`` for a code that no rule has."""
    for known in rules:
        if known.code == code:
            return f"{known.code} ({known.severity})\n\n{known.explanation}"
    raise _unknown(code)


def _unknown(code: str) -> MarpackError:
    return MarpackError(f"no rule is called {code!r}: see spec/checks.md")
