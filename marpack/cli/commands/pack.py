"""``marpack pack``: every option of ``torch-model-archiver``, unchanged, and a few more."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from marpack.archive.forms import ARCHIVE_FORMATS
from marpack.archive.handler import BUILTIN_HANDLERS
from marpack.archive.manifest import RUNTIMES
from marpack.archive.plan.extra_files import Patterns
from marpack.archive.plan.model import plan_archive
from marpack.cli.packing_options import EXTRA_FILES, TIME_OF_PACKING, add_own_options, pack
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
    parser.set_defaults(run=_run, parser=parser)
    add = parser.add_argument_group("as torch-model-archiver").add_argument
    add("--model-name", required=True, help="name of the model, and of the archive")
    add(
        "--handler", required=True, help="a built-in handler's name, or a path: handler.py, or handler.py:function"
    )
    add("-v", "--version", required=True, help="version of the model")
    add("--serialized-file", metavar="PATH", help="weights: state_dict, TorchScript or ONNX")
    add("--model-file", metavar="PATH", help="Python file with the one model class (eager mode)")
    add("--extra-files", metavar="PATHS", help=EXTRA_FILES)
    add("-r", "--requirements-file", metavar="PATH", help="requirements of the model")
    add("-c", "--config-file", metavar="PATH", help="model-config.yaml of the model")
    add("--runtime", choices=RUNTIMES, default="python", help="default: python")
    add("--export-path", metavar="FOLDER", default="", help="default: the current folder")
    add(
        "--archive-format",
        choices=ARCHIVE_FORMATS,
        default="default",
        help="default: zip, deflated; zip-store: zip, stored; tgz; no-archive: a folder; "
        "auto: zip that stores weights and what is compressed already",
    )
    add("-f", "--force", action="store_true", help="replace an existing archive")
    add_own_options(parser, file="MODEL_NAME.mar")


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
