"""What the front end's reader of YAML and the worker's take differently; tests/server judges the same table."""

from __future__ import annotations

from datetime import date
from typing import Literal, NamedTuple

import pytest

from marpack.config.model_config import ModelConfig, lint_model_config
from marpack.errors import ConfigError

HEAD = "minWorkers: 3\nmaxWorkers: 3\n"


class Row(NamedTuple):
    """A text, what each reader makes of it, and what is said: (code, severity, key)."""

    text: str
    front_end: Literal["reads", "ignores", "ends"]
    worker: Literal["reads", "dies"]
    said: tuple[tuple[str, str, str], ...] = ()


def aliases(number: int, collection: str = "{low: 0}", use: str = "*d") -> str:
    return f"{HEAD}handler:\n  d: &d {collection}\n" + "".join(f"  c{each}: {use}\n" for each in range(number))


def deep(levels: int) -> str:
    return HEAD + "handler: " + "{a: " * (levels - 1) + "1" + "}" * (levels - 1)


IGNORED = ("front-end", "warning", "handler.s")
ROWS = {
    "solidus": Row(HEAD + 'handler: {s: "https:\\/\\/a"}', "ignores", "reads", (IGNORED,)),
    "solidus, nothing for the front end": Row(
        'handler: {s: "\\/"}', "ignores", "reads", (("front-end", "note", "handler.s"),)
    ),
    "escaped tab": Row(HEAD + 'handler: {s: "a\\\tb"}', "ignores", "reads", (IGNORED,)),
    "solidus in a key": Row(
        HEAD + 'handler: {"a\\/b": 1}', "ignores", "reads", (("front-end", "warning", "handler.a/b"),)
    ),
    "backslash and solidus": Row(HEAD + 'handler: {s: "a\\\\/b", t: a\\/b, u: \'a\\/b\'}', "reads", "reads"),
    "other escapes": Row(HEAD + 'handler: {s: "\\x41\\u0041\\U00000041\\e\\N\\_\\L\\P\\ \\""}', "reads", "reads"),
    "50 aliases": Row(aliases(50), "reads", "reads"),
    "51 aliases": Row(aliases(51), "ignores", "reads", (("front-end", "warning", ""),)),
    "51 aliases of empty lists": Row(aliases(51, "[]"), "ignores", "reads", (("front-end", "warning", ""),)),
    "51 merges": Row(aliases(51, use="{<<: *d}"), "ignores", "reads", (("front-end", "warning", ""),)),
    "60 aliases of texts": Row(aliases(60, "text"), "reads", "reads"),
    "26 aliases each of two": Row(
        aliases(26) + "e: &e [1]\nx: [" + ", ".join(["*e"] * 26) + "]",
        "ignores",
        "reads",
        (("front-end", "warning", ""),),
    ),
    "50 levels": Row(deep(50), "reads", "reads"),
    "51 levels": Row(deep(51), "ignores", "reads", (("depth", "warning", ""),)),
    "many levels by aliases": Row(
        f"handler:\n  a: &a {deep(30)[len(HEAD) + 9 :]}\n  b: {'[' * 30}*a{']' * 30}", "reads", "reads"
    ),
    "an int that Java has not": Row("a: !!int 0o17", "ends", "reads", (("front-end", "error", "a"),)),
    "an int with blanks": Row("a: !!int ' 3 '", "ends", "reads", (("front-end", "error", "a"),)),
    "a float that Java has not": Row("a: !!float inf", "ends", "reads", (("front-end", "error", "a"),)),
    "base64 that Java has not": Row("a: !!binary aGVsbG8*=", "ends", "reads", (("front-end", "error", "a"),)),
    "a number without a digit": Row("a: ._", "ends", "reads", (("front-end", "error", "a"),)),
    "with an exponent": Row("a: [-.__e+5]", "ends", "reads", (("front-end", "error", "a.0"),)),
    "a key that is one": Row("handler: {._: 1}", "ends", "reads", (("front-end", "error", "handler.._"),)),
    "points": Row("a: [., '._', \"._\", .., .e5, ._x, _., ._., 1._, .E+5]", "reads", "reads"),
    "tags": Row(
        "a: [!!int '3', !!int 1_0, !!int 0x1f, !!float 3, !!float .inf, !!float NaN, !!str 1e5, !!bool 'true',"
        " !!timestamp 2026-11-28, !!binary aGVsbG8=, !!set {b}, !!null '']",
        "reads",
        "reads",
    ),
    "a key that is a number to one": Row("1e5: 1", "ends", "reads", (("front-end", "error", "1e5"),)),
    "the same in torchrun": Row(
        HEAD + "parallelType: tp\ntorchrun: {nnodes: 1, -.5: 1}",
        "ends",
        "reads",
        (("unknown-torchrun-key", "warning", "torchrun.-.5"), ("front-end", "error", "torchrun.-.5")),
    ),
    "keys of every kind below a handler": Row(
        HEAD + "handler: {on: 1, 1.5: a, ~: b, 2026-11-28: c, 7: d, 2026-11-28 10:00:00: f}", "reads", "reads"
    ),
    "keys of every kind below others": Row("own: {x: {on: 1, 1.5: {no: 1}}}\ndali: {off: 1}", "reads", "reads"),
    "such a key in torchrun": Row(
        HEAD + "parallelType: tp\ntorchrun: {on: 1}", "ends", "reads", (("key", "error", "torchrun.True"),)
    ),
    "dates": Row(
        "handler: {a: 2026-11-28, b: 2026-11-28T10:00:00Z, c: 2026-11-28 10:00:00.5 +05:30}", "reads", "reads"
    ),
    "no date": Row("a: 2026-13-45", "reads", "dies", (("syntax", "error", ""),)),
    "a tab at the end": Row(HEAD.replace("3\n", "3\t\n"), "reads", "dies", (("syntax", "error", ""),)),
    "a tab at the end of a text": Row("a: b\t\nc: 1", "reads", "dies", (("syntax", "error", ""),)),
    "a tab before a comment": Row("a: 1\t# c", "reads", "dies", (("syntax", "error", ""),)),
    "a tab inside": Row("a: b\tc", "reads", "dies", (("syntax", "error", ""),)),
    "a tab behind quotes": Row("a: 'b'\t\nc: 1", "ignores", "dies", (("syntax", "error", ""),)),
    "tabs that do no harm": Row(
        "d: 1 #\tc\ne: \"x\ty\"\nf: |\n  x\ty\t\n", "reads", "reads"
    ),
    "anchors": Row("a: &b-c_1 {}\nd: *b-c_1", "reads", "reads"),
    "an anchor that is not ASCII": Row("a: &é {}\nd: *é", "reads", "dies", (("syntax", "error", ""),)),
    "an anchor with a sign": Row("a: &b+c {}\nd: *b+c", "reads", "dies", (("syntax", "error", ""),)),
    "an anchor twice": Row("a: &b {}\nc: &b {}", "reads", "dies", (("syntax", "error", ""),)),
    "an equals sign": Row("a: =", "reads", "dies", (("syntax", "error", ""),)),
    "a quoted one": Row("a: '='", "reads", "reads"),
    "a list as a key": Row("handler: {[1]: 2}", "reads", "dies", (("syntax", "error", ""),)),
    "no boolean": Row("a: !!bool maybe", "reads", "dies", (("syntax", "error", ""),)),
    "a byte order mark": Row("\ufeffa: 1", "reads", "reads"),
    "halves of a character": Row('a: "\\ud83d\\ude00"', "reads", "reads", (("value", "error", "a"),)),
    "twice": Row(HEAD + "minWorkers: 2\nhandler: {a: 1, a: 2}", "reads", "reads", (
        ("duplicate-key", "warning", "minWorkers"), ("duplicate-key", "warning", "handler.a"))),
    "merged, which is not twice": Row("x: &x {a: 1}\ny: {<<: *x, a: 2}", "reads", "reads"),
    "for another version": Row("%YAML 1.2\n---\na: on", "reads", "reads"),
}  # fmt: skip

