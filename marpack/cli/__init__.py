"""The command line: the only room that reads arguments, the environment and the terminal."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING

from marpack import __version__
from marpack.cli.terminal import complain, prepare
from marpack.display import printable, showable
from marpack.errors import CheckError, ConfigError, MarpackError, PlanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from marpack.findings import Issue

__all__ = ["main"]

# As the archiver: 1 for a failure, 2 for arguments that cannot be parsed. Ended by a signal, as shells have it.
_FAILED = 1
_SIGNALLED = 128

_COMMANDS = (
    "pack",
    "pack-workflow",
    "repack",
    "inspect",
    "extract",
    "diff",
    "verify",
    "check",
    "config",
    "snapshot",
    "serve-build",
)
# Those that take the options of an official tool.
_PACKING = ("pack", "pack-workflow")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``marpack`` with ``argv`` (the process's arguments by default); return the exit status."""
    prepare()
    parser = argparse.ArgumentParser(
        prog="marpack", description="Write TorchServe model archives (MAR), and what a server is told about them."
    )
    parser.add_argument("--version", action="version", version=f"marpack {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    words = list(sys.argv[1:] if argv is None else argv)
    # The command that is asked for is loaded alone: each brings half the library.
    for name in [words[0]] if words and words[0] in _COMMANDS else _COMMANDS:
        import_module(f"{__name__}.commands.{name.replace('-', '_')}").add_parser(commands)
    if words and words[0] in _PACKING:
        from marpack.cli.packing_options import expand_abbreviations

        command = import_module(f"{__name__}.commands.{words[0].replace('-', '_')}")
        words = expand_abbreviations(words, command.ARCHIVER_OPTIONS)
    if words[:2] == ["config", "set"] and not {"-h", "--help"}.intersection(words):
        words[2:] = _options_first(words[2:], "--unset")
    if words[:1] == ["extract"]:
        from marpack.cli.reading_options import LIMIT_OPTIONS

        words[1:] = _options_first(words[1:], *LIMIT_OPTIONS)
    try:
        if words and words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"}:
            parser.error(f"name a command first, as in: marpack pack {words[0]} ...")
        options = parser.parse_args(words)
    except SystemExit as request:
        return int(request.code or 0)
    try:
        with _cleaning_up_when_terminated():
            status: int | None = options.run(options)
    except PlanError as error:
        by_option = options.command in (*_PACKING, "repack")
        return _fail(*map(_option_and_message if by_option else str, error.issues))
    except (CheckError, ConfigError) as error:
        return _fail(*(str(each) if each.place else each.sentence for each in error.findings))
    except BrokenPipeError:
        return _FAILED
    except MarpackError as error:
        return _fail(str(error))
    except OSError as error:
        what = f"{error.filename!r}: " if error.filename else ""
        return _fail(f"{what}{error.strerror or error}")
    except KeyboardInterrupt:
        _fail("interrupted")
        return _SIGNALLED + signal.SIGINT
    return status or 0


def _options_first(words: Sequence[str], *with_value: str) -> list[str]:
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
        # What an archive calls itself may be in it.
        complain("marpack: error: " + "\n".join(map(printable, showable(message).split("\n"))))
    return _FAILED
