"""Hold a plan, an archive or a folder against the rules."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, get_args

from marpack.archive.plan.plan import Plan, WorkflowPlan
from marpack.archive.read.archive import Archive, WorkflowArchive
from marpack.archive.read.open import open_archive
from marpack.checks.frame.contents import ArchiveContents, NoContents, PlanContents
from marpack.checks.frame.rule import BUILT_IN, choose
from marpack.checks.frame.subject import CheckTarget, Settings, Subject
from marpack.checks.rules.unread import UNREAD
from marpack.errors import ArchiveError
from marpack.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from marpack.archive.read.limits import Limits
    from marpack.checks.frame.rule import Rule
    from marpack.checks.frame.subject import Form
    from marpack.findings import Severity

__all__ = ["TARGETS", "built_in_rules", "check", "python_version"]

# In the order of the page: what is held, then what it says, then what is in it.
_RULE_MODULES = (
    "container",
    "manifest_file",
    "manifest_values",
    "handler_name",
    "entry_point",
    "constructor",
    "imports",
    "model",
    "weights",
    "labels",
    "model_config",
    "requirements",
    "platforms",
    "workflow",
    "load",
    "unread",
)
# The rule that says what is wrong with an archive as such.
_STRUCTURE = "container-structure"
# So many findings of a rule are kept, and the last counts the rest; of warnings and notes so many in all. No error
# is left out for what is less.
_MOST_OF_A_RULE = 20
_MOST_MILD = 200
TARGETS: tuple[CheckTarget, ...] = get_args(CheckTarget)


def check(
    what: Plan | Archive | str | os.PathLike[str],
    *,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] = (),
    target: CheckTarget = "torchserve",
    python: str | None = None,
    rules: Iterable[Rule] | None = None,
    load: bool = False,
    limits: Limits | None = None,
) -> tuple[Finding, ...]:
    """Return what TorchServe 0.12.0 would refuse, ignore, or take otherwise than it looks.

    Nothing of the model is imported or run, unless ``load`` asks for it.

    - ``what``: a plan, before anything is written; an open archive; or the path of an archive or a folder.
    - ``select``, ``ignore``: codes of rules, or what they begin with (``handler`` for ``handler-missing`` and
      others); a string is one code. What cannot be opened or read, or is too long, is told in any case.
    - ``target``: who runs the server: ``torchserve``, ``kserve``, ``sagemaker`` or ``vertex``, each of which has
      rules of its own for names.
    - ``python``: the version of the server's Python, as ``3.9``; this one's by default.
    - ``rules``: other rules than the built-in ones, which ``built_in_rules()`` returns; a ``Rule`` is a function.
    - ``load``: also load the model as the server's base handler does (the rule ``load``), in another process of
      this Python, where torch must be installed. This **runs the code of the model file**, and of the pickle that
      torch accepts.
    - ``limits``: how much an archive at a path may make its reader do.

    Read is what the rules are about, which is not every byte: ``ModelArchive.verify`` finds damage anywhere.
    Findings are in the order of the rules (spec/checks.md). Raises ``MarpackError`` for a code that no rule has,
    ``ValueError`` for an unknown target or version, and what the disk says. An archive that cannot be read is a
    finding.
    """
    if target not in TARGETS:
        raise ValueError(f"the target {target!r} is not one of {', '.join(TARGETS)}")
    settings = Settings(python=python_version(python), target=target, load=load)
    chosen = choose(built_in_rules() if rules is None else rules, select=select, ignore=ignore)
    if isinstance(what, Plan):
        path = what.file_name
        form: Form = {"tgz": "tgz", "no-archive": "folder"}.get(what.archive_format, "zip")  # type: ignore[assignment]
        subject = Subject(
            PlanContents(what),
            path=path,
            file_name=path,
            form=form,
            settings=settings,
            is_workflow=isinstance(what, WorkflowPlan),
        )
        return _unique(_findings(subject, chosen))
    if isinstance(what, Archive):
        return _unique(_findings(_subject(what, settings), chosen))
    path = os.fsdecode(what)
    try:
        archive = open_archive(path, limits=limits)
    except ArchiveError as error:
        # Whatever the server makes of it: nothing else has been looked at.
        found = _unreadable(error, path, os.path.basename(path), "zip", settings)
        return tuple(replace(finding, severity="error") for finding in found)
    with archive:
        return _unique(_findings(_subject(archive, settings), chosen))


def built_in_rules() -> tuple[Rule, ...]:
    """Return the rules that marpack has, in the order of spec/checks.md, and then those that were added."""
    names = [f"{__package__}.rules.{module}" for module in _RULE_MODULES]
    for name in names:
        import_module(name)
    place = {name: number for number, name in enumerate(names)}
    return tuple(sorted(BUILT_IN, key=lambda rule: place.get(rule.function.__module__, len(names))))


def _unique(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Keep the first of equal findings: several rules may stumble over one damaged member."""
    return tuple(dict.fromkeys(findings))


