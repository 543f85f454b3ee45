"""The options that say which server an archive is for, of the commands that hold archives against the rules."""

from __future__ import annotations

import argparse
from typing import Any

from marpack.checks.examine import TARGETS, python_version
from marpack.cli.words import torch_version, torchserve_version


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--target", choices=TARGETS, default="torchserve", help="who runs it; default: torchserve")
    add("--python", type=_python, metavar="VERSION", help="of the server, as 3.9; default: this Python's")
    add(
        "--torch",
        type=torch_version,
        metavar="VERSION",
        help="of the server, as 2.1; default: its image's, if known",
    )
    add(
        "--torchserve-version",
        type=torchserve_version,
        metavar="VERSION",
        help="of the server, as 0.9.0, whose image has a torch of its own",
    )


def server(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was said of the server, as arguments."""
    return {name: getattr(options, name) for name in ("target", "python", "torch", "torchserve_version")}


def _python(text: str) -> str:
    try:
        python_version(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
