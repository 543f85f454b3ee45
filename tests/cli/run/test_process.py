"""``marpack run`` as a process: how it ends, and what it leaves; at a terminal, watching and debugging."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import full_disk
from tests.support.archives import packed
from tests.support.processes import WAIT_SECONDS, end_of, wait_for
from tests.support.run_command import ANSWER, ERROR, HANDLER, archive
from tests.support.torchserve import SHARED_VERSION, environment, install_folder

pytestmark = pytest.mark.server


def test_a_disk_that_takes_no_more(command: Callable[..., Command]) -> None:
    """It is told of the folder, and not of the archive, that is all there."""
    archive(extra_files={"long.bin": bytes(5_000)})
    with full_disk(1_000):
        started = command("m.mar")
    out, err = end_of(started.process)
    assert (started.process.returncode, out) == (1, b"")
    folder = re.escape(os.path.realpath(started.temporary))
    assert re.fullmatch(rf"marpack: error: '{folder}/marpack-run-\w+/model': File too large\n", err.decode()), err
    assert started.left() == []


class Command:
    """The command as a process, whose leftovers are looked for."""

    def __init__(self, python: Path, folder: Path, *words: str, **how: Any) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "marpack", "run", *words, "--python", str(python)],
            env=os.environ | {"TMPDIR": str(self.temporary), "HANGS": os.path.abspath("hangs")},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **how},
        )

    def left(self) -> list[str]:
        """Return the processes that run in the temporary folder, and what is in it."""
        found = [path.name for path in self.temporary.iterdir()]
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(process / "cwd").startswith(str(self.temporary)):
                    found.append(process.name)
        return found


@pytest.fixture
def command(worker_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Command]]:
    started: list[Command] = []
    folder = tmp_path_factory.mktemp("t")

    def start(*words: str, python: Path = worker_python, **how: Any) -> Command:
        started.append(Command(python, folder, *words, **how))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_by_a_signal(number: signal.Signals, command: Callable[..., Command]) -> None:
    started = command("m.mar", "--input", "hang.txt")
    wait_for(Path("hangs").exists, True)
    assert started.left()
    started.process.send_signal(number)
    out, err = end_of(started.process)
    assert (started.process.returncode, out) == (128 + number, b"")
    assert err == (b"marpack: error: interrupted\n" if number == signal.SIGINT else b"")
    wait_for(started.left, [])


def test_nobody_reads_any_more(command: Callable[..., Command]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    started = command("m.mar", "--input", "a.json", stdout=writing)
    os.close(writing)
    _, err = end_of(started.process)
    assert (started.process.returncode, err) == (1, b"200\n")
    assert started.left() == []


class Terminal:
    """What a person sees, and types."""

    def __init__(self) -> None:
        self._leader, self.follower = pty.openpty()
        self.seen = b""

    def until(self, text: str) -> str:
        """Wait for what is to be seen next."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (place := self.seen.find(text.encode())) < 0:
            assert time.monotonic() < deadline, self.seen
            if select.select([self._leader], [], [], 1)[0]:
                self.seen += os.read(self._leader, 4096)
        before, self.seen = self.seen[:place], self.seen[place + len(text) :]
        return before.decode()

    def type(self, text: str) -> None:
        os.write(self._leader, text.encode())

    def rest(self) -> str:
        """Return all until nobody writes any more."""
        os.close(self.follower)
        with contextlib.suppress(OSError):
            while data := os.read(self._leader, 4096):
                self.seen += data
        os.close(self._leader)
        return self.seen.decode()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--input", "a.json"], ANSWER + "\n"),
        (["--input", "created.txt"], "made\n"),
        (["--input", "picture.txt"], "<10 bytes of image/png>\n"),
        (["--input", "hostile.txt"], "said \\x1b[2J\n"),
    ],
)
def test_a_terminal_is_shown_texts(words: Sequence[str], shown: str, command: Callable[..., Command]) -> None:
    terminal = Terminal()
    started = command("m.mar", *words, stdout=terminal.follower)
    _, err = end_of(started.process)
    assert terminal.rest().replace("\r\n", "\n") == shown
    assert (started.process.returncode, err[:2]) == (0, b"20")


def read_until(stream: Any, text: str) -> str:
    """Return what comes before a line that holds a text, and that line."""
    lines = []
    for line in stream:
        lines.append(line.decode())
        if text in lines[-1]:
            return "".join(lines)
    raise AssertionError("".join(lines))


WAITING = "waiting for a change"


def put(path: str, text: str) -> None:
    """Write a file that is there at once: who watches it must not see it empty."""
    Path("new").write_text(text)
    os.replace("new", path)


def test_watching(command: Callable[..., Command], folder: Path) -> None:
    """It goes on whatever is broken, and says what has changed."""
    packed(folder, name="watched", handler={"handler.py": HANDLER.encode()}, archive_format="no-archive")
    started = command("watched", "--input", "two.txt", "--watch")
    out, err = started.process.stdout, started.process.stderr
    assert out
    assert err
    assert read_until(err, WAITING).splitlines() == ["200", "marpack: waiting for a change, until Ctrl-C"]
    put("watched/handler.py", "def handle(data, context:\n")
    told = read_until(err, WAITING)
    assert told.splitlines()[0] == "marpack: watched/handler.py changed"
    assert "SyntaxError" in told
    put("watched/handler.py", HANDLER.replace("return asked\n", "return asked * 2\n"))
    assert "\n200\n" in read_until(err, WAITING)
    Path("two.txt").unlink()
    assert "'two.txt': No such file" in read_until(err, WAITING)
    put("two.txt", "again")
    assert read_until(err, WAITING).splitlines()[:2] == ["marpack: two.txt changed", "200"]
    started.process.send_signal(signal.SIGINT)
    out_rest, err_rest = end_of(started.process)
    assert (started.process.returncode, out_rest, err_rest) == (130, b"twotwotwoagainagain", b"")
    assert started.left() == []


@pytest.fixture
def ordinary(pytestconfig: pytest.Config) -> Path:
    """Return a Python that starts workers itself: what is given to them beside their streams, they have."""
    return environment(SHARED_VERSION, install_folder(pytestconfig))


def test_debugging_through_pipes(command: Callable[..., Command], ordinary: Path) -> None:
    started = command("m.mar", "--input", "raise.txt", "--pdb", python=ordinary, stdin=subprocess.PIPE)
    out, err = started.process.communicate(b"c\np word + '!'\nq\n", timeout=WAIT_SECONDS)
    assert b"'raise!'" in out
    assert (started.process.returncode, b"503 InternalServerException" in err) == (1, True)
    assert started.left() == []


def test_debugging_at_a_terminal(command: Callable[..., Command], ordinary: Path) -> None:
    terminal = Terminal()
    started = command(
        *("m.mar", "--input", "raise.txt", "--pdb"),
        python=ordinary,
        stdin=terminal.follower,
        stdout=terminal.follower,
    )
    terminal.until("(Pdb) ")
    terminal.type("c\n")
    terminal.until("ValueError: as asked")
    terminal.until("(Pdb) ")
    terminal.type("p word * 2\n")
    terminal.until("'raiseraise'")
    terminal.until("(Pdb) ")
    terminal.type("q\n")
    _, err = end_of(started.process)
    assert terminal.rest().replace("\r\n", "\n").endswith(ERROR)
    assert (started.process.returncode, b"503 InternalServerException" in err) == (1, True)
    assert started.left() == []