# What stands there, and what the handler gets: text that is a number elsewhere, and a number that is another one.
TEXTS = ["1e-5", "1e5", "1E5", "1.0e5", "1.e5", "-.5", "+.5", ".5e5", "-1e-5", "1_000e-5", "1e400", "3e-4", "0o17"]
OTHER_NUMBERS = {"12:30": 750, "190:20:30": 685230, "1:30.5": 90.5, "0123": 83, "0644": 420, "1_0:30": 630}
# Read alike, and as they look; or no number by their looks.
ALIKE = [
    *["1.0e-5", "1.0e+5", "0.5", ".5", "5.", "-0.5", "1_000", "0x1f", "+1", "07", "00", ".inf", "-.inf", ".nan"],
    *[
        "yes",
        "2026-11-28",
        "08",
        "0899",
        "1234e56",
        "7654321e8",
        "1.2.3",
        "1,5",
        "e5",
        "1e",
        "0x",
        "12:60",
        "'1e-5'",
    ],
    *['"12:30"', "!!str 1e-5", "!!str 12:30", "inf", "1-5", "1e5x", "v1e5", "[1e5x]", "|\n    1e-5"],
]


def said(text: str) -> tuple[tuple[str, str, str], ...]:
    found = [each for each in lint_model_config(text) if each.code != "model-config-parallel"]
    return tuple((each.code.removeprefix("model-config-"), each.severity, each.key) for each in found)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_the_readers_take_differently_is_told(row: Row) -> None:
    assert said(row.text) == row.said
    assert all(each.line for each in lint_model_config(row.text) if "syntax" not in each.code)


