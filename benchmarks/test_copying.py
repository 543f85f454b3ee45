"""Ways to copy a file into another, from Python's start to its end: why marpack has a loop of its own.

The first member of a zip begins at an odd offset, its header's length; a file in a folder begins at 0. marpack's
loop takes the CRC as well, which the others would need one more reading for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from contenders import command, turns

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Measure

COPY = """
import os, sys
how, offset, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
size = os.stat(path).st_size
with open(path, "rb") as source, open("m.mar", "w+b") as target:
    if how == "marpack":
        import marpack
        from marpack.archive.write.member_contents import MemberContents
        from marpack.archive.write.file_copy import copy_contents
        plan = marpack.plan_archive(model_name="m", handler="base_handler", serialized_file=path)
        assert copy_contents(MemberContents(plan.files[0]), target, offset=offset, threads=os.cpu_count())
    else:
        os.lseek(target.fileno(), offset, os.SEEK_SET)
        done = 0
        while done < size:
            if how == "sendfile":
                done += os.sendfile(target.fileno(), source.fileno(), done, size - done)
            else:
                done += os.copy_file_range(source.fileno(), target.fileno(), size - done, done)
"""


@turns(
    {
        "marpack --offset 39": 7,
        "copy_file_range --offset 39": 7,
        "sendfile --offset 39": 7,
        "marpack --offset 0": 7,
        "copy_file_range --offset 0": 7,
        "sendfile --offset 0": 7,
        "cp": 7,
        "python": 7,
    }
)
@pytest.mark.parametrize("weights", [512], indirect=True, ids="{} MiB".format)
def test_copying(measure: Measure, handler: Path, weights: Path, contender: str, turn: int) -> None:
    how, *options = contender.split()
    words = [sys.executable, "-c", COPY, how, options[-1], str(weights)] if options else None
    measure(f"{weights.stem} MiB", words or command(contender, handler, weights))
