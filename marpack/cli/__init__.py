"""The command line: the only room that reads arguments, the environment and the terminal."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from importlib import import_module
from typing import Any

from marpack import __version__
from marpack.cli.screen import WHEN, choose_colours, columns_of
from marpack.cli.terminal import UsageError, complain_of_error, prepare, told_by_the_disk
from marpack.errors import CheckError, ConfigError, MarpackError, PlanError
from marpack.findings import Issue

# As the archiver: 1 for a failure, 2 for arguments that cannot be parsed. Ended by a signal, as shells have it.
_FAILED = 1
_USAGE = 2
_SIGNALLED = 128

# Those whose arguments are options of the same names.
_PACKING = ("pack", "pack-workflow", "repack")
_LOOKING = ("inspect", "extract", "diff", "verify", "check", "scan")
_USING = ("attest", "sign", "run", "export", "image")
_COMMANDS = (*_PACKING, *_LOOKING, *_USING, "config", "snapshot", "serve-build", "manifest")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``marpack`` with ``argv`` (the process's arguments by default); return the exit status."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # also while what a command needs is loaded
        _fail("interrupted")
        return _SIGNALLED + signal.SIGINT


def _run(words: list[str]) -> int:
    prepare()
    parser = _Parser(
        prog="marpack", description="Write TorchServe model archives (MAR), and what a server is told about them."
    )
    parser.add_argument("--version", action="version", version=f"marpack {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    # The command that is asked for is loaded alone: each brings half the library.
    asked = words[:1] if words and words[0] in _COMMANDS else []
    for name in asked or _COMMANDS:
        command = import_module(f"{__name__}.commands.{name.replace('-', '_')}")
        command.add_parser(commands)
        # A command may have words that argparse does not take as they stand.
        if asked and hasattr(command, "prepare"):
            words[1:] = command.prepare(words[1:])
    try:
        if words and words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"}:
            parser.error(f"name a command first, as in: marpack pack {words[0]} ...")
        options = parser.parse_args(words)
    except SystemExit as request:
        return int(request.code or 0)
    choose_colours(getattr(options, "color", "auto"))
    try:
        with _cleaning_up_when_terminated():
            status: int | None = options.run(options)
    except PlanError as error:
        by_option = options.command in _PACKING
        return _fail(*map(_option_and_message if by_option else str, error.issues))
    except (CheckError, ConfigError) as error:
        return _fail(*(str(each) if each.place else each.sentence for each in error.findings))
    except BrokenPipeError:
        return _FAILED
    except UsageError as error:
        _fail(str(error))
        return _USAGE
    except MarpackError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(told_by_the_disk(error))
    return status or 0


class _Parser(argparse.ArgumentParser):
    """A parser, also each command's, that complains itself of what it does not know, with its own usage."""

    def __init__(self, **options: Any) -> None:
        # argparse asks for the terminal's width with each argument, for which it loads all of shutil.
        super().__init__(formatter_class=partial(argparse.HelpFormatter, width=_text_width()), **options)
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

    def _meant(self, word: str) -> str:
        """Return the option that a misspelt one is likely to be."""
        from difflib import get_close_matches  # for mistakes alone

        near = get_close_matches(word.partition("=")[0], self._option_string_actions, 1, 0.75)
        return f" (did you mean {near[0]}?)" if near and word.startswith("--") else ""


@lru_cache(maxsize=1)
def _text_width() -> int:
    """Return the columns of help, as argparse takes them: two fewer than the terminal has."""
    return columns_of(sys.__stdout__) - 2


@contextlib.contextmanager
def _cleaning_up_when_terminated() -> Iterator[None]:
    """End by an exception when asked to terminate, so that nothing half-written stays behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, lambda number, _: sys.exit(_SIGNALLED + number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _option_and_message(issue: Issue) -> str:
    if issue.argument == "SOURCE_DATE_EPOCH":
        return issue.message
    return f"--{issue.argument.replace('_', '-')}: {issue.message}"


def _fail(*messages: str) -> int:
    for message in messages:
        complain_of_error(message)
    return _FAILED
