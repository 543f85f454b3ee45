"""Hold a plan, an archive or a folder against the rules."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from marpack.archive.forms import ContainerForm
from marpack.archive.plan.plan import Plan, WorkflowPlan
from marpack.archive.read.archive import Archive, WorkflowArchive
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import ArchiveSource, open_archive
from marpack.checks.frame.contents import ArchiveContents, Contents, PlanContents
from marpack.checks.frame.servers_torch import servers_torch
from marpack.checks.frame.subject import CheckTarget, Settings, Subject
from marpack.checks.rules import RULES
from marpack.checks.rules.container import finding_of
from marpack.checks.rules.weights_pointer import find_pointers
from marpack.errors import ArchiveError
from marpack.findings import Finding, Severity
from marpack.rule import Rule, chosen_rules, rule

# So many findings of a rule are kept, and the last counts the rest; of warnings and notes so many in all. No error
# is left out for what is less.
_MOST_OF_A_RULE = 20
_MOST_MILD = 200
TARGETS: tuple[CheckTarget, ...] = get_args(CheckTarget)


def check(
    what: Plan | ArchiveSource,
    *,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] = (),
    target: CheckTarget = "torchserve",
    python: str | None = None,
    torch: str | None = None,
    torchserve_version: str | None = None,
    rules: Iterable[Rule[Subject]] | None = None,
    load: bool = False,
    limits: Limits | None = None,
    storage_options: Mapping[str, Any] | None = None,
    download: bool = False,
) -> tuple[Finding, ...]:
    """Return what TorchServe 0.12.0 would refuse, ignore, or take otherwise than it looks.

    Nothing of the model is imported or run, unless ``load`` asks for it.

    - ``what``: a plan, before anything is written; an open archive; or a path, a URL or an open binary file, as
      ``open_archive`` takes them.
    - ``select``, ``ignore``: codes of rules, or what they begin with (``handler`` for ``handler-missing`` and
      others); a string is one code. What cannot be opened or read, or is too long, is reported in any case.
    - ``target``: who runs the server: ``torchserve``, ``kserve``, ``sagemaker`` or ``vertex``, each of which has
      rules of its own for names.
    - ``python``: the version of the server's Python, as ``3.9``; this one's by default.
    - ``torch``: the version of the server's torch, as ``2.1``. By default that of the image of TorchServe's
      release ``torchserve_version``, if that is given, and for ``kserve`` that of KServe's image of 0.9.0; else
      nothing is said of what only some versions read.
    - ``rules``: other rules than the built-in ones, which ``built_in_rules()`` returns; a ``Rule`` is made of a
      function.
    - ``load``: also load the model (the rule ``load``), in another process of this Python: by the server's own
      worker, where TorchServe is installed in it, else as the server's base handler does, which needs torch. This
      **runs the code of the archive**.
    - ``limits``: how much an archive that is opened here may make its reader do.
    - ``storage_options``, ``download``: as in ``open_archive``, for a URL.

    Read is what the rules are about, which is not every byte: ``ModelArchive.verify`` finds damage anywhere.
    Findings are in the order of the rules (spec/checks.md). Raises ``MarpackError`` for a code that no rule has,
    ``ValueError`` for an unknown target or version, and what the disk says. An archive that cannot be read is a
    finding.
    """
    settings = settings_for(
        target=target, python=python, torch=torch, torchserve_version=torchserve_version, load=load
    )
    chosen = chosen_rules(built_in_rules() if rules is None else rules, select=select, ignore=ignore)
    if isinstance(what, (Plan, Archive)):
        return findings_of(subject_of(what, settings), chosen)
    try:
        archive = open_archive(what, limits=limits, storage_options=storage_options, download=download)
    except ArchiveError as error:
        # Whatever the server makes of it: nothing else has been looked at.
        return (replace(finding_of(error.issue, "zip"), file=error.path or "archive", severity="error"),)
    with archive:
        return findings_of(subject_of(archive, settings), chosen)


def settings_for(
    *,
    target: CheckTarget,
    python: str | None,
    torch: str | None,
    torchserve_version: str | None,
    load: bool = False,
) -> Settings:
    """Return what ``check`` is told of the server; raises ``ValueError`` for an unknown target or version."""
    if target not in TARGETS:
        raise ValueError(f"the target {target!r} is not one of {', '.join(TARGETS)}")
    return Settings(
        python=python_version(python),
        told_python=None if python is None else python_version(python),
        target=target,
        load=load,
        torch=servers_torch(torch, torchserve_version=torchserve_version, target=target),
    )


def built_in_rules() -> tuple[Rule[Subject], ...]:
    """Return the rules that marpack has, in the order of spec/checks.md."""
    return (*RULES, find_unread)


@rule("container-unread", "warning")
def find_unread(subject: Subject) -> Iterator[Finding]:
    """Keep texts as short as texts are: what is longer is not looked into.

    Taking them apart costs memory and time, which an archive must not have as much of as it likes: a Python source
    is parsed up to 1 MiB and 165,000 words and signs; it is compiled up to 128 KiB, unless that takes many times
    as long as for others of its length, as it does for ``finally`` in ``finally``. All of them together are parsed
    up to 4 MiB, 850,000 words and signs, and 561,000 nodes of Python's ``ast``: packages of hundreds of files have
    fewer. A configuration or the specification of a workflow is read up to 1 MiB, a requirements file up to 10,000
    lines, and any other text up to 8 MiB. The server runs a handler of more than 1 MiB as any other [server]. It
    is an error where nothing is known of the manifest.

    It is reported whatever rules are chosen.
    """
    for name, message in subject.unread.items():
        severity: Severity | None = "error" if name == subject.manifest_name else None
        fix = "make it shorter, and pack data as files of their own"
        yield find_unread.finding(message=message, fix=fix, member=name, severity=severity)


def python_version(text: str | None) -> tuple[int, int]:
    """Return a version as numbers, this Python's for None; raises ``ValueError`` for what is none."""
    if text is None:
        return sys.version_info[:2]
    found = re.fullmatch(r"3\.([0-9]{1,3})(\.[0-9]+)?", text)
    if not found:
        raise ValueError(f"the version of Python {text!r} is not like 3.9")
    return 3, int(found[1])


