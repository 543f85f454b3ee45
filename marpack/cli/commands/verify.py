"""``marpack verify``: all of an archive, read and held against what it says of itself."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from marpack.cli.progress import progress_for
from marpack.cli.reading_options import ARCHIVE, add_download, add_limits, issue_line, opened
from marpack.cli.stores import place
from marpack.cli.terminal import count_of, show, to_json
from marpack.cli.words import positive
from marpack.display import printable
from marpack.errors import ArchiveError
from marpack.findings import Issue

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
    add = parser.add_argument
    add("archive", metavar="ARCHIVE", help=ARCHIVE)
    add(
        "--threads",
        type=positive,
        metavar="N",
        help="how many large members are read at once, default: one a core",
    )
    add("--json", action="store_true", help="print the result as JSON (spec/verify.schema.json)")
    add_download(parser)
    add_limits(parser)


def _run(options: argparse.Namespace) -> int:
    what: dict[str, Any] = {"form": None, "members": None, "contents_size": None}
    issues: Sequence[Issue]
    try:
        with opened(options.archive, options) as archive:
            size = sum(member.size for member in archive.members)
            with progress_for(size, quiet=False) as progress:
                issues = archive.verify(progress=progress, threads=options.threads)
            what = {"form": archive.form, "members": len(archive.members), "contents_size": size}
    except ArchiveError as error:
        if not options.json:
            raise
        issues = [error.issue]
    if options.json:
        document = {"schema": _SCHEMA_VERSION, "path": place(options.archive), "ok": not issues, **what}
        show(to_json(document | {"issues": [issue.asdict() for issue in issues]}))
    else:
        found = count_of(len(issues), "issue") if issues else "nothing is wrong"
        held = f"{count_of(what['members'], 'member')}, {count_of(what['contents_size'], 'byte')}"
        show("\n".join([*map(issue_line, issues), f"{printable(place(options.archive))}: {held}: {found}"]))
    return 1 if issues else 0
