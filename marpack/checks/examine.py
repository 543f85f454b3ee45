"""Hold a plan, an archive or a folder against the rules."""

from __future__ import annotations

import io
import os
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, get_args

from marpack.archive.opened import ModelArchive
from marpack.archive.plan import Plan
from marpack.archive.reader import open_archive
from marpack.checks.registry import BUILT_IN, choose
from marpack.checks.subject import Settings, Subject, Target
from marpack.errors import ArchiveError, Finding, Issue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from marpack.archive.entry import Entry
    from marpack.archive.limits import Limits
    from marpack.checks.registry import Rule
    from marpack.checks.subject import Form, MemberFile

__all__ = ["built_in_rules", "check"]

# In the order of the page: what is held, then what it says, then what is in it.
_RULE_MODULES = (
    "containers",
    "manifests",
    "handlers",
    "imports",
    "models",
    "weights",
    "artifacts",
    "configs",
    "requirements",
    "targets",
    "workflows",
)
# The rule that says what is wrong with an archive as such.
_STRUCTURE = "container-structure"
# What is not a file is held in memory up to here, and above in a temporary file.
_HELD_SIZE = 1 << 24
TARGETS: tuple[Target, ...] = get_args(Target)


def check(
    what: Plan | ModelArchive | str | os.PathLike[str],
    *,
    select: Iterable[str] | None = None,
    ignore: Iterable[str] = (),
    target: Target = "torchserve",
    python: str | None = None,
    rules: Iterable[Rule] | None = None,
    load: bool = False,
    limits: Limits | None = None,
) -> tuple[Finding, ...]:
    """Return what TorchServe 0.12.0 would refuse, ignore, or take otherwise than it looks.

    Nothing of the model is imported or run, unless ``load`` asks for it.

    - ``what``: a plan, before anything is written; an open archive; or the path of an archive or a folder.
    - ``select``, ``ignore``: codes of rules, or what they begin with (``handler`` for ``handler-missing`` and
      others).
    - ``target``: who runs the server: ``torchserve``, ``kserve``, ``sagemaker`` or ``vertex``, each of which has
      rules of its own for names.
    - ``python``: the version of the server's Python, as ``3.9``; this one's by default.
    - ``rules``: other rules than the built-in ones, which ``built_in_rules()`` returns; a ``Rule`` is a function.
    - ``load``: also load the model as the server's base handler does, in another process of this Python, where
      torch must be installed. This **runs the code of the model file**, and of the pickle that torch accepts.

    Findings are in the order of the rules (spec/checks.md). Raises ``MarpackError`` for a code that no rule has,
    ``ValueError`` for an unknown target or version, and what the disk says. An archive that cannot be read is a
    finding.
    """
    if target not in TARGETS:
        raise ValueError(f"the target {target!r} is not one of {', '.join(TARGETS)}")
    settings = Settings(python=_version(python), target=target)
    chosen = choose(built_in_rules() if rules is None else rules, select=select, ignore=ignore)
    if isinstance(what, Plan):
        path = what.file_name
        form: Form = {"tgz": "tgz", "no-archive": "folder"}.get(what.archive_format, "zip")  # type: ignore[assignment]
        subject = Subject(_Planned(what), path=path, file_name=path, form=form, settings=settings)
        return _unique(_findings(subject, chosen, load=load))
    if isinstance(what, ModelArchive):
        return _unique(_findings(_subject(what, settings), chosen, load=load))
    path = os.fsdecode(what)
    try:
        archive = open_archive(path, limits=limits)
    except ArchiveError as error:
        broken = Subject(
            _Unreadable(error), path=path, file_name=os.path.basename(path), form="zip", settings=settings
        )
        return tuple(_findings(broken, [rule for rule in chosen if rule.code == _STRUCTURE], load=False))
    with archive:
        return _unique(_findings(_subject(archive, settings), chosen, load=load))


def built_in_rules() -> tuple[Rule, ...]:
    """Return the rules that marpack has, in the order of spec/checks.md, and then those that were added."""
    names = [f"{__package__}.{module}" for module in _RULE_MODULES]
    for name in names:
        import_module(name)
    place = {name: number for number, name in enumerate(names)}
    return tuple(sorted(BUILT_IN, key=lambda rule: place.get(rule.function.__module__, len(names))))


def _unique(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Keep the first of equal findings: several rules may stumble over one damaged member."""
    return tuple(dict.fromkeys(findings))


def _version(text: str | None) -> tuple[int, int]:
    if text is None:
        return sys.version_info[:2]
    found = re.fullmatch(r"3\.([0-9]{1,3})(\.[0-9]+)?", text)
    if not found:
        raise ValueError(f"the version of Python {text!r} is not like 3.9")
    return 3, int(found[1])


def _findings(subject: Subject, rules: Sequence[Rule], *, load: bool) -> Iterator[Finding]:
    for rule in rules:
        try:
            yield from rule.findings(subject)
        except ArchiveError as error:  # a member that is damaged: what else is there to say of the others is said
            broken = Subject(
                _Unreadable(error),
                path=subject.path,
                file_name=subject.file_name,
                form=subject.form,
                settings=subject.settings,
            )
            for other in rules:
                if other.code == _STRUCTURE:
                    yield from other.findings(broken)
    if load:
        from marpack.checks.load import load_findings

        yield from load_findings(subject)


def _subject(archive: ModelArchive, settings: Settings) -> Subject:
    file_name = os.path.basename(os.path.abspath(archive.path)) if archive.path else ""
    return Subject(
        _Opened(archive),
        path=archive.path or "archive",
        file_name=file_name,
        form=archive.form,
        settings=settings,
    )


class _Opened:
    """The contents of an archive."""

    def __init__(self, archive: ModelArchive) -> None:
        self._archive = archive
        self.sizes: Mapping[str, int] = {entry.name: entry.size for entry in archive.entries}

    @property
    def problems(self) -> Sequence[Issue]:
        return self._archive.issues

    def open(self, name: str) -> MemberFile:
        return self._archive.open(name)


class _Planned:
    """The contents of a plan."""

    problems: Sequence[Issue] = ()

    def __init__(self, plan: Plan) -> None:
        self._entries: dict[str, Entry] = {entry.name: entry for entry in plan.members}
        self.sizes: Mapping[str, int] = {entry.name: entry.size for entry in plan.members}

    def open(self, name: str) -> MemberFile:
        entry = self._entries[name]
        reader = entry.source.open()
        if isinstance(reader, io.IOBase) and reader.seekable():
            return reader
        reader.close()
        import tempfile  # slow to import, and needed for a caller's own sources, which only go forward

        file = tempfile.SpooledTemporaryFile(max_size=_HELD_SIZE)  # noqa: SIM115 - who reads it closes it
        for chunk in entry.chunks():
            file.write(chunk)
        file.seek(0)
        return file


class _Unreadable:
    """What cannot be opened, for the rule that says why."""

    sizes: Mapping[str, int] = {}

    def __init__(self, error: ArchiveError) -> None:
        self.problems: Sequence[Issue] = (
            Issue(code=error.code, argument=error.member or "", message=error.message),
        )

    def open(self, name: str) -> MemberFile:
        raise KeyError(name)
