"""``marpack pack-workflow``: every option of ``torch-workflow-archiver``, and a few more."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from marpack.archive.plan.extra_files import Patterns
from marpack.archive.plan.workflow import plan_workflow
from marpack.archiver_options import EXTRA_FILES
from marpack.cli.packing_options import TIME_OF_PACKING, add_own_options, pack
from marpack.cli.words import expand_abbreviations

_ARCHIVERS = ("--export-path", "--extra-files", "--force", "--handler", "--help", "--spec-file", "--workflow-name")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "pack-workflow",
        help="pack a workflow into an archive",
        description="Pack a workflow into an archive (.war). Takes every option of torch-workflow-archiver.",
        epilog="The models of the workflow are not packed: its specification names their archives. "
        f"{TIME_OF_PACKING}",
    )
    parser.set_defaults(run=_run, parser=parser)
    add = parser.add_argument_group("as torch-workflow-archiver").add_argument
    add("--workflow-name", required=True, help="name of the workflow, and of the archive")
    add(
        "--spec-file",
        required=True,
        metavar="PATH",
        help="YAML file of the models and of the order in which they are asked",
    )
    add("--handler", metavar="PATH", help="Python file with the functions among the nodes, if there are any")
    add("--extra-files", metavar="PATHS", help=EXTRA_FILES)
    add("--export-path", metavar="FOLDER", default="", help="default: the current folder")
    add("-f", "--force", action="store_true", help="replace an existing archive")
    add_own_options(parser, file="WORKFLOW_NAME.war")


def prepare(words: Sequence[str]) -> list[str]:
    """Complete the archiver's abbreviations."""
    return expand_abbreviations(words, _ARCHIVERS)


def _run(options: argparse.Namespace) -> int | None:
    return pack(
        options,
        plan_workflow,
        workflow_name=options.workflow_name,
        spec_file=_files(options.spec_file),
        handler=_files(options.handler or ""),
        extra_files=Patterns(options.extra_files or ""),
    )


def _files(value: str) -> list[str]:
    """Split the archiver's comma list, unless a file of exactly that name exists (W4)."""
    if not value:
        return []
    return [value] if os.path.lexists(value) else value.split(",")
