"""``marpack verify``: all of an archive, read and held against what it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marpack.cli.progress import progress_for
from marpack.cli.reading_options import add_limits, issue_line, opened, positive
from marpack.cli.terminal import count_of, show, to_json
from marpack.display import printable
from marpack.errors import ArchiveError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from marpack.findings import Issue

__all__ = ["add_parser"]

# Of the JSON (spec/verify.schema.json).
_SCHEMA_VERSION = 1


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "verify",
        help="read all of an archive, and find damage",
        description="Read all of an archive and say what is wrong: damage, names that would leave the model's "
        "folder, what the server would read otherwise than other programs, files that the manifest names and that "
        "are not there, SHA-256 sums in the manifest's metadata that are not those of the members. Ends with "
        "status 1 if anything is.",
    )
    parser.set_defaults(run=_run)
    parser.add_argument("archive", metavar="ARCHIVE", help="a .mar, a .war, a .tar.gz or a folder")
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="how many large members are read at once, default: one a core",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON (spec/verify.schema.json)")
    add_limits(parser)


def _run(options: argparse.Namespace) -> int:
    try:
        with opened(options.archive, options) as archive:
            size = sum(member.size for member in archive.members)
            with progress_for(size, quiet=False) as progress:
                issues = archive.verify(progress=progress, threads=options.threads)
            count = len(archive.members)
            what = {"form": archive.form, "members": count, "contents_size": size}
    except ArchiveError as error:
        if not options.json:
            raise
        return _show_json(options.archive, {"form": None, "members": None, "contents_size": None}, [error.issue])
    if options.json:
        return _show_json(options.archive, what, issues)
    lines = [*map(issue_line, issues)]
    found = count_of(len(issues), "issue") if issues else "nothing is wrong"
    path = printable(options.archive)
    lines.append(f"{path}: {count_of(count, 'member')}, {count_of(size, 'byte')}: {found}")
    show("\n".join(lines))
    return 1 if issues else 0


def _show_json(path: str, what: dict[str, Any], issues: Sequence[Issue]) -> int:
    document = {"schema": _SCHEMA_VERSION, "path": path, "ok": not issues, **what}
    show(to_json(document | {"issues": [issue.asdict() for issue in issues]}))
    return 1 if issues else 0
