"""The rules and how they are found: one small function each, under a stable code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from marpack.errors import MarpackError
from marpack.findings import Finding

if TYPE_CHECKING:
    from marpack.checks.frame.subject import Subject
    from marpack.findings import Severity

__all__ = ["BUILT_IN", "Problem", "Rule", "choose", "rule"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What a rule says of one place; the registry makes it a ``Finding`` with the rule's code and severity.

    ``effect`` is what the server says or does, in its own words where it has some. ``key`` is the manifest's or
    the setting's, ``member`` the file in the archive, with ``line`` counted from 1. ``severity`` overrides the
    rule's.
    """

    message: str
    fix: str
    effect: str
    key: str = ""
    member: str | None = None
    line: int | None = None
    severity: Severity | None = None


Check: TypeAlias = "Callable[[Subject], Iterable[Problem]]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One thing that a server refuses: ``function`` looks for it, its docstring explains it.

    ``code`` is stable: words joined by ``-``. ``severity`` is what its findings are as a rule.
    """

    code: str
    severity: Severity
    function: Check

    @property
    def explanation(self) -> str:
        """What the rule looks for, why, and where that is from: for the page of all rules."""
        return inspect.getdoc(self.function) or ""

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found in the subject."""
        for problem in self.function(subject):
            yield Finding(
                code=self.code,
                severity=problem.severity or self.severity,
                key=problem.key,
                message=problem.message,
                fix=problem.fix,
                effect=problem.effect,
                file=subject.place(problem.member),
                line=problem.line,
            )


# In the order of the page: rules append themselves when their module is imported.
BUILT_IN: list[Rule] = []


def rule(code: str, severity: Severity) -> Callable[[Check], Check]:
    """Make a function one of the built-in rules."""

    def register(function: Check) -> Check:
        if any(known.code == code for known in BUILT_IN):
            raise ValueError(f"the code {code!r} is given twice")
        BUILT_IN.append(Rule(code=code, severity=severity, function=function))
        return function

    return register


def choose(
    rules: Iterable[Rule], *, select: str | Iterable[str] | None, ignore: str | Iterable[str]
) -> list[Rule]:
    """Keep the rules whose code is, or begins with, one of ``select``, and none of ``ignore``.

    ``handler`` stands for ``handler`` and for every code that begins with ``handler-``. A string is one.
    Raises ``MarpackError`` for one that means no rule.
    """
    rules = list(rules)
    wanted = None if select is None else _listed(select)
    unwanted = _listed(ignore)
    for given in [*(wanted or []), *unwanted]:
        if not any(_means(given, known.code) for known in rules):
            raise MarpackError(f"no rule is called {given!r}: see spec/checks.md, or marpack check --rules")
    return [
        known
        for known in rules
        if (wanted is None or any(_means(given, known.code) for given in wanted))
        and not any(_means(given, known.code) for given in unwanted)
    ]


def _listed(codes: str | Iterable[str]) -> list[str]:
    return [codes] if isinstance(codes, str) else list(codes)


def _means(given: str, code: str) -> bool:
    return code == given or code.startswith(f"{given}-")
