"""``marpack scan``: a line for each of many archives."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from marpack.cli.findings import add_choosing, chosen, counted
from marpack.cli.processes import ended_at_once, process_pool
from marpack.cli.progress import counting
from marpack.cli.reading_options import add_download, add_limits, issue_line, limits_of
from marpack.cli.screen import Screen, out
from marpack.cli.server_options import add_server, server
from marpack.cli.stores import silent_for
from marpack.cli.terminal import UsageError, count_of, naming, show, warn
from marpack.cli.words import positive
from marpack.disk.threads import usable_cpus
from marpack.display import printable
from marpack.scanning.archives import scan
from marpack.scanning.scanned import ScannedArchive, shown_path


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "scan",
        help="look at many archives, and print a line of JSON for each",
        description="Look at all archives in folders and below prefixes of stores, on all cores, and print a "
        "line of JSON for each (spec/scan.schema.json): what it is, and what the server would refuse. A terminal "
        "is shown this in words. Ends with status 1 when one of them has an error.",
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
    add("--json", action="store_true", help="print lines of JSON on a terminal too")
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
    as_json = options.json or not out().is_terminal
    count = with_errors = 0
    with ended_at_once(), silent_for(*locations), counting("archive") as note:
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
            show(archive.to_json() if as_json else "\n".join(_lines(archive, out())), is_part=True)
            count += 1
            with_errors += archive.has_error
            note(count)
    if not count:
        warn("no archive was found")
    elif not as_json:
        show(_sums(count, with_errors, out()))
    return 1 if with_errors else 0


def _lines(archive: ScannedArchive, screen: Screen) -> Iterator[str]:
    """Yield what a person is told of an archive: what it is, and what the server would refuse."""
    weights = sorted({each.kind or "damaged weights" for each in archive.weights})
    named = " ".join(printable(each) for each in (archive.name, archive.version) if each)
    size = None if archive.size is None else count_of(archive.size, "byte")
    what = ", ".join(filter(None, [named, *weights, size]))
    if archive.error is not None:
        found = f"{screen.painted('error', 'error')}: {issue_line(archive.error)}"
    elif archive.findings:
        found = counted(Counter(each.severity for each in archive.findings), screen, of_all=False)
    else:
        found = screen.painted("good", "no findings")
    name = screen.painted("strong", printable(shown_path(archive.path)))
    yield screen.wrapped(": ".join(filter(None, [name, what, found])))
    for finding in archive.findings:
        if finding.severity != "note":
            yield screen.finding(replace(finding, file=None), before="  ", briefly=True)


def _sums(count: int, with_errors: int, screen: Screen) -> str:
    failed = f"{with_errors:,} with errors"
    return f"{count_of(count, 'archive')}, {screen.painted('error', failed) if with_errors else failed}"


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
