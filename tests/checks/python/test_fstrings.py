"""F-strings that an older Python does not read."""

from __future__ import annotations

import sys

import pytest

from marpack.checks.python.fstrings import newer_fstring
from tests.support.checking import codes, handler

NEWER = {
    "its own quotes": "x = f'{d['a']}'\n",
    "its own quotes, inside of another": "x = f'{f\"{'a'}\"}'\n",
    "a backslash": "x = f\"{'\\n'.join(d)}\"\n",
    "a continued line": 'x = f"""{d + \\\n1}"""\n',
    "a comment": 'x = f"""{\n  d  # what\n}"""\n',
    "a line break": "x = f'{d\n}'\n",
}

OLDER = {
    "other quotes": "x = f'{d[\"a\"]}'\n",
    "short quotes in long ones": 'x = f"""{d["a"]}"""\n',
    "backslashes outside of the braces": "x = f'\\n{d}\\'{d:%H\\n}'\n",
    "lines in long quotes": 'x = f"""\\\n{\n  d\n} # no\n\n"""\n',
    "doubled braces": "x = f'{{\\'}}' \\\n    f'{d!r:>{d}}'\n",
    "a number sign in quotes": "x = f'{d[\"#\"]}'\n",
}

FIRST_LINE = "d = {}\ndef handle(data, context): return data\n"


@pytest.mark.parametrize("source", NEWER.values(), ids=NEWER)
def test_fstrings_that_an_older_python_does_not_read(source: str) -> None:
    """By this Python's parser, or, from 3.12 on, which reads them all, by their tokens."""
    plan = handler(FIRST_LINE + source)
    for python in ("3.8", "3.10"):
        assert codes(plan, python=python)["source-syntax"] == "error"
    newer = codes(plan, python="3.12").get("source-syntax")
    assert newer == (None if sys.version_info >= (3, 12) else "note")


@pytest.mark.parametrize("source", OLDER.values(), ids=OLDER)
def test_fstrings_that_every_python_reads(source: str) -> None:
    for python in ("3.8", "3.11", "3.12"):
        assert "source-syntax" not in codes(handler(FIRST_LINE + source), python=python)


S, M, E = "FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END"

OPEN, CLOSE, NAME = ("OP", "{", 1), ("OP", "}", 1), ("NAME", "d", 1)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ([(S, "f'", 1), OPEN, NAME, CLOSE, (E, "'", 1), ("STRING", "'a'", 1)], None),
        ([(S, "f'", 1), OPEN, ("STRING", "'a'", 1), CLOSE, (E, "'", 1)], ("quotes", 1)),
        ([(S, "rf'", 1), OPEN, ("STRING", '"a"', 1), CLOSE, (M, "\\d'", 1), (E, "'", 1)], None),
        ([(S, "f'", 1), OPEN, (S, 'f"', 1), (M, "\\", 1), (E, '"', 1), CLOSE, (E, "'", 1)], ("backslash", 1)),
        ([(S, "f'", 1), OPEN, (S, "f'", 1), (E, "'", 1), CLOSE, (E, "'", 1)], ("quotes", 1)),
        ([(S, 'f"""', 1), OPEN, ("STRING", '"a"', 1), ("NL", "\n", 1), ("OP", "}", 2), (E, '"""', 2)], None),
        ([(S, 'f"""', 1), OPEN, ("COMMENT", "# a", 1), ("NL", "\n", 1)], ("'#'", 1)),
        ([(S, 'f"""', 1), OPEN, NAME, ("OP", "}", 2), (E, '"""', 2)], ("backslash", 2)),
        ([(S, "F'", 7), ("OP", "{", 7), ("NL", "\n", 7)], ("line break", 7)),
    ],
)
def test_the_tokens_of_fstrings(tokens: list[tuple[str, str, int]], said: tuple[str, int] | None) -> None:
    found = newer_fstring(tokens)
    if said is None or found is None:
        assert found is said
    else:
        assert said[0] in found[0]
        assert said[1] == found[1]
