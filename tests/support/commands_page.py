"""Write docs/commands.md from the parsers of the command line: ``python -m tests.support.commands_page``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.parsed_commands import arguments, as_often, commands, groups, required_options, value_name

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"

_HEAD = """\
# Commands

Find every command with its arguments and options. Made from the parsers of the command line by
`python -m tests.support.commands_page`; a test holds this page against them. `marpack COMMAND --help` says the
same, and `man marpack` where marpack is installed.

The exit status is 0 when all is well; 1 when it failed, or what was looked for was found, as each command says; 2
when the words of the command mean nothing, or do not go together. `SOURCE_DATE_EPOCH` is the time of packing in
seconds since 1970, and `MARPACK_CHECK` what `--check` is by default (`warn`, `error` or `off`).
"""


def page() -> str:
    """Return the text of the page."""
    shown = commands()
    rows = (f"| [`{each.prog}`](#{each.prog.replace(' ', '-')}) | {_first(each)} |" for each in shown)
    table = "\n".join(["| command | what it does |", "| --- | --- |", *rows])
    return "\n".join([_HEAD, table, "", *("\n".join(_section(each)) for each in shown)])


def _section(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {parser.prog}"
    yield ""
    yield f"```text\n{' '.join(_usage(parser))}\n```"
    yield ""
    yield _text(parser.description or "")
    yield ""
    for title, shown in groups(parser):
        yield f"| {_title(title)} | |"
        yield "| --- | --- |"
        for action in shown:
            yield f"| {_named(action)} | {_text(action.help or '', in_table=True)} |"
        yield ""
    if parser.epilog:
        yield _text(parser.epilog)
        yield ""


def _usage(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield parser.prog
    yield "[options]"
    for action in required_options(parser):
        yield f"{action.option_strings[-1]} {value_name(action)}"
    for action in arguments(parser):
        yield as_often(action, value_name(action))


def _title(title: str) -> str:
    return {"positional arguments": "argument", "options": "option"}.get(title, _text(title, in_table=True))


def _named(action: argparse.Action) -> str:
    name = value_name(action)
    if not action.option_strings:
        return f"`{name}`"
    value = "" if action.nargs == 0 else f" [{name}]" if action.nargs == "?" else f" {name}"
    names = ", ".join(f"`{option}{value}`" for option in action.option_strings)
    return names.replace("|", "\\|")


def _first(parser: argparse.ArgumentParser) -> str:
    """Return the first sentence of what a command says of itself."""
    return _text((parser.description or "").partition(". ")[0].rstrip(".") + ".", in_table=True)


def _text(text: str, *, in_table: bool = False) -> str:
    """Return a help text as Markdown: options in it as code, and nothing taken for a mark or a tag."""
    words = text.replace("%%", "%").split()
    shown = " ".join(_word(word) for word in words)
    return shown.replace("|", "\\|") if in_table else shown


def _word(word: str) -> str:
    core = word.strip("(),.:;")
    if core.startswith("-") and len(core) > 1:
        return word.replace(core, f"`{core}`", 1)
    marked = "".join(f"\\{letter}" if letter in "*_[`" else letter for letter in word)
    return marked.replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
