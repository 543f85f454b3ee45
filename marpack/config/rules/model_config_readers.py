"""Where the readers of a model-config.yaml part: the front end's, the worker's, and who thinks of YAML 1.2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marpack.config.rules.model_config_text import FRONT_END_KEYS, ModelConfigText
from marpack.config.text.plain_copy import DEPTH_LIMIT, SIZE_LIMIT
from marpack.display import brief_repr
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

if TYPE_CHECKING:
    from marpack.config.text.yaml_nodes import Matter, Place

_IGNORES_FILE = "it ignores the whole file"
_STARTS = "it ends when it starts"

# SnakeYAML's LoaderOptions, which the server leaves as they are.
_ALIAS_LIMIT = 50
_MOST_BITS = 2000


def _places(config: ModelConfigText, *matters: Matter) -> Iterator[Place]:
    return (each for each in (config.looks.places if config.looks else ()) if each.matter in matters)


@rule("model-config-front-end", "warning")
def find_front_end(config: ModelConfigText) -> Iterator[Finding]:
    r"""Write nothing that only the worker can read.

    The front end reads with SnakeYAML, which knows no ``\/`` in double quotes, as JSON has it, nor a tab behind a
    backslash, and takes no more than 50 aliases of lists and mappings. It ignores the file then, and the worker,
    which reads with PyYAML, takes it: a note where the file has nothing for the front end. The server ends when it
    starts (an error) of a key at the top, or in ``torchrun``, that is a number to SnakeYAML alone (``1e5:``), and
    of what Java cannot read as its tag says (``!!int 0o17``, ``!!float inf``, ``!!binary abc``), or as the number
    that SnakeYAML takes it for (``._``).
    """
    taken = config.settings.keys() & FRONT_END_KEYS
    severity: Severity = "warning" if taken else "note"
    for place in _places(config, "escape"):
        what = "a tab behind a backslash" if place.text == "\\\t" else f"{place.text} in double quotes"
        message, fix = f"{what} is not known to the front end's reader", f"write {place.text[1:]!r} alone"
        if place.text == "\\\t":
            fix = "write \\t"
        yield find_front_end.finding(
            message, place.path, effect=_IGNORES_FILE, fix=fix, line=place.line, severity=severity
        )
    if config.looks is not None and config.looks.aliases > _ALIAS_LIMIT:
        message = f"{config.looks.aliases:,} aliases stand for lists or mappings, and it takes {_ALIAS_LIMIT}"
        fix = "write them out, or let the handler put the parts together"
        yield find_front_end.finding(message, effect=_IGNORES_FILE, fix=fix, severity=severity)
    for place in _places(config, "tag", "number-key", "no-digit"):
        message = f"{brief_repr(place.text, 40)} is a number to the front end, and a key must be a string"
        effect, fix = f"{_STARTS}: ClassCastException", "quote it"
        if place.matter == "tag":
            message = f"Java cannot read {brief_repr(place.text, 40)} as its tag says"
            effect, fix = f"{_STARTS}: Invalid configuration", "write the value plainly, without a tag"
        elif place.matter == "no-digit":
            message = f"the front end takes {brief_repr(place.text, 40)} for a number, and cannot read it"
            effect = f"{_STARTS}: Invalid configuration: For input string"
        yield find_front_end.finding(
            message, place.path, effect=effect, fix=fix, line=place.line, severity="error"
        )


@rule("model-config-number", "warning")
def find_numbers(config: ModelConfigText) -> Iterator[Finding]:
    """Write numbers for handlers as YAML 1.1 has them: a point, and a sign in front of the exponent.

    The worker reads with PyYAML. ``1e-5``, ``1e5``, ``1.0e5``, ``-.5`` and ``0o17`` are numbers in YAML 1.2, most
    of them to the front end too, and the handler gets them as text. The other way round, ``12:30`` is the number
    750 and ``0123`` is 83 (notes).
    """
    keys = {place.path for place in _places(config, "number-key")}
    for place in _places(config, "text", "other-number"):
        if place.top in FRONT_END_KEYS or place.path in keys:
            continue
        if place.matter == "text":
            message = f"{brief_repr(place.text, 40)} is text to the worker, not a number"
            effect = f"the handler gets the string {brief_repr(place.text, 40)}"
            fix = f"write {_as_number(place.text)}, or quote it where text is meant"
            yield find_numbers.finding(message, place.path, effect=effect, fix=fix, line=place.line)
        else:
            base = "60" if ":" in place.text else "8"
            message = f"{brief_repr(place.text, 40)} is a number to the base of {base}"
            effect = f"the handler gets {brief_repr(place.value, 40)}"
            fix = f"write {brief_repr(place.value, 40)}, or quote it where text is meant"
            yield find_numbers.finding(
                message, place.path, effect=effect, fix=fix, line=place.line, severity="note"
            )


def _as_number(text: str) -> str:
    """Return how YAML 1.1 writes a number of YAML 1.2."""
    if text.startswith("0o"):
        number = int(text, 8)
        # Python writes no number of thousands of digits, but to another base.
        return str(number) if number.bit_length() < _MOST_BITS else "it to the base of 16 (0x...)"
    sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("", text)
    mantissa, mark, exponent = digits.lower().partition("e")
    if mantissa.startswith("."):
        mantissa = f"0{mantissa}"
    if "." not in mantissa:
        mantissa += ".0"
    return f"{sign}{mantissa}{mark}{exponent if not mark or exponent[0] in '+-' else f'+{exponent}'}"


@rule("model-config-duplicate-key", "warning")
def find_duplicate_keys(config: ModelConfigText) -> Iterator[Finding]:
    """Give each key once. The server and the worker take the last of several; YAML 1.2 allows no more than one."""
    for place in _places(config, "twice"):
        message, fix = f"the key {brief_repr(place.text, 40)} is given twice", "keep one"
        yield find_duplicate_keys.finding(
            message, place.path, effect="it takes the last one", fix=fix, line=place.line
        )


@rule("model-config-size", "warning")
def find_size(config: ModelConfigText) -> Iterator[Finding]:
    """Keep the file below 3 Mi characters. The front end ignores a larger one, as SnakeYAML's limits have it."""
    fix = "put large data into a file of its own (extra_files)"
    if config.looks is None:
        for _, path, message in config.not_copied("size"):
            yield find_size.finding(message, path, effect=_IGNORES_FILE, fix=fix)
    elif config.looks.length > SIZE_LIMIT:
        message = f"the file has {config.looks.length:,} characters, and it reads {SIZE_LIMIT:,}"
        yield find_size.finding(message, effect=_IGNORES_FILE, fix=fix)


@rule("model-config-depth", "warning")
def find_depth(config: ModelConfigText) -> Iterator[Finding]:
    """Nest no deeper than 50 levels. The front end ignores a deeper file, as SnakeYAML's limits have it."""
    fix = "flatten it, or put it into a file of its own"
    if config.looks is None:
        for _, path, message in config.not_copied("depth"):
            yield find_depth.finding(message, path, effect=_IGNORES_FILE, fix=fix)
    elif config.looks.levels > DEPTH_LIMIT:
        message = f"nested deeper than {DEPTH_LIMIT}"
        yield find_depth.finding(message, effect=_IGNORES_FILE, fix=fix)


def is_ignored(config: ModelConfigText) -> bool:
    """Tell whether the front end goes on as if there were no such file, which PyYAML can read."""
    rules = (find_front_end, find_size, find_depth)
    return any(found.effect == _IGNORES_FILE for each in rules for found in each.findings(config))


RULES = rules_in(globals())
