"""``marpack pack``: every option of ``torch-model-archiver``, unchanged, and a few more."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from marpack.archive.handler import BUILTIN_HANDLERS
from marpack.archive.plan.extra_files import Patterns
from marpack.archive.plan.model import plan_archive
from marpack.archiver_options import add_options
from marpack.cli.packing_options import TIME_OF_PACKING, add_own_options, pack
from marpack.cli.provenance_options import add_source
from marpack.cli.words import expand_abbreviations

_ARCHIVER_OPTIONS = (
    *("--archive-format", "--config-file", "--export-path", "--extra-files", "--force", "--handler", "--help"),
    *("--model-file", "--model-name", "--requirements-file", "--runtime", "--serialized-file", "--version"),
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "pack",
        help="pack a model into an archive",
        description="Pack a model into an archive. Takes every option of torch-model-archiver.",
        epilog=f"Built-in handlers: {', '.join(sorted(BUILTIN_HANDLERS['python']))}. {TIME_OF_PACKING}",
    )
    stray = "commas, and no blanks, are between the paths of --extra-files"
    parser.set_defaults(run=_run, parser=parser, stray_words=stray)
    add_options(parser.add_argument_group("as torch-model-archiver"))
    add_own_options(parser, file="MODEL_NAME.mar")
    parser.add_argument(
        "--provenance",
        metavar="FILE",
        help="write what it was made of: options, digests, versions, as an in-toto Statement (SLSA's provenance)",
    )
    add_source(parser)


def prepare(words: Sequence[str]) -> list[str]:
    """Complete the archiver's abbreviations."""
    return expand_abbreviations(words, _ARCHIVER_OPTIONS)


def _run(options: argparse.Namespace) -> int | None:
    return pack(
        options,
        plan_archive,
        model_name=options.model_name,
        handler=options.handler,
        version=options.version,
        model_file=options.model_file,
        serialized_file=options.serialized_file,
        extra_files=Patterns(options.extra_files or ""),
        requirements_file=options.requirements_file,
        config_file=options.config_file,
        runtime=options.runtime,
        archive_format=options.archive_format,
    )
