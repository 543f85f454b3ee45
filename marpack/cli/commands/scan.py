"""``marpack scan``: a line for each of many archives."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial

from marpack.cli.findings import add_choosing, chosen
from marpack.cli.processes import ended_at_once, process_pool
from marpack.cli.reading_options import add_download, add_limits, limits_of
from marpack.cli.server_options import add_server, server
from marpack.cli.stores import silent_for
from marpack.cli.terminal import UsageError, complain, naming, show
from marpack.cli.words import positive
from marpack.disk.threads import usable_cpus
from marpack.scanning.archives import scan


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "scan",
        help="look at many archives, and print a line of JSON for each",
        description="Look at all archives in folders and below prefixes of stores, on all cores, and print a "
        "line of JSON for each (spec/scan.schema.json): what it is, and what the server would refuse. Ends with "
        "status 1 when one of them has an error.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add(
        "locations", nargs="*", metavar="LOCATION", help="a folder, a prefix as s3://bucket/models/, or an archive"
    )
    add(
        "--from-file",
        metavar="FILE",
        help="also the locations in a file, one a line, or ended by NULs; - is standard input",
    )
    add("--digest", action="store_true", help="also the SHA-256 of each archive (reads all of it)")
    add("--processes", type=positive, metavar="N", help="how many look at archives; default: one a core")
    add_server(parser)
    add_choosing(parser)
    add_download(parser)
    add_limits(parser)


def _run(options: argparse.Namespace) -> int:
    locations = [*options.locations, *_listed(options.from_file)]
    if not locations:
        raise UsageError("nothing to scan: name a folder, a prefix or archives")
    processes = options.processes or usable_cpus()
    executor = None if processes == 1 else partial(process_pool, processes)
    status = 0
    count = 0
    with ended_at_once(), silent_for(*locations):
        found = scan(
            locations,
            executor=executor,
            in_flight=4 * processes,
            digest=options.digest,
            download=options.download,
            limits=limits_of(options),
            **server(options),
            **chosen(options),
        )
        for archive in found:
            show(archive.to_json(), is_part=True)
            count += 1
            status |= archive.has_error
    if not count:
        complain("marpack: warning: no archive was found")
    return status


def _listed(path: str | None) -> Sequence[str]:
    """Return the locations that a file lists."""
    if path is None:
        return []
    if path == "-":
        if sys.stdin is None:
            raise UsageError("--from-file -: standard input is closed: open it, or name a file")
        data = sys.stdin.buffer.read()
    else:
        with naming(path), open(path, "rb") as file:
            data = file.read()
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(line) for line in lines if line]
