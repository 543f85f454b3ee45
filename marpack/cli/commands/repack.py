"""``marpack repack``: another archive from one that exists."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from functools import partial

from marpack.archive.forms import ARCHIVE_FORMATS
from marpack.archive.plan.repack import plan_repack
from marpack.cli.packing_options import add_own_options, misused, pack
from marpack.cli.reading_options import ARCHIVE, add_download, add_limits, opened
from marpack.cli.stores import is_url
from marpack.cli.terminal import naming
from marpack.disk.file_names import without_last_separator


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "repack",
        help="make another archive of one that exists",
        description="Make another archive of one that exists, with another name, version, form or members. What "
        "does not change is copied as it is, deflated or stored, with its CRC, and shares blocks with the archive "
        "where the file system can.",
    )
    add_own_options(parser, file="MODEL_NAME.mar")
    # None: what is deflated stays as it is.
    parser.set_defaults(run=_run, parser=parser, deflate=None)
    add = parser.add_argument
    add("archive", metavar="ARCHIVE", help=ARCHIVE)
    add("--model-name", metavar="NAME", help="another name of the model, or of the workflow")
    add("-v", "--version", metavar="VERSION", help="another version of the model")
    add(
        "--put",
        metavar="NAME=PATH",
        type=_name_and_path,
        action="append",
        default=[],
        help="put a file in, in the place of one of that name; once or more",
    )
    add("--drop", metavar="NAME", action="append", default=[], help="leave a file or a folder out; once or more")
    add("--archive-format", choices=ARCHIVE_FORMATS, help="another form; default: that of the archive")
    add(
        "--export-path",
        metavar="FOLDER",
        default="",
        help="where it goes; default: beside the archive, or here where it is behind a URL",
    )
    add(
        "--verify",
        action="store_true",
        help="read what is taken over and hold it against its CRC; otherwise damage may be carried on with a CRC "
        "that shows it",
    )
    add("-f", "--force", action="store_true", help="replace an existing archive, also this one")
    add_download(parser)
    add_limits(parser)


def _run(options: argparse.Namespace) -> int | None:
    if twice := [name for name, count in Counter(name for name, _ in options.put).items() if count > 1]:
        return misused(options, f"--put: {twice[0]!r} is given twice: decide")
    with naming(options.archive), opened(options.archive, options) as archive:
        if options.output is None and not is_url(options.archive):
            options.export_path = options.export_path or os.path.dirname(without_last_separator(options.archive))
        return pack(
            options,
            partial(plan_repack, archive),
            model_name=options.model_name,
            version=options.version,
            put=dict(options.put),
            drop=options.drop,
            archive_format=options.archive_format,
            verify=options.verify,
        )


def _name_and_path(text: str) -> tuple[str, str]:
    name, _, path = text.partition("=")
    if not name or not path:
        raise argparse.ArgumentTypeError(f"must be NAME=PATH, not {text!r}")
    return name, path
