"""The options of ``torch-model-archiver``."""

from __future__ import annotations

import argparse

from marpack.archive.forms import ARCHIVE_FORMATS
from marpack.archive.manifest import RUNTIMES

EXTRA_FILES = "comma list of files, wildcards and folders, whose contents go to the archive's root"


def add_options(to: argparse._ActionsContainer) -> None:
    """Add the official command's options to a parser, or a group of one."""
    add = to.add_argument
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
