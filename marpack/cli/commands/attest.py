"""``marpack attest``: what is stated of an archive, a store, a folder or an image, as JSON, unsigned."""

from __future__ import annotations

import argparse

from marpack.cli.reading_options import add_limits, limits_of
from marpack.cli.signature_options import add_stated
from marpack.cli.stores import silent_stores
from marpack.cli.terminal import UsageError, making, naming, show
from marpack.cli.words import positive


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "attest",
        help="state, unsigned, what an archive, a store, a folder or an image holds",
        description="Print the in-toto Statement that marpack sign signs: the SHA-256 of each file, and of all. "
        "The same input gives the same text.",
    )
    parser.set_defaults(run=_run)
    add_stated(parser)
    add = parser.add_argument
    add("-o", "--output", metavar="FILE", help="a file instead of standard output, as model.intoto.json")
    add("-f", "--force", action="store_true", help="replace a file that is there")
    add("--threads", type=positive, metavar="N", help="how many files are read at once, default: one a core")
    add_limits(parser)


def _run(options: argparse.Namespace) -> None:
    if options.source == "-":
        raise UsageError("what is stated is named: name a file")
    if options.force and options.output is None:
        raise UsageError("--force: nothing is written; name a file (--output FILE)")
    from marpack.disk.atomic import replacing_file
    from marpack.signing import attest

    with silent_stores(), naming(options.source):
        text = attest(
            options.source,
            contents=options.contents,
            git_files=options.git_files,
            ignore=[] if options.output is None else [options.output],
            limits=limits_of(options),
            threads=options.threads,
        ).to_json()
    if options.output is None:
        show(text.removesuffix("\n"))
        return
    with making(options.output, "cannot be written"), replacing_file(options.output, force=options.force) as file:
        file.write(text.encode())