def python_version(text: str | None) -> tuple[int, int]:
    """Return a version as numbers, this Python's for None; raises ``ValueError`` for what is none."""
    if text is None:
        return sys.version_info[:2]
    found = re.fullmatch(r"3\.([0-9]{1,3})(\.[0-9]+)?", text)
    if not found:
        raise ValueError(f"the version of Python {text!r} is not like 3.9")
    return 3, int(found[1])


def _findings(subject: Subject, rules: Sequence[Rule]) -> Iterator[Finding]:
    mild = left_out = 0
    # What was not looked into is known when all others have looked, and told whatever rules are chosen.
    for rule in (*(each for each in rules if each.code != UNREAD), _built_in(UNREAD)):
        for finding in _first(_findings_of(rule, subject)):
            if finding.severity != "error":
                mild += 1
                if mild > _MOST_MILD:
                    left_out += 1
                    continue
            yield finding
    if left_out:
        yield Finding.note(
            UNREAD,
            "",
            f"{left_out:,} more warnings and notes are not told",
            "mend those that are, or select rules",
            file=subject.path,
        )


def _findings_of(rule: Rule, subject: Subject) -> Iterator[Finding]:
    try:
        yield from rule.findings(subject)
    except ArchiveError as error:  # a member that is damaged: what else is there to say of the others is said
        yield from _unreadable(error, subject.path, subject.file_name, subject.form, subject.settings)


def _first(findings: Iterable[Finding]) -> list[Finding]:
    """Keep the first findings of each severity; the last one of them counts those that are left out."""
    kept: list[Finding] = []
    counts: Counter[Severity] = Counter()
    last: dict[Severity, int] = {}
    for finding in findings:
        counts[finding.severity] += 1
        if counts[finding.severity] <= _MOST_OF_A_RULE:
            last[finding.severity] = len(kept)
            kept.append(finding)
    for severity, place in last.items():
        if more := max(counts[severity] - _MOST_OF_A_RULE, 0):
            kept[place] = replace(kept[place], message=f"{kept[place].message} (and {more:,} more of the same)")
    return kept


def _unreadable(
    error: ArchiveError, path: str, file_name: str, form: Form, settings: Settings
) -> Iterator[Finding]:
    """Yield what is wrong with an archive as such, whatever rules are chosen."""
    contents = NoContents(error)
    subject = Subject(contents, path=path, file_name=file_name, form=form, settings=settings)
    yield from _built_in(_STRUCTURE).findings(subject)


def _built_in(code: str) -> Rule:
    return next(rule for rule in built_in_rules() if rule.code == code)


def _subject(archive: Archive, settings: Settings) -> Subject:
    return Subject(
        ArchiveContents(archive),
        path=archive.path or "archive",
        file_name=archive.file_name,
        form=archive.form,
        settings=settings,
        is_workflow=isinstance(archive, WorkflowArchive),
    )
