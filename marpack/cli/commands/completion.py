"""``marpack completion``: what a shell needs to complete the words of a command."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from marpack.cli.terminal import show
from marpack.errors import MissingExtraError

SHELLS = ("bash", "zsh", "fish")

# What is completed by names of files and of folders is said by what stands for a value; whatever is named
# otherwise is completed by nothing, and choices by themselves.
FILES = frozenset(
    [
        *("A", "ARCHIVE", "B", "FILE", "HANDLER", "LOCATION", "PATH", "PATHS", "PEM", "SIG", "SOURCE"),
        *("TARGET", "X"),
    ]
)
FOLDERS = frozenset(("FOLDER", "LAYOUT"))


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "completion",
        help="print what a shell completes commands by (extra cli)",
        description="Print a script by which a shell completes commands, options and names of files (extra cli). "
        "For bash: put it into ~/.local/share/bash-completion/completions/marpack; for zsh: into a file _marpack "
        "in a folder of $fpath; for fish: into ~/.config/fish/completions/marpack.fish.",
    )
    parser.set_defaults(run=_run)
    parser.add_argument("shell", choices=SHELLS, help="which shell it is for")


def _run(options: argparse.Namespace) -> None:
    try:
        import shtab
    except ImportError as error:
        raise MissingExtraError("marpack completion", "cli") from error
    from marpack.cli.parser import parser_of

    parser = parser_of()
    for action in described(parser):
        if action.choices:
            continue
        if value_name(action) in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif value_name(action) in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif "|" in value_name(action):
            action.choices = value_name(action).split("|")
    text = shtab.complete(parser, options.shell)
    if options.shell == "zsh":
        # Of arguments that may be given again shtab 1.13 has zsh complete the first alone.
        text = text.replace('"(*)::', '"*:').replace('"(*):', '"*:')
    show(text)


def described(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield what takes a value, of a parser and the commands in it, which each have a line for a description."""
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            if action.nargs != 0:
                yield action
            continue
        for choice in action._choices_actions:
            action.choices[choice.dest].description = choice.help
        for command in action.choices.values():
            yield from described(command)


def value_name(action: argparse.Action) -> str:
    """Return what stands for a value in help."""
    return action.metavar if isinstance(action.metavar, str) else action.dest.upper()