@pytest.mark.parametrize("text", TEXTS)
def test_text_that_looks_like_a_number(text: str) -> None:
    for document, key in ((f"handler:\n  x: {text}", "handler.x"), (f"own: [0, {text}]", "own.1")):
        assert said(document) == (("number", "warning", key),)
        [found] = lint_model_config(document)
        assert (found.line, text in found.effect) == (document.count("\n") + 1, True)
        repaired = document.replace(text, found.fix.split()[1].rstrip(","))
        assert said(repaired) == ()
        assert said(document.replace(text, f"'{text}'")) == ()
    assert not {"number"} & {code for code, _, _ in said(f"batchSize: {text}\ndeviceType: {text}")}


@pytest.mark.parametrize(("text", "number"), OTHER_NUMBERS.items())
def test_a_number_that_looks_like_another(text: str, number: float) -> None:
    document = f"handler:\n  x: {text}"
    assert said(document) == (("number", "note", "handler.x"),)
    [found] = lint_model_config(document)
    assert found.effect == f"the handler gets {number}"
    assert said(f"handler:\n  x: {number}") == said(f"handler:\n  x: '{text}'") == ()


@pytest.mark.parametrize("text", ALIKE)
def test_what_looks_alike_is_not_told(text: str) -> None:
    assert said(f"handler:\n  x: {text}") == ()


def test_what_both_readers_take_is_kept() -> None:
    text = "handler: {on: 1, 1.5: half, 2026-11-28: {~: 2026-11-29}, s: !!set {a}, b: !!binary aGVsbG8=}"
    config = ModelConfig.loads(text)
    kept = {True: 1, 1.5: "half", date(2026, 11, 28): {None: date(2026, 11, 29)}, "s": {"a"}, "b": b"hello"}
    assert config.handler == kept
    again = ModelConfig.loads(config.to_yaml())
    assert again == config
    assert config.to_yaml().splitlines()[2:] == [
        *["handler:", "  true: 1", "  1.5: half", "  2026-11-28:", "    null: 2026-11-29"],
        *["  s: !!set {? a}", '  b: !!binary "aGVsbG8="'],
    ]


def test_what_the_front_end_ignores_is_not_read_for_it() -> None:
    for text in (ROWS["solidus"].text, ROWS["51 aliases"].text, ROWS["51 levels"].text, ROWS["twice"].text):
        if text is ROWS["twice"].text:
            assert ModelConfig.loads(text).max_workers == 3
        else:
            with pytest.raises(ConfigError):
                ModelConfig.loads(text)
    config = ModelConfig.loads('{"handler": {"s": "https:\\/\\/a"}}')
    assert config.handler == {"s": "https://a"}
    with pytest.raises(ConfigError, match="nested deeper than 50"):
        ModelConfig.loads(ROWS["many levels by aliases"].text)


def test_numbers_of_thousands_of_digits() -> None:
    """Python's limit is on writing them, and on reading them to the base of ten."""
    [found] = lint_model_config(f"handler:\n  n: 0o{'7' * 10_000}\n")
    assert (found.code, "base of 16" in str(found)) == ("model-config-number", True)
    codes = [each.code for each in lint_model_config(f"handler:\n  n: 0{'7' * 6000}\n")]
    assert "model-config-syntax" not in codes
    for tag in ("", "!!int "):
        [found] = lint_model_config(f"handler:\n  n: {tag}1{':1' * 400_000}\n")
        assert (found.code, found.line) == ("model-config-syntax", 2)
