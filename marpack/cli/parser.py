"""What the command line understands: the parser of all commands, or of the one that is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, NoReturn

from marpack import __version__
from marpack.cli.screen import WHEN, columns_of
from marpack.cli.terminal import complain, show
from marpack.display import hidden, printable

# Those whose arguments are options of the same names.
PACKING = ("pack", "pack-workflow", "repack")
_LOOKING = ("inspect", "extract", "diff", "verify", "check", "scan")
_USING = ("attest", "sign", "run", "export", "image")
COMMANDS = (*PACKING, *_LOOKING, *_USING, "config", "snapshot", "serve-build", "manifest", "completion")


def parser_of(names: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of ``marpack`` with these commands, which are loaded for it."""
    parser = _Parser(
        prog="marpack",
        description="Write, read and check TorchServe model archives (MAR), and what a server is told about them. "
        "marpack COMMAND --help shows what a command takes.",
    )
    parser.add_argument("--version", action="version", version=f"marpack {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    for name in names:
        command_module(name).add_parser(commands)
    return parser


def command_module(name: str) -> Any:
    """Return the module of a command, loaded."""
    return import_module(f"marpack.cli.commands.{name.replace('-', '_')}")


class _Help(argparse.HelpFormatter):
    """Help whose rows do not break within paths and names, which people copy."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        from textwrap import wrap  # as argparse does: for help alone

        return wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(f"{indent}{row}" for row in self._split_lines(text, width - len(indent)))


class _Parser(argparse.ArgumentParser):
    """A parser, also each command's, that complains itself of what it does not know, with its own usage."""

    def __init__(self, **options: Any) -> None:
        # argparse asks for the terminal's width with each argument, for which it loads all of shutil.
        super().__init__(formatter_class=partial(_Help, width=_text_width()), **options)
        self.color = False  # help is painted by Python 3.14 on, which heeds no --color
        self.add_argument(
            "--color",
            choices=WHEN,
            default=argparse.SUPPRESS,
            metavar="WHEN",
            help="whether there are colours: auto (on a terminal, unless NO_COLOR is set), always or never",
        )

    def parse_known_args(self, *words: Any, **more: Any) -> Any:
        """Parse words; end when some of them mean nothing."""
        options, unknown = super().parse_known_args(*words, **more)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._meant(unknown[0])}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        """Complain and end; a word of the message may be a file's name, which a wildcard stands for."""
        super().error(printable(hidden(message)))

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help, versions and complaints as every command's results and complaints are printed.

        A full disk, or a reader that has enough, is found only when what is kept back is written: argparse leaves
        that to the interpreter's end, which shows a traceback.
        """
        if file is not None:
            (complain if file is sys.stderr else show)(message.removesuffix("\n"))

    def _meant(self, word: str) -> str:
        """Return the option that a misspelt one is likely to be."""
        if word.startswith("--"):
            return near(word.partition("=")[0], self._option_string_actions)
        # A command may say by a default what words are likely to mean that none of its options takes.
        stray = self.get_default("stray_words")
        return f" ({stray})" if stray and not word.startswith("-") else ""


def near(word: str, known: Iterable[str]) -> str:
    """Return the question whether the nearest of what is known was meant; empty where none is near."""
    from difflib import get_close_matches  # for mistakes alone

    found = get_close_matches(word, list(known), 1, 0.75)
    return f" (did you mean {found[0]}?)" if found else ""


@lru_cache(maxsize=1)
def _text_width() -> int:
    """Return the columns of help, as argparse takes them: two fewer than the terminal has."""
    return columns_of(sys.__stdout__) - 2
