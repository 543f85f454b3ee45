#!/usr/bin/env bash
# rich 15.0.0
#
# One would guess: after `with Progress() ...` sys.stdout and the cursor are what they were, however it was left, and
# so they are where Ctrl-C comes while the bar is shown.
# What happens: what comes while `start()` draws for the first time leaves both, for `__exit__` is not called of what
# was not entered: sys.stdout stays rich's own, and the cursor stays hidden. An Exception is cleaned up after, a
# KeyboardInterrupt is not.
#
# Seen: while it is shown: stdout restored, cursor shown; in the first drawing: stdout rich's, cursor hidden;
# an exception in the first drawing: stdout restored, cursor shown
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check rich==15.0.0
cat > ask.py <<'EOF'
import io
import signal
import sys

from rich.console import Console
from rich.progress import BarColumn, Progress

RICHS = "rich's"


class Interrupted(BarColumn):
    """A bar that somebody interrupts, or that fails, while it is drawn."""

    def __init__(self, how):
        super().__init__()
        self.how = how

    def render(self, task):
        if self.how == "interrupted":
            signal.raise_signal(signal.SIGINT)
        if self.how == "failing":
            raise LookupError("no such bar")
        return super().render(task)


def told(how):
    shown, before = io.StringIO(), sys.stdout
    progress = Progress(Interrupted(how), console=Console(file=shown, force_terminal=True), auto_refresh=False)
    progress.add_task("work", total=1)
    try:
        with progress:
            if how == "shown":
                signal.raise_signal(signal.SIGINT)
    except (KeyboardInterrupt, LookupError):
        pass
    restored, sys.stdout = sys.stdout is before, before
    written = shown.getvalue()
    hidden = written.rfind("\x1b[?25l") > written.rfind("\x1b[?25h")
    return f"stdout {'restored' if restored else RICHS}, cursor {'hidden' if hidden else 'shown'}"


print(f"while it is shown: {told('shown')}; in the first drawing: {told('interrupted')};")
print(f"an exception in the first drawing: {told('failing')}")
EOF
seen=$(venv/bin/python ask.py)
echo "$seen"
test "$seen" = "while it is shown: stdout restored, cursor shown; in the first drawing: stdout rich's, cursor hidden;
an exception in the first drawing: stdout restored, cursor shown"
