"""What the commands that read archives have in common: options, and how members and issues are shown."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from marpack.archive.read.archive import Archive
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import open_archive
from marpack.cli.stores import silent_for
from marpack.cli.words import positive
from marpack.display import printable
from marpack.errors import ArchiveError, MarpackError
from marpack.findings import Issue
from marpack.strict_json import spelled

# Of a value that is shown to people; programs get all of it.
_LONGEST = 300
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}

# Each takes a value.
LIMIT_OPTIONS = ("--max-size", "--max-ratio", "--max-members")


# What a command says of its argument.
ARCHIVE = "path or URL of a .mar, a .war, a .tar.gz, or path of a folder"


def add_download(parser: argparse.ArgumentParser) -> None:
    """Add the option for URLs of servers that give no parts of files."""
    parser.add_argument(
        "--download",
        action="store_true",
        help="get all of what is behind a URL first, into a temporary file, instead of the parts that are needed",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add options for how much an archive may make its reader do."""
    defaults = Limits()
    add = parser.add_argument_group("limits, to be raised for an archive that you trust").add_argument
    add(
        "--max-size",
        type=size,
        default=defaults.size,
        metavar="BYTES",
        help="of all contents, as 500000, 64M or 20G; default: 1T",
    )
    add(
        "--max-ratio",
        type=positive,
        default=defaults.ratio,
        metavar="N",
        help=f"how many times the archive's size its contents may have, from 64M on; default: {defaults.ratio}",
    )
    add("--max-members", type=positive, default=defaults.members, metavar="N", help=f"default: {defaults.members}")


@contextmanager
def opened(word: str, options: argparse.Namespace) -> Iterator[Archive]:
    """Open the archive at a path or a URL, as the options say."""
    if word == "-":
        raise MarpackError("an archive is read here and there, which standard input does not allow: name a file")
    with (
        silent_for(word),
        archive_meant(word),
        open_archive(word, limits=limits_of(options), download=options.download) as archive,
    ):
        yield archive


@contextmanager
def archive_meant(word: str) -> Iterator[None]:
    """Say of a folder without a manifest that it is a store or a layout, in place of what it lacks."""
    try:
        yield
    except ArchiveError as error:
        what = other_folder(word) if error.code == "no-manifest" else None
        if what is None:
            raise
        raise ArchiveError(error.path, what, code=error.code) from error


def other_folder(word: str) -> str | None:
    """Return what is to be said of a folder that holds archives, or an image, and is none; else None."""
    if not os.path.isdir(word):
        return None
    from marpack.config.store_listing import archives_in
    from marpack.oci.layout import is_layout

    if is_layout(word):
        return "is an image's layout, and an archive is meant: name what it was made of"
    if found := archives_in(word):
        return f"is a model store, and an archive is meant: name one, as {found[0]!r}"
    return None


def limits_of(options: argparse.Namespace) -> Limits:
    """Return the limits that the options set."""
    return Limits(members=options.max_members, size=options.max_size, ratio=options.max_ratio)


def size(text: str) -> int:
    """Return a number of bytes, which may have a unit."""
    found = re.fullmatch(r"([0-9]{1,18})([kmgt]?)(?:i?b)?", text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"must be a number of bytes, as 500000, 64M or 20G, not {text!r}")
    return int(found[1]) << _UNITS[found[2]]


def issue_line(issue: Issue) -> str:
    """Return an issue as one line that a terminal can be shown."""
    return printable(f"{issue} [{issue.code}]")


def json_line(value: Any) -> str:
    """Return a JSON value as people read it on one line."""
    return shortened(value if isinstance(value, str) else spelled(value))


def shortened(text: str) -> str:
    """Return a text that a terminal can be shown, its beginning if it is long."""
    if len(text) <= _LONGEST:
        return printable(text)
    return f"{printable(text[:_LONGEST])}... ({len(text):,} characters)"
