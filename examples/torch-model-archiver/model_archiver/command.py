"""The command ``torch-model-archiver``."""

import sys

from marpack.cli import main as marpack


def main() -> int:
    """Run ``marpack pack`` with the process's arguments; return the exit status."""
    return marpack(["pack", *sys.argv[1:]])
