"""Rules on model-config.yaml, which the front end and the worker read apart; needs PyYAML, as the worker does."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from marpack.checks.frame.contents import LONGEST_YAML
from marpack.checks.frame.rule import Problem, rule
from marpack.config.rules.model_config import check, not_a_mapping
from marpack.config.text import yaml_text
from marpack.config.text.plain_copy import SIZE_LIMIT
from marpack.errors import ConfigError, MissingExtraError
from marpack.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from marpack.checks.frame.subject import Subject

__all__ = ["CONFIG_NAME"]

# What the archiver's documentation calls the file; any other name does as well.
CONFIG_NAME = "model-config.yaml"

# Sections that nobody but a handler reads: what their type does there, only it knows.
_HANDLERS_OWN = frozenset({"handler", "pippy", "deepspeed", "dali", "micro_batching"})

_DIES = "it ignores the settings, and the worker dies when it reads the file"


@dataclass(frozen=True, slots=True)
class _Config:
    """What was found in a file: ``name`` is the member; ``document`` is there when it is a mapping."""

    name: str
    findings: tuple[Finding, ...] = ()
    document: Mapping[object, object] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    unread: bool = False

    def line(self, key: str) -> int | None:
        """Return the line of a key, or of the nearest one above it that has one."""
        while key not in self.lines:
            if not key:
                return None
            key = key.rpartition(".")[0]
        return self.lines[key]


def _config(subject: Subject) -> _Config | None:
    return subject.once(_read)


def _read(subject: Subject) -> _Config | None:
    name = None if subject.is_workflow else subject.role("configFile")
    name = None if name is None else posixpath.normpath(name)
    if name is None:
        return None
    size, most = subject.names.get(name, 0), SIZE_LIMIT
    if size > most:
        message = f"the file has {size:,} bytes: the server ignores one of more than {most:,}"
        fix = "put large data into a file of its own"
        return _Config(name, (Finding.warning("model-config-size", "", message, fix),))
    data = subject.read(name, longest=LONGEST_YAML)
    if data is None:
        return None
    try:
        document, lines = yaml_text.parse(data, None)
    except ConfigError as error:
        return _Config(name, error.findings)
    except MissingExtraError:
        return _Config(name, unread=True)
    if not isinstance(document, dict):
        return _Config(name, (not_a_mapping(document),), lines=lines)
    _, findings = check(document)
    return _Config(name, tuple(findings), document, lines)


def _problems(subject: Subject, codes: Collection[str], effect: str = "") -> Iterator[Problem]:
    """Turn what marpack.config finds, under its own codes, into what these rules find."""
    config = _config(subject)
    for finding in [] if config is None else config.findings:
        if finding.code.removeprefix("model-config-") in codes:
            yield Problem(
                message=finding.message,
                fix=finding.fix,
                effect=effect,
                key=finding.key,
                member=config.name if config else None,
                line=finding.line or (config.line(finding.key) if config else None),
            )


@rule("config-unread", "note")
def find_unread(subject: Subject) -> Iterator[Problem]:
    """Install PyYAML to have model-config.yaml looked into.

    The other rules on it find nothing then. ``pip install 'marpack[yaml]'`` installs it.
    """
    config = _config(subject)
    if config is not None and config.unread:
        yield Problem(
            message="it was not looked into: PyYAML is not installed",
            fix="pip install 'marpack[yaml]'",
            effect="",
            member=config.name,
        )


@rule("config-not-named", "warning")
def find_not_named(subject: Subject) -> Iterator[Problem]:
    """Name the configuration in the manifest.

    The server and the worker read the file that ``configFile`` names, and no other [server].
    """
    if (
        not subject.is_workflow
        and subject.model
        and "configFile" not in subject.model
        and CONFIG_NAME in subject.names
    ):
        yield Problem(
            message="the manifest does not name it as configFile",
            fix="pack it as the configuration (--config-file, config_file=)",
            effect="it does not read it",
            member=CONFIG_NAME,
        )


@rule("config-syntax", "error")
def find_syntax(subject: Subject) -> Iterator[Problem]:
    """Write the configuration as one YAML document, in UTF-8.

    The front end logs an error and goes on as if there were no file; the worker dies when it reads the same
    [server].
    """
    yield from _problems(subject, ("syntax", "encoding"), _DIES)


@rule("config-document", "error")
def find_document(subject: Subject) -> Iterator[Problem]:
    """Write a mapping, whose keys are strings, as the configuration.

    The front end expects nothing else, not an empty file either: it answers a registration with 500, and ends if
    it loads the archive as it starts. ``on:``, ``yes:`` and ``1:`` are no strings to YAML [server].
    """
    yield from _problems(subject, ("document", "key"), "it ends when it loads this as it starts")


@rule("config-type", "error")
def find_types(subject: Subject) -> Iterator[Problem]:
    """Give settings the type that the front end expects, and words that it knows.

    Where they have another it logs a warning and takes the default: ``"4"`` in quotes, ``4.0`` and ``null`` are no
    whole numbers, ``1`` and ``"true"`` are not true. Sections that a handler reads itself are warnings [server].
    """
    for problem in _problems(subject, ("type", "choice"), "it takes the default"):
        section = problem.key.partition(".")[0]
        if section == "pt2" or section in _HANDLERS_OWN:
            yield Problem(
                message=problem.message,
                fix=problem.fix,
                effect="",
                key=problem.key,
                member=problem.member,
                line=problem.line,
                severity="warning",
            )
        else:
            yield problem


@rule("config-range", "warning")
def find_ranges(subject: Subject) -> Iterator[Problem]:
    """Give numbers that the front end takes as they are.

    It raises others, drops them, or takes them for not set, and ignores a file that is too large or nested too
    deeply. ``minWorkers`` and ``maxWorkers`` count only as a pair, the second as large as the first at least
    [server].
    """
    yield from _problems(subject, ("range", "worker-pair", "size", "depth", "value"))


@rule("config-effect", "warning")
def find_no_effect(subject: Subject) -> Iterator[Problem]:
    """Give the settings that others need to do anything: of sequences, and of torchrun.

    ``torchrun`` counts only with ``parallelType`` ``pp``, ``tp`` or ``pptp``, ``parallelLevel`` only with some
    ``parallelType``; sequences need ``sequenceMaxIdleMSec`` [server].
    """
    config = _config(subject)
    certain = config is not None and _never_starts(config)
    for problem in _problems(subject, ("parallel", "sequence", "unknown-torchrun-key")):
        if not (certain and problem.key == "parallelType"):
            yield problem


@rule("config-torchrun", "error")
def find_no_torchrun(subject: Subject) -> Iterator[Problem]:
    """Give ``torchrun`` where ``parallelType`` is ``pp``, ``tp`` or ``pptp``.

    The front end looks for the section when it starts a worker, follows a null pointer, and tries again for ever
    [server].
    """
    config = _config(subject)
    if config is not None and _never_starts(config):
        for problem in _problems(subject, ("parallel",), "no worker ever starts: NullPointerException"):
            if problem.key == "parallelType":
                yield problem


def _never_starts(config: _Config) -> bool:
    level = config.document.get("parallelLevel")
    kind = config.document.get("parallelType")
    return (
        isinstance(kind, str)
        and kind.lower() in ("pp", "tp", "pptp")
        and isinstance(level, int)
        and not isinstance(level, bool)
        and level > 0
        and "torchrun" not in config.document
    )


@rule("config-misspelt-key", "warning")
def find_misspelt_keys(subject: Subject) -> Iterator[Problem]:
    """Write the front end's keys in their own spelling.

    The front end ignores keys that it does not know, for handlers have their own; ``BatchSize`` is one that even
    TorchServe's own examples have [server].
    """
    yield from _problems(subject, ("misspelt-key",), "it ignores the key")


@rule("config-pt2", "error")
def find_pt2(subject: Subject) -> Iterator[Problem]:
    """Write a ``pt2`` section that ``BaseHandler`` can read.

    A ``pt2`` is the name of a back end, or a mapping; ``compile`` in it must say ``enable``. Anything else is an
    exception that ends the worker. A handler that is surely none of ``BaseHandler``'s may read it as it likes;
    where nobody can tell, it is a warning [server].
    """
    loads = subject.worker.loads_model
    if loads is False:
        return
    for problem in _problems(subject, ("pt2",)):
        yield Problem(
            message=problem.message,
            fix=problem.fix,
            effect="the worker dies",
            key=problem.key,
            member=problem.member,
            line=problem.line,
            severity="error" if loads else "warning",
        )


@rule("config-timeouts", "note")
def find_timeouts(subject: Subject) -> Iterator[Problem]:
    """State both timeouts where there is a configuration.

    As soon as there is a file, the front end sets both to 120 seconds unless it says otherwise; what the server's
    settings, the ``models`` property or the request say no longer counts [server].
    """
    config = _config(subject)
    if config is None or config.unread or not config.lines:
        return
    missing = [key for key in ("responseTimeout", "startupTimeout") if key not in config.document]
    if missing and not any(found.code == "model-config-document" for found in config.findings):
        yield Problem(
            message=f"it does not say {' and '.join(missing)}",
            fix="say them: 120, or what the server's settings say",
            effect="it takes 120 s, whatever its own settings say",
            key=missing[0],
            member=config.name,
        )
