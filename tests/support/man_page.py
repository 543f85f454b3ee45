"""The manual page, marpack.1, made from the parsers: ``python -m tests.support.man_page`` writes it anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from marpack import __version__
from marpack.cli.parser import parser_of
from tests.support.parsed_commands import arguments, as_often, commands, groups, required_options, value_name

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "data" / "share" / "man" / "man1" / "marpack.1"

_END = """\
.SH EXIT STATUS
.TP
0
All is well.
.TP
1
It failed, or what was looked for was found: each command says when.
.TP
2
The words of the command mean nothing, or do not go together.
.SH ENVIRONMENT
.TP
.B SOURCE_DATE_EPOCH
The time of packing, in seconds since 1970.
.TP
.B MARPACK_CHECK
What
.B \\-\\-check
is by default: warn, error or off.
.TP
.B COLUMNS
How wide help is, instead of the terminal's width.
.SH SEE ALSO
.BR torchserve (1),
.BR torch\\-model\\-archiver (1)
"""


def page() -> str:
    """Return the page: roff of the man macros, which groff and mandoc take."""
    parser = parser_of()
    lines = [
        '.\\" Made by tests/support/man_page.py: change what the parsers say.',
        f'.TH MARPACK 1 "" "marpack {_text(__version__)}"',
        # Names of options and files are not parted.
        ".nh",
        ".ad l",
        ".SH NAME",
        "marpack \\- write, read and check TorchServe model archives",
        ".SH SYNOPSIS",
        ".B marpack",
        ".I COMMAND",
        "[options] ...",
        ".SH DESCRIPTION",
        _line(parser.description),
        ".SH COMMANDS",
        *(line for command in commands() for line in _command(command)),
    ]
    return "\n".join(lines) + "\n" + _END


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    required = [
        f"{_bold(action.option_strings[-1])} {_italic(value_name(action))}" for action in required_options(parser)
    ]
    others = [as_often(action, _italic(value_name(action))) for action in arguments(parser)]
    yield f".SS {_text(parser.prog)}"
    yield _line(" ".join([_bold(parser.prog), "[options]", *required, *others]), escaped=True)
    yield ".PP"
    yield _line(parser.description)
    for title, shown in groups(parser):
        if title not in ("options", "positional arguments"):
            yield ".PP"
            yield _line(f"{title}:")
        for action in shown:
            yield ".TP"
            yield _named(action)
            yield _line(action.help)
    if parser.epilog:
        yield ".PP"
        yield _line(parser.epilog)


def _named(action: argparse.Action) -> str:
    name = _italic(value_name(action))
    if not action.option_strings:
        return name
    value = "" if action.nargs == 0 else f" [{name}]" if action.nargs == "?" else f" {name}"
    return ", ".join(map(_bold, action.option_strings)) + value


def _line(text: str | None, *, escaped: bool = False) -> str:
    """Return a line that is not taken for a request, which begins with a dot or an apostrophe."""
    line = (text or "") if escaped else _text(text or "")
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _text(text: str) -> str:
    return text.replace("%%", "%").replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def _bold(text: str) -> str:
    return f"\\fB{_text(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_text(text)}\\fR"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="ascii")
