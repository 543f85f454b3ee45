"""The command line: the only room that reads arguments, the environment and the terminal."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence

from marpack.cli.parser import COMMANDS, PACKING, command_module, near, parser_of
from marpack.cli.screen import choose_colours
from marpack.cli.terminal import UsageError, complain_of_error, prepare, told_by_the_disk
from marpack.errors import CheckError, ConfigError, MarpackError, PlanError
from marpack.findings import Issue

# As the archiver: 1 for a failure, 2 for arguments that cannot be parsed. Ended by a signal, as shells have it.
_FAILED = 1
_USAGE = 2
_SIGNALLED = 128


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``marpack`` with ``argv`` (the process's arguments by default); return the exit status."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # also while what a command needs is loaded
        _fail("interrupted")
        return _SIGNALLED + signal.SIGINT


def _run(words: list[str]) -> int:
    prepare()
    words = _colour_behind_the_command(words)
    # The command that is asked for is loaded alone: each brings half the library. The version needs none.
    asked = words[:1] if words and words[0] in COMMANDS else []
    parser = parser_of(() if words == ["--version"] else asked or COMMANDS)
    for name in asked:
        # A command may have words that argparse does not take as they stand.
        if hasattr(command_module(name), "prepare"):
            words[1:] = command_module(name).prepare(words[1:])
    try:
        try:
            if words and words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"}:
                parser.error(f"name a command first, as in: marpack pack {words[0]} ...")
            if words and not asked and not words[0].startswith("-"):
                parser.error(
                    f"no command is called {words[0]!r}{near(words[0], COMMANDS)}: marpack --help lists all"
                )
            options = parser.parse_args(words)
        except SystemExit as request:
            return int(request.code or 0)
        choose_colours(getattr(options, "color", "auto"))
        with _cleaning_up_when_terminated():
            status: int | None = options.run(options)
    except PlanError as error:
        by_option = options.command in PACKING
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


def _colour_behind_the_command(words: list[str]) -> list[str]:
    """Return the words with a ``--color`` before the command behind it, where another one wins."""
    for count in (1, 2):
        before, behind = words[:count], words[count:]
        is_whole = before[:1] == ["--color"] if count == 2 else before[:1] and before[0].startswith("--color=")
        if is_whole and behind and behind[0] in COMMANDS:
            return [behind[0], *before, *behind[1:]]
    return words


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