def findings_of(subject: Subject, rules: Sequence[Rule[Subject]]) -> tuple[Finding, ...]:
    """Return what rules find in a subject, and what they did not look into."""
    found: list[Finding] = []
    mild = left_out = 0
    # What was not looked into is known when all others have looked, and reported whatever rules are chosen.
    for each in (*(known for known in rules if known is not find_unread), find_unread):
        for finding in _first(_findings_of(each, subject)):
            if finding.severity != "error":
                mild += 1
                if mild > _MOST_MILD:
                    left_out += 1
                    continue
            found.append(finding)
    if left_out:
        message = f"{left_out:,} more warnings and notes are not shown"
        more = find_unread.finding(message=message, fix="mend those that are, or select rules", severity="note")
        found.append(replace(more, file=subject.path))
    found = _of_pointers(found)
    # The first of equal ones: several rules may stumble over one damaged member.
    return tuple(dict.fromkeys(found))


def _of_pointers(found: Sequence[Finding]) -> list[Finding]:
    """Let what is said of a member that is a pointer of Git LFS be that, and as bad as what comes of it.

    Whatever another rule says of such a text tells to mend the text.
    """
    code = find_pointers.code
    worst: dict[str | None, Finding] = {each.member: each for each in found if each.code == code}
    pointers = frozenset(worst)
    for each in found:
        if each.member in worst and each.severity == "error" and worst[each.member].severity != "error":
            worst[each.member] = each
    return [
        replace(each, severity=worst[each.member].severity, effect=worst[each.member].effect)
        if each.code == code
        else each
        for each in found
        if each.code == code or each.member not in pointers
    ]


def _findings_of(known: Rule[Subject], subject: Subject) -> Iterator[Finding]:
    try:
        yield from known.findings(subject)
    except ArchiveError as error:  # a member that is damaged: what else is there to say of the others is said
        yield replace(finding_of(error.issue, subject.form), file=subject.path)


def _first(findings: Iterable[Finding]) -> list[Finding]:
    """Keep the first findings of each severity; the last one of them counts those that are left out."""
    kept: list[Finding] = []
    counts: dict[Severity, int] = {}  # no Counter: to make a hundred of them takes 0.1 ms
    last: dict[Severity, int] = {}
    for finding in findings:
        counts[finding.severity] = counts.get(finding.severity, 0) + 1
        if counts[finding.severity] <= _MOST_OF_A_RULE:
            last[finding.severity] = len(kept)
            kept.append(finding)
    for severity, place in last.items():
        if (more := counts[severity] - _MOST_OF_A_RULE) > 0:
            kept[place] = replace(kept[place], message=f"{kept[place].message} (and {more:,} more of the same)")
    return kept


def subject_of(what: Plan | Archive, settings: Settings) -> Subject:
    """Return a plan or an open archive as what rules look at."""
    if isinstance(what, Plan):
        contents: Contents = PlanContents(what)
        forms: dict[str, ContainerForm] = {"tgz": "tgz", "no-archive": "folder"}
        path, form = what.file_name, forms.get(what.archive_format, "zip")
    else:
        contents, path, form = ArchiveContents(what), what.path or "archive", what.form
    return Subject(
        contents,
        path=path,
        file_name=what.file_name,
        form=form,
        settings=settings,
        kind="workflow" if isinstance(what, (WorkflowPlan, WorkflowArchive)) else "model",
        origin=what,
    )
