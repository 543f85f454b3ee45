"""``marpack verify``: all of an archive, read and held against what it says of itself."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from marpack.archive.read.archive import Archive
from marpack.cli.progress import progress_for
from marpack.cli.reading_options import (
    ARCHIVE,
    add_download,
    add_limits,
    issue_line,
    limits_of,
    opened,
    other_folder,
)
from marpack.cli.screen import out
from marpack.cli.signature_options import (
    SIGNED,
    add_required,
    required_signature,
    signature_lines,
    silent_for_signature,
    warn_of_unsigned,
)
from marpack.cli.stores import is_url, place
from marpack.cli.terminal import UsageError, count_of, naming, show, to_json
from marpack.cli.words import positive
from marpack.display import printable
from marpack.errors import ArchiveError, ImageError, SignatureError
from marpack.findings import Issue

if TYPE_CHECKING:
    from marpack.signing import RequiredSignature, VerifiedSignature

# Of the JSON (spec/verify.schema.json).
_SCHEMA_VERSION = 1
# Other files are signed as any file is.
_SUFFIXES = (".mar", ".war", ".tar.gz", ".tgz")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "verify",
        help="read all of an archive, and find damage",
        description="Read all of an archive and say what is wrong: damage, names that would leave the model's "
        "folder, what the server would read otherwise than other programs, files that the manifest names and that "
        "are not there, SHA-256 sums in the manifest's metadata that are not those of the members. With "
        "--signature, first that all of it is signed, also of a model store, other folders and files, and an "
        "image. Ends with status 1 if anything is.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add("archive", metavar="ARCHIVE", help=f"{ARCHIVE}; with --signature also {SIGNED}")
    add(
        "--threads",
        type=positive,
        metavar="N",
        help="how many large members are read at once, default: one a core",
    )
    add("--json", action="store_true", help="print the result as JSON (spec/verify.schema.json)")
    add_required(parser)
    add_download(parser)
    add_limits(parser)


def _run(options: argparse.Namespace) -> int:
    required = required_signature(options)
    if required is None and "sha256:" in options.archive and _is_image(options.archive):
        raise UsageError("an image is verified by a signature of its digest: name that (--signature SIG)")
    what: dict[str, Any] = {"form": None, "members": None, "contents_size": None}
    issues: Sequence[Issue] = ()
    verified: VerifiedSignature | None = None
    try:
        with silent_for_signature(required):
            if required is not None and not _may_be_archive(options.archive):
                verified = _signed(options.archive, required, options)
            else:
                # What is behind a URL is read once for the signature, and again for the rest: from here.
                options.download = options.download or required is not None
                with opened(options.archive, options) as archive:
                    is_none = archive.form == "folder" and archive.manifest_name not in archive
                    if required is None and is_none and (what_it_is := other_folder(options.archive)):
                        raise ArchiveError(archive.path, what_it_is, code="no-manifest")
                    size = sum(member.size for member in archive.members)
                    if required is not None:
                        verified = _signed(archive, required, options)
                    if required is None or not is_none:
                        with progress_for(size, quiet=False) as progress:
                            issues = archive.verify(progress=progress, threads=options.threads)
                        what = {"form": archive.form, "members": len(archive.members), "contents_size": size}
    except (ArchiveError, SignatureError, ImageError) as error:
        if not options.json:
            raise
        issues = [error.issue]
    if verified is not None:
        warn_of_unsigned(verified)
    if options.json:
        document = {"schema": _SCHEMA_VERSION, "path": place(options.archive), "ok": not issues, **what}
        document["signature"] = None if verified is None else _json_of(verified)
        show(to_json(document | {"issues": [issue.asdict() for issue in issues]}))
        return 1 if issues else 0
    screen = out()
    lines = [] if verified is None else signature_lines(verified)
    if what["form"] is not None:
        is_good = not issues
        found = "nothing is wrong" if is_good else count_of(len(issues), "issue")
        found = screen.painted("good" if is_good else "error", found)
        held = f"{count_of(what['members'], 'member')}, {count_of(what['contents_size'], 'byte')}"
        name = screen.painted("strong", printable(place(options.archive)))
        lines += [*map(issue_line, issues), f"{name}: {held}: {found}"]
    show("\n".join(map(screen.wrapped, lines)))
    return 1 if issues else 0


def _may_be_archive(word: str) -> bool:
    """Tell what is opened as an archive from an image, and from files and folders of any kind."""
    from marpack.signing.layout import is_layout

    if is_url(word):
        return True
    if _is_image(word):
        return False
    return not is_layout(word) if os.path.isdir(word) else word.endswith(_SUFFIXES)


def _is_image(word: str) -> bool:
    from marpack.signing.attested import digest_of_image

    return digest_of_image(word) is not None


def _signed(source: Archive | str, required: RequiredSignature, options: argparse.Namespace) -> VerifiedSignature:
    from marpack.signing import verify_signature

    with nullcontext() if isinstance(source, Archive) else naming(source):
        return verify_signature(source, required, limits=limits_of(options), threads=options.threads)


def _json_of(verified: VerifiedSignature) -> dict[str, Any]:
    statement = verified.statement
    return {
        "path": verified.signature,
        "signed_by": verified.signed_by,
        "root": statement.root,
        "sha256": statement.resources[0].sha256 if statement.is_of_one_file else None,
        "files": len(statement.resources),
        "ignored": list(statement.ignored),
        "unsigned": list(verified.unsigned),
    }
