"""The words of a command, put so that argparse takes them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

# What a server is told as service_envelope: a setting's choices, which take longer to load.
ENVELOPES = ("body", "json", "kserve", "kservev2")


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


def positive(text: str, *, digits: int = 18, limits: str = "from 1 on") -> int:
    """Return a number from 1 on."""
    if not re.fullmatch(f"0*[1-9][0-9]{{0,{digits - 1}}}", text):
        raise argparse.ArgumentTypeError(f"must be a whole number {limits}, not {text!r}")
    return int(text)


def torch_version(text: str) -> str:
    """Return a version of torch, as 2.1."""
    return _version(text, torch=text)


def torchserve_version(text: str) -> str:
    """Return a version of TorchServe, as 0.12.0."""
    return _version(text, torch=None)


def _version(text: str, torch: str | None) -> str:
    from marpack.checks.frame.servers_torch import servers_torch  # packing starts often, and seldom with these

    try:
        servers_torch(torch, torchserve_version=text, target="torchserve")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def add_verb(verbs: Any, name: str, what: str, failing: str) -> Any:
    """Add a command below a command; return its parser. ``failing`` is when it ends with status 1."""
    says = f"{what[0].upper()}{what[1:]}. Ends with status 1 {failing}."
    return verbs.add_parser(name, help=what, description=says)


def options_first(words: Sequence[str], *with_value: str) -> list[str]:
    """Sort words: argparse takes those that need not be there only when they stand together.

    Options ``with_value``, also when they are abbreviated, keep the word behind them; so does every command's.
    """
    with_value = (*with_value, "--color")
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
