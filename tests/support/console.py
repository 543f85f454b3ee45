"""Blocks of a page that show a terminal: what is typed behind ``$ ``, and below it what comes out.

A command goes on where a line begins with ``> ``. ``...`` in an output stands for anything.
"""

from __future__ import annotations

import doctest
import re
import subprocess
from typing import TYPE_CHECKING

from marpack.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", re.MULTILINE)


@frozen
class Step:
    """A command, and what it prints, on whichever of both outputs."""

    command: str
    output: str

    def is_printed(self, text: str) -> bool:
        """Tell whether a text is what the page shows."""
        return doctest.OutputChecker().check_output(self.output, text, doctest.ELLIPSIS)


def steps(page: str) -> list[Step]:
    """Return what a page shows, in its order."""
    return [
        Step(command=command.replace("\n> ", "\n"), output=output)
        for block in _BLOCK.findall(page)
        for command, output in _STEP.findall(block)
    ]


def run(page: str, folder: Path, scratch: Path, environment: Mapping[str, str]) -> None:
    """Run all commands of a page in one shell; fail where one fails, or prints something else.

    ``scratch`` is where the outputs are kept meanwhile.
    """
    shown = steps(page)
    assert shown
    parts = [
        f"{{\n{step.command}\n}} >{scratch}/{number} 2>&1; echo $? >{scratch}/{number}.status\n"
        for number, step in enumerate(shown)
    ]
    subprocess.run(
        ["bash", "-c", "".join(parts)], cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=True
    )
    for number, step in enumerate(shown):
        printed = (scratch / str(number)).read_text(encoding="utf-8")
        if printed and not printed.endswith("\n"):
            printed += "\n"
        status = (scratch / f"{number}.status").read_text(encoding="utf-8")
        assert status == "0\n", f"{step.command}{printed}"
        assert step.is_printed(printed), f"{step.command}{printed}\nand not\n{step.output}"
