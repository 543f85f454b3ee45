"""The words of a command, put so that argparse takes them."""

from __future__ import annotations

from collections.abc import Sequence


def expand_abbreviations(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """Complete abbreviations of an archiver's ``options``, which marpack's own must not make ambiguous."""
    completed = []
    for word in words:
        option, equals, value = word.partition("=")
        if option.startswith("--") and len(option) > 2:
            meant = [known for known in options if known.startswith(option)]
            if len(meant) == 1:
                word = meant[0] + equals + value
        completed.append(word)
    return completed


def options_first(words: Sequence[str], *with_value: str) -> list[str]:
    """Sort words: argparse takes those that need not be there only when they stand together.

    Options ``with_value``, also when they are abbreviated, keep the word behind them.
    """
    options: list[str] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            others += rest
        elif word.startswith("-") and word != "-":
            options.append(word)
            if len(word) > 2 and any(option.startswith(word) for option in with_value):
                options += [next(rest, "")]
        else:
            others.append(word)
    return [*options, "--", *others]
