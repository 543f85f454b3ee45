"""What the command says where its streams, its environment or its words are not what they should be."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marpack.cli import main
from marpack.cli.packing_options import shown_findings
from marpack.cli.terminal import show_body
from tests.support.archives import HOSTILE, packed, zipped
from tests.support.terminals import Terminal, on_a_terminal

Capture = pytest.CaptureFixture[str]

FULL = Path("/dev/full")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "marpack", *words]


@pytest.mark.parametrize(
    "words",
    [
        [f"--{HOSTILE}"],
        [HOSTILE],
        ["inspect", "a.mar", f"{HOSTILE}.mar"],
        ["inspect", "a.mar", f"--json={HOSTILE}"],
        ["check", f"--max-size={HOSTILE}", "a.mar"],
        ["config", HOSTILE],
    ],
)
def test_words_that_mean_nothing_are_escaped(words: list[str], capsys: Capture) -> None:
    """A wildcard stands for names of files, which somebody else may have chosen."""
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.replace("\n", "").isprintable(), err
    assert "\\x1b[2J" in err


def test_secrets_among_them_are_hidden(capsys: Capture) -> None:
    assert main(["verify", "a.mar", "https://me:hunter2@example.org/", "--password=hunter2"]) == 2
    assert "hunter2" not in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["check", "--help"], ["check", "--rules"]])
def test_a_reader_that_has_enough_gets_no_traceback(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as gone:
        done = subprocess.run(command(*words), stdout=gone, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is full")
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["check", "--help"], ["check", "--rules"]])
def test_a_full_disk_is_told(words: list[str]) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(command(*words), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("marpack: error: ")
        assert done.stderr.endswith("the result cannot be printed: No space left on device\n")
        assert subprocess.run(command("check", "--nope"), stderr=full, check=False).returncode == 2


def test_a_snapshot_that_a_terminal_is_shown(tmp_path: Path, capsys: Capture) -> None:
    """It is meant for a file, which has these letters as they are; JSON has another way to write each."""
    name = "m\x9b31m\x7f\u202e\u200b\U000e0041\u5f88"
    manifest = json.dumps(
        {"runtime": "python", "model": {"modelName": name, "modelVersion": "1.0", "handler": "h.py"}}
    )
    path = zipped(tmp_path / "m.mar", [("h.py", b"")], manifest=manifest)
    words = ["snapshot", "build", "--style", "server", str(path)]
    shown = on_a_terminal(words)
    assert shown.replace("\n", "").isprintable()
    assert "\u5f88" in shown
    assert main(words) == 0
    piped = capsys.readouterr().out
    assert f'"{name}"' in piped
    assert json.loads(shown) == json.loads(piped)


def test_headers_that_a_terminal_is_shown() -> None:
    """They end with an empty line, and all of theirs end as HTTP's do."""
    terminal = Terminal(80, "utf-8")
    try:
        with contextlib.redirect_stdout(terminal.stream):
            show_body(b"HTTP/1.1 200\r\nx-a: \x1b[2J\tb\r\n\r\n", "")
            show_body(b"text\n\n", "")
    finally:
        written = terminal.written()
    assert written == "HTTP/1.1 200\nx-a: \\x1b[2J\tb\n\ntext\n\n"


def script(*lines: str) -> subprocess.CompletedProcess[str]:
    """Run a program that ends with the status of the command line in it."""
    text = "\n".join(["import os, signal, sys", *lines])
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)


def test_interrupted_before_it_can_say_so() -> None:
    """Ctrl-C in the first tenth of a second, when Python loads what reads the words."""
    done = script(
        "class Pressed:",
        "    def find_spec(self, name, *_):",
        "        if name == 'marpack.cli.parser': signal.raise_signal(signal.SIGINT)",
        "sys.meta_path.insert(0, Pressed())",
        "from marpack.__main__ import run",
        "sys.exit(run())",
    )
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing forks")
def test_interrupted_while_processes_begin(tmp_path: Path) -> None:
    """Of what Python calls at a fork it throws exceptions away."""
    path = packed(tmp_path)
    done = script(
        "os.register_at_fork(after_in_parent=lambda: signal.raise_signal(signal.SIGINT))",
        "from marpack.__main__ import run",
        f"sys.argv[1:] = ['scan', '--processes', '2', {str(path)!r}]",
        "sys.exit(run())",
    )
    assert (done.returncode, done.stderr) == (130, "marpack: error: interrupted\n")


def test_interrupted_while_a_class_is_made() -> None:
    """For which Python 3.11 raises an error of its own."""

    class Pressed:
        def __set_name__(self, *_: object) -> None:
            raise KeyboardInterrupt

    def look(_: str) -> tuple[()]:
        type("Made", (), {"attribute": Pressed()})
        return ()

    with pytest.raises(KeyboardInterrupt):
        shown_findings("warn", look)
