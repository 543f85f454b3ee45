"""``marpack extract``: from an archive to a folder, without what would leave it or fill the disk."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from marpack.archive.forms import SUFFIXES, WORKFLOW_SUFFIX
from marpack.archive.read.open import file_name_of
from marpack.cli.progress import progress_for
from marpack.cli.reading_options import ARCHIVE, LIMIT_OPTIONS, add_download, add_limits, opened
from marpack.cli.signature_options import REQUIRED_OPTIONS, add_required, required_signature, silent_for_signature
from marpack.cli.stores import place
from marpack.cli.terminal import count_of, making, show, to_json
from marpack.cli.words import options_first, positive
from marpack.display import printable
from marpack.errors import MarpackError

# Of the JSON (spec/extract.schema.json).
_SCHEMA_VERSION = 1
_SUFFIXES = (SUFFIXES["default"], WORKFLOW_SUFFIX, SUFFIXES["tgz"], ".tgz")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "extract",
        help="unpack an archive into a new folder",
        description="Unpack an archive into a new folder, as the server unpacks it. An archive that would write "
        "elsewhere, that readers take differently, or that holds more than the limits, is refused before anything "
        "is written.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add("archive", metavar="ARCHIVE", help=ARCHIVE)
    add("folder", metavar="FOLDER", nargs="?", help="default: the archive's name without its suffix")
    add("members", metavar="MEMBER", nargs="*", help="names of members, or of folders, that are wanted alone")
    add("-f", "--force", action="store_true", help="replace a folder that holds a model")
    add("--case-sensitive", action="store_true", help="accept names that differ in upper and lower case only")
    add("--threads", type=positive, metavar="N", help="how many unpack at once, default: one a core")
    add("--json", action="store_true", help="print the result as JSON (spec/extract.schema.json)")
    add_required(parser)
    add_download(parser)
    add_limits(parser)


def prepare(words: Sequence[str]) -> list[str]:
    """Sort the words: members may stand before and behind options."""
    return options_first(words, *LIMIT_OPTIONS, "--threads", *REQUIRED_OPTIONS)


def _run(options: argparse.Namespace) -> None:
    folder = _default_folder(options.archive) if options.folder is None else options.folder
    required = required_signature(options)
    # Behind a URL may lie something else when it is read again.
    options.download = options.download or required is not None
    with opened(options.archive, options) as archive:
        if os.path.realpath(folder) == os.path.realpath(archive.path):
            raise MarpackError(f"{folder!r} is what is to be unpacked: name another folder")
        wanted = options.members or None
        if wanted is None and folder in archive and options.folder is not None:
            raise MarpackError(
                f"{folder!r} is a member, and the folder comes first, as in: "
                f"marpack extract {place(options.archive)} FOLDER {folder}"
            )
        if required is not None:
            if archive.form == "folder":
                raise MarpackError(
                    f"{options.archive!r} is a folder, whose files may change between two looks at them: copy it, "
                    "and then verify the copy (marpack verify --signature)"
                )
            with silent_for_signature(required):
                required.require(archive)
        work = sum(member.size for member in archive.members)
        with progress_for(work, quiet=False) as progress, making(folder, "cannot be made"):
            names = archive.extract(
                folder,
                wanted,
                force=options.force,
                case_sensitive=options.case_sensitive,
                progress=progress,
                threads=options.threads,
            )
        sizes = {name: archive[name].size for name in names}
    size = sum(sizes.values())
    if options.json:
        files = [{"name": name, "size": size} for name, size in sizes.items()]
        document = {"schema": _SCHEMA_VERSION, "archive": place(options.archive), "folder": folder, "size": size}
        show(to_json(document | {"files": files}))
    else:
        show(f"{printable(folder)}: {count_of(len(sizes), 'file')}, {count_of(size, 'byte')}")


def _default_folder(archive: str) -> str:
    name = file_name_of(archive)
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and name != suffix:
            return name.removesuffix(suffix)
    raise MarpackError(
        f"{place(archive)!r} has no suffix that could be left out: name the folder to unpack to, too"
    )
