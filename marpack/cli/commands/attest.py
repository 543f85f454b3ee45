"""``marpack attest``: what is stated of an archive, a store, a folder or an image, as JSON, unsigned."""

from __future__ import annotations

import argparse

from marpack.archive.read.open import file_name_of, open_archive
from marpack.cli.provenance_options import add_source, parameters_of, require_provenance_asked, source_of
from marpack.cli.reading_options import add_limits, archive_meant, limits_of
from marpack.cli.signature_options import add_stated
from marpack.cli.stores import place, silent_stores
from marpack.cli.terminal import UsageError, making, naming, show
from marpack.cli.words import positive
from marpack.display import printable


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "attest",
        help="state, unsigned, what an archive, a store, a folder or an image holds",
        description="Print what marpack sign signs as an in-toto Statement: the SHA-256 of each file, and of all. "
        "The same input gives the same text, of which a signature's may differ in the order of its keys.",
    )
    parser.set_defaults(run=_run)
    add_stated(parser)
    add = parser.add_argument
    add("-o", "--output", metavar="FILE", help="a file, as model.intoto.json; default, or -: standard output")
    add("-f", "--force", action="store_true", help="replace a file that is there")
    add("--threads", type=positive, metavar="N", help="how many files are read at once, default: one a core")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--sbom", action="store_true", help="a bill of an archive instead, in CycloneDX 1.6")
    kinds.add_argument(
        "--provenance",
        action="store_true",
        help="what you say an archive was made of, as SLSA's provenance (marpack pack --provenance knows more)",
    )
    add_source(parser)
    add_limits(parser)


def _run(options: argparse.Namespace) -> None:
    if options.source == "-":
        raise UsageError("what is stated is named: name a file")
    if options.output == "-":
        options.output = None
    if options.force and options.output is None:
        raise UsageError("--force: nothing is written; name a file (--output FILE)")
    require_provenance_asked(options, asked=options.provenance)
    for option in ("contents", "git_files"):
        if getattr(options, option) and (options.sbom or options.provenance):
            raise UsageError(f"--{option.replace('_', '-')}: it is for what is signed; leave it out")
    from marpack.disk.atomic import replacing_file

    with silent_stores(), naming(options.source):
        text = (
            _bill(options) if options.sbom else _provenance(options) if options.provenance else _statement(options)
        )
    if options.output is None:
        show(text.removesuffix("\n"))
        return
    with making(options.output, "cannot be written"), replacing_file(options.output, force=options.force) as file:
        file.write(text.encode())
    kind = "bill of materials" if options.sbom else "provenance" if options.provenance else "statement"
    show(printable(f"{options.output}: the {kind} of {place(options.source)}"))


def _statement(options: argparse.Namespace) -> str:
    from marpack.signing import attest

    return attest(
        options.source,
        contents=options.contents,
        git_files=options.git_files,
        ignore=[] if options.output is None else [options.output],
        limits=limits_of(options),
        threads=options.threads,
    ).to_json()


def _bill(options: argparse.Namespace) -> str:
    from marpack.signing import bill_of_materials

    with (
        archive_meant(options.source),
        open_archive(options.source, limits=limits_of(options), download=True) as archive,
    ):
        return bill_of_materials(archive)


def _provenance(options: argparse.Namespace) -> str:
    from marpack.signing import attest, provenance_of

    with (
        archive_meant(options.source),
        open_archive(options.source, limits=limits_of(options), download=True) as archive,
    ):
        if archive.form == "folder":
            raise UsageError(
                f"--provenance: {options.source!r} is a folder, which has no SHA-256: name an archive"
            )
        return provenance_of(
            file_name_of(archive),
            attest(archive).resources[0].sha256,
            [
                each
                for each in attest(archive, contents=True, git_files=True).resources
                if each.name != archive.manifest_name
            ],
            parameters=parameters_of(options),
            source=source_of(options),
            builder_id=options.builder_id,
        )
