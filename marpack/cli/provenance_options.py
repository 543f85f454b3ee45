"""Options by which a command is told where sources came from, and the file that says so of an archive."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from marpack.cli.terminal import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marpack.signing import SourceCommit

_OPTIONS = ("source_uri", "source_commit", "source_dirty", "parameter", "builder_id")


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add what the caller says of the sources; nothing of it is looked up."""
    add = parser.add_argument_group("with --provenance, what you say of it").add_argument
    add("--source-uri", metavar="URI", help="the repository, as git+https://host/owner/name@refs/heads/main")
    add("--source-commit", metavar="HEX", help="the commit in it, all of its digits")
    add("--source-dirty", action="store_true", help="not all files were as they are in that commit")
    add("--parameter", action="append", default=[], metavar="NAME=VALUE", help="may be given again")
    add("--builder-id", metavar="URI", help="who is trusted for it; default: whoever signs it")


def require_provenance_asked(options: argparse.Namespace, *, asked: bool) -> None:
    """Raise ``UsageError`` for options that say something of a provenance which is not asked for."""
    for name in _OPTIONS:
        if not asked and getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')}: it is for --provenance; add that, or leave it out")
    if asked:
        from marpack.signing.provenance import builder_problem

        source_of(options)
        parameters_of(options)
        if options.builder_id is not None and (problem := builder_problem(options.builder_id)):
            raise UsageError(f"--builder-id: {problem}")


def source_of(options: argparse.Namespace) -> SourceCommit | None:
    """Return the commit that the options name; raise ``UsageError``."""
    if options.source_uri is None and options.source_commit is None and not options.source_dirty:
        return None
    if options.source_uri is None or options.source_commit is None:
        raise UsageError("--source-uri and --source-commit: a commit is known by both: give both, or neither")
    from marpack.signing import SourceCommit

    try:
        return SourceCommit(uri=options.source_uri, commit=options.source_commit, dirty=options.source_dirty)
    except ValueError as error:
        raise UsageError(f"--source-commit and --source-uri: {error}") from None


def parameters_of(options: argparse.Namespace) -> Mapping[str, str]:
    """Return what the caller says beside it; raise ``UsageError``."""
    found: dict[str, str] = {}
    for word in options.parameter:
        name, equals, value = word.partition("=")
        if not name or not equals or name in found:
            raise UsageError(f"--parameter: {word!r} is not NAME=VALUE, or its name is given twice")
        found[name] = value
    return found
