"""Rules on model-config.yaml, which the front end and the worker read apart; needs PyYAML, as the worker does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from marpack.checks.frame.contents import LONGEST_YAML
from marpack.checks.frame.subject import Subject
from marpack.config.rules import model_config as theirs
from marpack.config.rules import model_config_readers as readers
from marpack.config.rules.model_config_text import ModelConfigText
from marpack.config.text.plain_copy import SIZE_LIMIT, is_int
from marpack.errors import MissingExtraError
from marpack.findings import Finding
from marpack.frozen import frozen_in_order
from marpack.rule import Rule, rule, rules_in

# What the archiver's documentation calls the file; any other name does as well.
CONFIG_NAME = "model-config.yaml"

# The bytes that go on with a character of UTF-8.
_CONTINUED = bytes(range(0x80, 0xC0))

# Sections that nobody but a handler reads: what their type does there, only it knows.
_HANDLERS_OWN = frozenset({"handler", "pippy", "deepspeed", "dali", "micro_batching"})


@frozen_in_order
class _Config:
    """A file and what is wrong with it; ``name`` is the member, ``text`` None where it was not looked into."""

    name: str
    text: ModelConfigText | None
    findings: Sequence[Finding] = ()


def _config(subject: Subject) -> _Config | None:
    name = subject.file("configFile")
    if name is None:
        return None
    if _is_too_long(subject, name):
        message, effect = f"the file has more than {SIZE_LIMIT:,} characters", "it ignores the whole file"
        fix = "put large data into a file of its own"
        found = readers.find_size.finding(message=message, effect=effect, fix=fix)
        return _Config(name, ModelConfigText(), [found])
    data = subject.read(name, longest=LONGEST_YAML)
    if data is None:
        return None
    try:
        text = ModelConfigText.read(data)
    except MissingExtraError:
        return _Config(name, None)
    return _Config(name, text, theirs.find_all(text))


def _is_too_long(subject: Subject, name: str) -> bool:
    """Tell whether a file has more characters than the front end takes, of up to four bytes each."""
    size = subject.names.get(name, 0)
    if not SIZE_LIMIT < size <= 4 * SIZE_LIMIT:
        return size > SIZE_LIMIT
    with subject.contents.open(name) as file:
        parts = iter(lambda: file.read(1 << 20), b"")
        return sum(len(part.translate(None, _CONTINUED)) for part in parts) > SIZE_LIMIT


def config_values(subject: Subject) -> Mapping[str, Any] | None:
    """Return what a handler finds in ``context.model_yaml_config``, None where that is not known."""
    if "configFile" not in subject.model:
        return {}
    config = subject.once(_config)
    document = config.text.document if config is not None and config.text is not None else None
    return document if isinstance(document, dict) else None


def _taken(
    found_by: Rule[Subject], subject: Subject, *rules: Rule[ModelConfigText], as_severe: bool = False
) -> Iterator[Finding]:
    """Yield what rules of marpack.config find as findings of a rule of check, and ``as_severe`` as they say."""
    config = subject.once(_config)
    if config is None:
        return
    for found in config.findings:
        if any(found.code == each.code for each in rules):
            severity = found.severity if as_severe else found_by.severity
            yield replace(found, code=found_by.code, severity=severity, file=None, member=config.name)


@rule("config-unread", "note", kind="model")
def find_unread(subject: Subject) -> Iterator[Finding]:
    """Install PyYAML to have model-config.yaml looked into.

    The other rules on it find nothing then. ``pip install 'marpack[yaml]'`` installs it.
    """
    config = subject.once(_config)
    if config is not None and config.text is None:
        message, fix = "it was not looked into: PyYAML is not installed", "pip install 'marpack[yaml]'"
        yield find_unread.finding(message=message, fix=fix, member=config.name)


@rule("config-not-named", "warning", kind="model")
def find_not_named(subject: Subject) -> Iterator[Finding]:
    """Name the configuration in the manifest.

    The server and the worker read the file that ``configFile`` names, and no other [server].
    """
    if subject.model and "configFile" not in subject.model and CONFIG_NAME in subject.names:
        message, effect = "the manifest does not name it as configFile", "it does not read it"
        fix = "pack it as the configuration (--config-file, config_file=)"
        yield find_not_named.finding(message=message, fix=fix, effect=effect, member=CONFIG_NAME)


@rule("config-syntax", "error", kind="model")
def find_syntax(subject: Subject) -> Iterator[Finding]:
    """Write the configuration as one YAML document, in UTF-8.

    The worker dies when it reads what PyYAML does not take. The front end logs an error and goes on as if there
    were no file; or it takes the file, as it does with a tab at the end of a line [server].
    """
    yield from _taken(find_syntax, subject, theirs.find_syntax, theirs.find_encoding)


@rule("config-document", "error", kind="model")
def find_document(subject: Subject) -> Iterator[Finding]:
    """Write a mapping, whose keys are strings, as the configuration.

    The front end expects nothing else, not an empty file either: it answers a registration with 500, and ends if
    it loads the archive as it starts. ``on:``, ``yes:`` and ``1:`` are no strings to YAML; below a handler's
    section both readers take them [server].
    """
    yield from _taken(find_document, subject, theirs.find_document, theirs.find_keys)


@rule("config-type", "error", kind="model")
def find_types(subject: Subject) -> Iterator[Finding]:
    """Give settings the type that the front end expects, and words that it knows.

    Where they have another it logs a warning and takes the default: ``"4"`` in quotes, ``4.0`` and ``null`` are no
    whole numbers, ``1`` and ``"true"`` are not true. Sections that a handler reads itself are warnings [server].
    """
    for found in _taken(find_types, subject, theirs.find_types, theirs.find_choices):
        section = found.key.partition(".")[0]
        yield replace(found, severity="warning") if section == "pt2" or section in _HANDLERS_OWN else found


@rule("config-range", "warning", kind="model")
def find_ranges(subject: Subject) -> Iterator[Finding]:
    """Give numbers that the front end takes as they are.

    It raises others, drops them, or takes them for not set, and ignores a file that is too large or nested too
    deeply. ``minWorkers`` and ``maxWorkers`` count only as a pair, the second no less than the first [server].
    """
    of_all = readers.find_size, readers.find_depth, theirs.find_values
    yield from _taken(find_ranges, subject, theirs.find_ranges, theirs.find_half_pairs, *of_all)


@rule("config-front-end", "warning", kind="model")
def find_front_end(subject: Subject) -> Iterator[Finding]:
    r"""Write nothing that only the worker can read.

    The front end reads with SnakeYAML 2.1, which knows no ``\/`` in double quotes, as JSON has it, and takes no
    more than 50 aliases of lists and mappings. It ignores the file then, and the worker takes it; a note where the
    file has nothing for the front end. It ends when it loads the archive as it starts (an error) of a key at the
    top that is a number to SnakeYAML alone (``1e5:``), and of what Java cannot read as its tag says
    (``!!int 0o17``) [server].
    """
    yield from _taken(find_front_end, subject, readers.find_front_end, as_severe=True)


@rule("config-number", "warning", kind="model")
def find_numbers(subject: Subject) -> Iterator[Finding]:
    """Write numbers for the handler as YAML 1.1 has them: a point, and a sign in front of the exponent.

    The worker reads with PyYAML, to which ``1e-5``, ``1e5``, ``-.5`` and ``0o17`` are texts. The other way round,
    ``12:30`` is the number 750 and ``0123`` is 83, of which notes tell [server].
    """
    yield from _taken(find_numbers, subject, readers.find_numbers, as_severe=True)


@rule("config-duplicate-key", "warning", kind="model")
def find_duplicate_keys(subject: Subject) -> Iterator[Finding]:
    """Give each key of the configuration once.

    The server and the worker take the last of several [server].
    """
    yield from _taken(find_duplicate_keys, subject, readers.find_duplicate_keys)


@rule("config-effect", "warning", kind="model")
def find_no_effect(subject: Subject) -> Iterator[Finding]:
    """Give the settings that others need to do anything: of sequences, and of torchrun.

    ``torchrun`` counts only with ``parallelType`` ``pp``, ``tp`` or ``pptp``, ``parallelLevel`` only with some
    ``parallelType``; sequences need ``sequenceMaxIdleMSec`` [server].
    """
    rules = theirs.find_parallel, theirs.find_sequences, theirs.find_torchrun_keys
    for found in _taken(find_no_effect, subject, *rules):
        if not _never_starts(subject, found):
            yield found


@rule("config-torchrun", "error", kind="model")
def find_no_torchrun(subject: Subject) -> Iterator[Finding]:
    """Give ``torchrun`` where ``parallelType`` is ``pp``, ``tp`` or ``pptp``.

    The front end looks for it to start a worker, follows a null pointer, and tries again for ever [server].
    """
    for found in _taken(find_no_torchrun, subject, theirs.find_parallel):
        if _never_starts(subject, found):
            yield found


def _never_starts(subject: Subject, found: Finding) -> bool:
    """Tell whether a finding on ``parallelType`` is that no worker starts."""
    config = subject.once(_config)
    settings = config.text.settings if config and config.text else {}
    kind, level = settings.get("parallelType"), settings.get("parallelLevel")
    return (
        found.key == "parallelType"
        and isinstance(kind, str)
        and kind.lower() in ("pp", "tp", "pptp")
        and is_int(level)
        and level > 0
        and "torchrun" not in settings
    )


@rule("config-misspelt-key", "warning", kind="model")
def find_misspelt_keys(subject: Subject) -> Iterator[Finding]:
    """Write the front end's keys in their own spelling.

    The front end ignores keys that it does not know, for handlers have their own; ``BatchSize`` is one that even
    TorchServe's own examples have [server].
    """
    yield from _taken(find_misspelt_keys, subject, theirs.find_misspelt_keys)


@rule("config-pt2", "error", kind="model")
def find_pt2(subject: Subject) -> Iterator[Finding]:
    """Write a ``pt2`` section that ``BaseHandler`` can read.

    A ``pt2`` is the name of a back end, or a mapping; ``compile`` in it must say ``enable``. Anything else is an
    exception that ends the worker. A handler that is surely none of ``BaseHandler``'s may read it as it likes;
    where nobody can tell, it is a warning [server].
    """
    loads = subject.worker.loads_model
    if loads is False:
        return
    for found in _taken(find_pt2, subject, theirs.find_pt2):
        yield replace(found, severity="error" if loads else "warning")


@rule("config-timeouts", "note", kind="model")
def find_timeouts(subject: Subject) -> Iterator[Finding]:
    """State both timeouts where there is a configuration.

    As soon as there is a file, the front end sets both to 120 seconds unless it says otherwise; what the server's
    settings, the ``models`` property or the request say no longer counts [server].
    """
    config = subject.once(_config)
    if config is None or config.text is None or not config.text.lines:
        return
    missing = [key for key in ("responseTimeout", "startupTimeout") if key not in config.text.mapping]
    if missing and isinstance(config.text.document, dict):
        message, fix = (
            f"it does not say {' and '.join(missing)}",
            "say them: 120, or what the server's settings say",
        )
        effect = "it takes 120 s, whatever its own settings say"
        yield find_timeouts.finding(message=message, fix=fix, effect=effect, key=missing[0], member=config.name)


RULES = rules_in(globals())
