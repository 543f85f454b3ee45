"""What the parsers say of each command, for the pages that are made of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from marpack.cli.parser import parser_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands() -> list[argparse.ArgumentParser]:
    """Return the parser of each command, and of those below a command in its place."""
    return [*_below(parser_of())]


def _below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    choosing = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not choosing:
        yield parser
    for action in choosing:
        for command in action.choices.values():
            yield from _below(command)


def required_options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the options without which the command means nothing."""
    return [action for action in parser._actions if action.option_strings and action.required]


def arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return what stands behind the command without an option's name."""
    return [action for action in parser._actions if not action.option_strings]


def groups(parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[argparse.Action]]]:
    """Yield what is described, by the titles of argparse's and of the command's own groups; not ``--help``."""
    for group in parser._action_groups:
        shown = [
            action
            for action in group._group_actions
            if action.help != argparse.SUPPRESS and "-h" not in action.option_strings
        ]
        if shown:
            yield group.title or "options", shown


def value_name(action: argparse.Action) -> str:
    """Return what stands for a value: its name, or the choices."""
    if isinstance(action.metavar, str):
        return action.metavar
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def as_often(action: argparse.Action, name: str) -> str:
    """Return the name of an argument with how often it may stand there."""
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} ..."}.get(str(action.nargs), name)
