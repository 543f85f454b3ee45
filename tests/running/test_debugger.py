"""A debugger stops in the handler, and has streams of its own."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from typing import TYPE_CHECKING

import pytest

from marpack.errors import NotServedError
from marpack.running import Request, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.server

HANDLER = """\
class Handler:
    def initialize(self, context):
        self.size = 3

    def handle(self, data, context):
        print("asked")
        size = self.size
        return [self.inner(each["body"]) for each in data]

    def inner(self, body):
        if body == "raise":
            raise ValueError(body)
        if body == "stop":
            breakpoint()
        return str(self.size)
"""


@contextlib.contextmanager
def debugger(*commands: str) -> Iterator[tuple[tuple[int, int], list[str]]]:
    """Give a debugger's descriptors, at whose end these commands wait, and what it has written once it is over."""
    reader, writer = os.pipe()
    output, told = os.pipe()
    os.write(writer, "".join(f"{command}\n" for command in commands).encode())
    found: list[str] = []

    def read() -> None:
        with open(output, encoding="utf-8") as pipe:
            found.append(pipe.read())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield (reader, told), found
    finally:
        for descriptor in (reader, writer, told):
            os.close(descriptor)
        thread.join()


@pytest.mark.parametrize(
    ("body", "commands", "said"),
    [
        ("go", ["w", "n", "n", "p size", "c"], [r"handler\.py\(6\)handle\(\)", r"\(Pdb\) 3\n"]),
        (
            "stop",
            ["c", "p body", "u", "p each", "c"],
            [r"inner\(\)", r"\(Pdb\) 'stop'\n", r"\(Pdb\) \{'body': 'stop'\}\n"],
        ),
        (
            "raise",
            ["c", "p body", "c"],
            [r"ValueError: raise\n", r"handler\.py\(12\)inner\(\)", r"\(Pdb\) 'raise'\n"],
        ),
    ],
)
def test_it_stops(
    worker: Callable[..., Worker], ordinary: Path, body: str, commands: list[str], said: list[str]
) -> None:
    with (
        debugger(*commands) as (descriptors, found),
        worker(HANDLER, python=ordinary, debugger=descriptors, response_timeout=0.001) as loaded,
    ):
        answer = loaded.predict(Request.json(body))
        assert answer.status == (503 if body == "raise" else 200)
        assert os.getpgid(loaded.pid or 0) == os.getpgid(0)
        assert "asked" in [line.text for line in loaded.log]
    for each in said:
        assert re.search(each, found[0]), found[0]


def test_it_looks_at_what_does_not_load(worker: Callable[..., Worker], ordinary: Path) -> None:
    text = HANDLER.replace("self.size = 3", "size = 3; self.size = size / 0")
    with (
        debugger("p size", "c") as (descriptors, found),
        pytest.raises(NotServedError, match="ZeroDivisionError"),
        worker(text, python=ordinary, debugger=descriptors, startup_timeout=0.001),
    ):
        pass
    assert "(Pdb) 3\n" in found[0]
