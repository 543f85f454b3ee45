"""``python -m marpack`` and ``marpack``: the command line as a process of its own."""

from __future__ import annotations

import gc
import sys

# Loading a command makes up to 31,000 objects, which the collector else looks through again and again: 4 ms of 60.
_OBJECTS = 50_000
# As main has it, and shells.
_INTERRUPTED = 130


def run() -> int:
    """Run the command line with the process's arguments; return the exit status."""
    gc.set_threshold(_OBJECTS)
    try:
        from marpack.cli import main
    except KeyboardInterrupt:  # which main tells from there on
        return _INTERRUPTED
    status = main()
    # Python looks for what nobody holds once more at its end, where all of it goes: 5 ms of 60.
    gc.freeze()
    return status


if __name__ == "__main__":
    sys.exit(run())
