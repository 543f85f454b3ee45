"""What a server makes of model-config.yaml: what it ignores or changes, and what ends a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marpack.config.rules import model_config_readers
from marpack.config.rules import model_config_text as known
from marpack.config.rules.model_config_readers import find_depth, find_front_end, find_size
from marpack.config.rules.model_config_text import ModelConfigText
from marpack.config.rules.near import nearest_key
from marpack.config.text.plain_copy import INT_RANGE, Fault, is_int, path_of
from marpack.display import brief_repr, type_name
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# How alike two keys must be for one to be a slip of the other; any lower, and max_batch_size is one of batchSize.
_CLOSE = 0.87

_IGNORES = "it ignores it, and takes the default"
_IGNORES_LIST = "it ignores the whole list"
_STARTS = "it ends when it starts"
_WORKER_DIES = "the code that reads it fails, and the worker with it"

# What to do about a value that cannot be copied.
_FIXES: Mapping[Fault, str] = {
    "value": "use str, int, float, bool, None, dates, bytes, lists, mappings and sets",
    "text": "decode it with the right encoding; in YAML write the character itself, not two halves",
    "number": "write it as a string",
}

# What to do about what PyYAML says.
_SYNTAX_FIXES = {
    r"found character '\t'": "write blanks in place of the tab",
    "scanning an anchor": "name anchors with ASCII letters and digits, '-' and '_'",
    "scanning an alias": "name anchors with ASCII letters and digits, '-' and '_'",
    "tag:yaml.org,2002:value": "quote the '='",
    "found duplicate anchor": "give each anchor a name of its own",
    "unhashable key": "let keys be texts, numbers, truth values or dates",
    "not what it looks like": "write it as YAML has it, or quote it where text is meant",
}


@rule("model-config-syntax", "error")
def find_syntax(config: ModelConfigText) -> Iterator[Finding]:
    """Write one YAML document.

    The worker dies when it reads what is none to PyYAML. The front end ignores what is none to SnakeYAML, which
    takes a little more: a tab at the end of a line, names of anchors that are not ASCII.
    """
    if (error := config.error) is not None and error.fault == "syntax":
        effect, fix = "the worker dies when it reads it", _syntax_fix(error.msg)
        yield find_syntax.finding(error.msg, effect=effect, fix=fix, line=error.line)


def _syntax_fix(message: str) -> str:
    return next((fix for part, fix in _SYNTAX_FIXES.items() if part in message), "write one YAML document")


@rule("model-config-encoding", "error")
def find_encoding(config: ModelConfigText) -> Iterator[Finding]:
    """Save the file as UTF-8. The worker dies when it reads another encoding."""
    if (error := config.error) is not None and error.fault == "encoding":
        effect, fix = "the worker dies when it reads it", "save it as UTF-8"
        yield find_encoding.finding(error.msg, effect=effect, fix=fix, line=error.line)


@rule("model-config-document", "error")
def find_document(config: ModelConfigText) -> Iterator[Finding]:
    """Write a mapping, or leave the file out.

    The server ends when it starts with anything else, an empty file too.
    """
    if (error := config.error) is not None and error.fault == "empty":
        fix = "write {}, or leave the file out"
        yield find_document.finding(error.msg, effect=_STARTS, fix=fix, line=error.line)
    if not isinstance(config.document, Mapping):
        message = f"the whole is {type_name(config.document)}, not a mapping"
        yield find_document.finding(message, effect=_STARTS, fix="write 'key: value' lines, or leave the file out")


@rule("model-config-key", "error")
def find_keys(config: ModelConfigText) -> Iterator[Finding]:
    """Let keys be strings.

    The server ends when it starts with others at the top or in ``torchrun``; below other keys, numbers, truth
    values and dates will do.
    """
    for key in config.mapping:
        if not isinstance(key, str):
            message = f"the key {brief_repr(key, 40)} is {type_name(key)}, not a string"
            fix = "quote it in YAML, where on, off, yes, no and numbers are not strings; in Python give a str"
            yield find_keys.finding(message, path_of("", key), effect=_STARTS, fix=fix)
    for key in config.torchrun:
        if isinstance(key, str):
            continue
        message = f"the key {brief_repr(key, 40)} is {type_name(key)}, not a string"
        fix = f"write one of {', '.join(known.TORCHRUN_KEYS)}"
        yield find_keys.finding(message, path_of("torchrun", key), effect=_STARTS, fix=fix)
    for _, path, message in config.not_copied("key"):
        yield find_keys.finding(message, path, fix="make it a string")


@rule("model-config-misspelt-key", "warning")
def find_misspelt_keys(config: ModelConfigText) -> Iterator[Finding]:
    """Write the front end's keys in their own spelling.

    It ignores keys that it does not know, for handlers have their own; one that looks like one of its keys is
    taken for a slip.
    """
    for key in config.settings:
        if key not in known.KEYS and (nearest := nearest_key(key, known.KEYS, likeness=_CLOSE)):
            message = f"the server does not know this key; {nearest!r} is meant, by its looks"
            fix = f"write {nearest!r}, or put a key of your own below 'handler'"
            yield find_misspelt_keys.finding(message, key, effect="it ignores it", fix=fix)


def _wrong_type(key: str, value: object, wanted: str, effect: str = _IGNORES) -> Finding:
    message = f"it is {type_name(value, 'a mapping')}, not {wanted}"
    return find_types.finding(message, key, effect=effect, fix=f"write {wanted}")


@rule("model-config-type", "error")
def find_types(config: ModelConfigText) -> Iterator[Finding]:
    """Give settings the type that the front end, or what reads them, expects.

    The front end ignores another, with a line in its log; ``"4"``, ``4.0`` and null are no whole numbers. What
    reads a section that is no mapping fails, and the worker with it.
    """
    settings = config.settings
    for path, value, _, _ in config.numbers:
        if not is_int(value):
            yield _wrong_type(path, value, "a whole number")
    for key in known.FLAGS:
        if not isinstance(settings.get(key, True), bool):
            yield _wrong_type(key, settings[key], "true or false")
    for key in known.CHOICES:
        if not isinstance(settings.get(key, ""), str):
            yield _wrong_type(key, settings[key], "a string")
    for key in sorted(known.MAPPINGS & settings.keys()):
        if not isinstance(settings[key], Mapping):
            yield _wrong_type(key, settings[key], "a mapping", _IGNORES if key == "torchrun" else _WORKER_DIES)
    if not isinstance(settings.get("deviceIds", []), (list, tuple)):
        yield _wrong_type("deviceIds", settings["deviceIds"], "a list of whole numbers")
    for path, value in config.devices:
        if not is_int(value):
            yield _wrong_type(path, value, "a whole number", _IGNORES_LIST)
    for key in known.TORCHRUN_TEXTS:
        if not isinstance(config.torchrun.get(key, ""), str):
            yield _wrong_type(path_of("torchrun", key), config.torchrun[key], "a string")
    compiled = _compile(config)
    if compiled.get("enable", True) not in (True, False):
        yield _wrong_type("pt2.compile.enable", compiled["enable"], "true or false", "nothing is compiled")


@rule("model-config-range", "warning")
def find_ranges(config: ModelConfigText) -> Iterator[Finding]:
    """Give numbers that the front end takes as they are. Others it raises, ignores, or takes for not set."""
    for path, value, lowest, below in config.numbers:
        if not is_int(value):
            continue
        if int(value) not in INT_RANGE:  # of an enum, a range would try every number
            message, fix = f"{brief_repr(value, 40)} does not fit 32 bits", f"write {lowest} to {INT_RANGE[-1]}"
            yield find_ranges.finding(message, path, effect=_IGNORES, fix=fix)
        elif value < lowest:
            message, fix = f"{value} is below {lowest}", f"write {lowest} or more, or leave it out"
            yield find_ranges.finding(message, path, effect=below, fix=fix)
    for path, value in config.devices:
        if is_int(value) and not 0 <= value <= INT_RANGE[-1]:
            message, fix = f"{brief_repr(value, 40)} is no device", "write the GPUs' numbers, from 0"
            yield find_ranges.finding(message, path, effect=_IGNORES_LIST, fix=fix)


@rule("model-config-choice", "error")
def find_choices(config: ModelConfigText) -> Iterator[Finding]:
    """Choose a ``deviceType`` and a ``parallelType`` that there are. The front end ignores others."""
    for key, choices in known.CHOICES.items():
        value = config.settings.get(key, choices[0])
        if isinstance(value, str) and value.lower() not in choices:
            message = f"{brief_repr(value, 40)} is not known"
            fix = f"write one of {', '.join(filter(None, choices))}"
            yield find_choices.finding(message, key, effect=_IGNORES, fix=fix)


@rule("model-config-worker-pair", "warning")
def find_half_pairs(config: ModelConfigText) -> Iterator[Finding]:
    """Give ``minWorkers`` and ``maxWorkers`` together, the second as large as the first at least.

    The front end heeds them as a pair only.
    """
    pair = {key: config.settings[key] for key in ("minWorkers", "maxWorkers") if key in config.settings}
    if len(pair) == 1:
        [given] = pair
        other = "maxWorkers" if given == "minWorkers" else "minWorkers"
        message, fix = f"{given!r} is given without {other!r}", "give both or none"
        yield find_half_pairs.finding(message, given, effect="it ignores it", fix=fix)
    elif pair and all(map(is_int, pair.values())) and pair["minWorkers"] > pair["maxWorkers"]:
        low, high = (brief_repr(value, 40) for value in pair.values())
        message, fix = f"'minWorkers' is {low} and 'maxWorkers' {high}", "make 'maxWorkers' as large at least"
        yield find_half_pairs.finding(message, "minWorkers", effect="it ignores both", fix=fix)


@rule("model-config-unknown-torchrun-key", "warning")
def find_torchrun_keys(config: ModelConfigText) -> Iterator[Finding]:
    """Write into ``torchrun`` what the front end hands on. It does nothing with other keys."""
    for key in config.torchrun:
        if isinstance(key, str) and key not in known.TORCHRUN_KEYS:
            nearest = nearest_key(key, known.TORCHRUN_KEYS, likeness=_CLOSE)
            message = "the server does not hand this to torchrun"
            fix = f"write {nearest!r}" if nearest else f"leave it out; known are {', '.join(known.TORCHRUN_KEYS)}"
            yield find_torchrun_keys.finding(message, path_of("torchrun", key), fix=fix)


@rule("model-config-parallel", "warning")
def find_parallel(config: ModelConfigText) -> Iterator[Finding]:
    """Give ``parallelType`` what it needs: ``torchrun`` with ``pp``, ``tp`` or ``pptp``, else ``parallelLevel``.

    Without it neither of them has an effect; with ``pp``, ``tp`` or ``pptp``, a ``parallelLevel`` and no
    ``torchrun`` no worker ever starts (an error).
    """
    kind, level, torchrun = (config.settings.get(key) for key in ("parallelType", "parallelLevel", "torchrun"))
    if not isinstance(kind, (str, type(None))) or not isinstance(torchrun, (Mapping, type(None))):
        return
    if level is not None and not is_int(level):
        return
    kind = (kind or "").lower()

    def found(key: str, message: str, *, effect: str, fix: str, severity: Severity = "warning") -> Finding:
        return find_parallel.finding(message, key, effect=effect, fix=fix, severity=severity)

    nothing = "it does nothing with it"
    if torchrun is not None:
        processes = torchrun.get("nproc-per-node", 1)
        if kind not in known.BY_TORCHRUN:
            message = f"'torchrun' is used only where 'parallelType' is one of {', '.join(known.BY_TORCHRUN)}"
            yield found("torchrun", message, effect=nothing, fix="give that, or leave 'torchrun' out")
        if level is not None and is_int(processes) and level != processes:
            one, other = brief_repr(level, 40), brief_repr(processes, 40)
            message = f"{one} contradicts the {other} of torchrun.nproc-per-node"
            yield found("parallelLevel", message, effect="it takes one of them", fix="leave it out")
    elif kind in known.BY_TORCHRUN:
        message = f"{kind!r} works through torchrun, and there is no such section"
        fix = "give torchrun: {nproc-per-node: ...}, or take 'custom'"
        if level and level > 0:
            effect = "no worker ever starts: NullPointerException"
            yield found("parallelType", message, effect=effect, fix=fix, severity="error")
        else:
            yield found("parallelType", message, effect=nothing, fix=fix)
    elif kind == "custom" and not level:
        message = "'custom' is used only with 'parallelLevel'"
        fix = "give the number of devices a worker as 'parallelLevel'"
        yield found("parallelType", message, effect=nothing, fix=fix)
    elif not kind and level:
        message = "it is used only with 'parallelType'"
        yield found("parallelLevel", message, effect=nothing, fix="give 'parallelType' too")


@rule("model-config-sequence", "warning")
def find_sequences(config: ModelConfigText) -> Iterator[Finding]:
    """Give ``sequenceMaxIdleMSec`` where anything else about sequences is set.

    Without it the server keeps none: the rest has no effect, and with ``sequenceBatching`` requests fail.
    """
    idle = config.settings.get("sequenceMaxIdleMSec", 0)
    for key in known.NEED_IDLE_TIME if is_int(idle) and idle <= 0 else ():
        value = config.settings.get(key)
        if value is True if key == "sequenceBatching" else is_int(value) and value > 0:
            message = "without 'sequenceMaxIdleMSec' the server keeps no sequences"
            effect = "requests fail" if key == "sequenceBatching" else "it has no effect"
            yield find_sequences.finding(
                message, key, effect=effect, fix="give 'sequenceMaxIdleMSec', 1 ms or more"
            )


def _compile(config: ModelConfigText) -> Mapping[Any, Any]:
    """Return the options that the model is compiled with."""
    pt2 = config.settings.get("pt2")
    options = pt2.get("compile") if isinstance(pt2, Mapping) else None
    return options if isinstance(options, Mapping) else {}


@rule("model-config-pt2", "error")
def find_pt2(config: ModelConfigText) -> Iterator[Finding]:
    """Write as ``pt2`` the name of a back end, or a mapping whose ``compile``, if any, says ``enable``.

    ``BaseHandler`` fails at anything else, and the worker with it.
    """
    pt2, fix = config.settings.get("pt2", {}), "write {compile: {enable: true, backend: inductor}}"
    if not isinstance(pt2, (str, Mapping)):
        message = f"it is {type_name(pt2)}, not a mapping or the name of a back end"
        yield find_pt2.finding(message, "pt2", effect=_WORKER_DIES, fix=fix)
    elif isinstance(pt2, Mapping) and "compile" in pt2 and "enable" not in _compile(config):
        message = "it needs the key 'enable'"
        yield find_pt2.finding(message, "pt2.compile", effect=_WORKER_DIES, fix=fix)


@rule("model-config-value", "error")
def find_values(config: ModelConfigText) -> Iterator[Finding]:
    r"""Use strings, numbers, truth values, null, dates, bytes, lists, mappings and sets.

    Nothing else can be written, nor text that is not valid Unicode, nor integers of thousands of digits. Of
    ``"\ud83d\ude00"``, as JSON has it, PyYAML makes two halves of a character, and the handler gets them.
    """
    for fault, path, message in config.not_copied(*_FIXES):
        yield find_values.finding(message, path, fix=_FIXES[fault])


RULES = (*rules_in(globals()), *model_config_readers.RULES)

# What keeps a file from being read at all, by the server or here.
UNREADABLE = frozenset(
    each.code
    for each in (
        find_syntax,
        find_encoding,
        find_document,
        find_keys,
        find_values,
        find_front_end,
        find_size,
        find_depth,
    )
)


def find_all(config: ModelConfigText) -> tuple[Finding, ...]:
    """Return everything that is wrong with a configuration."""
    return tuple(found for each in RULES for found in each.findings(config))
