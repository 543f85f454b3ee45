"""What ``marpack scan`` prints, and how it ends."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from tests.support.archives import check_json, packed, zipped
from tests.support.processes import end_of, wait_for

Capture = pytest.CaptureFixture[str]

# The installed command, in processes of its own.
SCAN = [sys.executable, "-m", "marpack", "scan", "--processes", "2"]
PIPE_SIZE = 4096


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    return folder


def many(folder: Path, count: int) -> list[str]:
    """Fill a folder with archives; return their paths."""
    data = packed(folder, "first").read_bytes()
    (folder / "first.mar").unlink()
    for number in range(count):
        (folder / f"{number:03}.mar").write_bytes(data)
    return [f"{folder.name}/{number:03}.mar" for number in range(count)]


def lines_of(out: str) -> list[Any]:
    return [check_json(line, "scan") for line in out.splitlines()]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_lines(processes: str, store: Path, capfd: Capture) -> None:
    """One for each, the same by however many processes, and as the library has it."""
    paths = many(store, 15)
    zipped(store / "007x.mar", [], manifest=None)
    assert main(["scan", "store", "--processes", processes, "--ignore", "weights", "--digest"]) == 1
    out, err = capfd.readouterr()
    assert err == ""
    told = lines_of(out)
    assert [line["path"] for line in told] == sorted([*paths, "store/007x.mar"])
    assert [line["path"] for line in told if line["error"]] == ["store/007x.mar"]
    assert out.splitlines() == [each.to_json() for each in marpack.scan("store", ignore="weights", digest=True)]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["good.mar"], 0),
        (["good.mar", "gone.mar"], 1),
        (["bad.mar"], 1),
        (["bad.mar", "--ignore", "handler,manifest,imports"], 1),
        (["bad.mar", "--select", "git-lfs"], 0),
        (["good.mar", "--max-members", "2"], 1),
        (["good.mar", "--target", "vertex"], 1),
        ([], 2),
        (["good.mar", "--select", "gone"], 1),
        (["good.mar", "--processes", "0"], 2),
    ],
)
def test_how_it_ends(words: list[str], status: int, store: Path, capsys: Capture) -> None:
    """With 1 when the server would refuse one, as ``check``; with 2 for words that mean nothing."""
    packed(store.parent, "good", serialized_file=None)
    packed(store.parent, "bad", serialized_file=None, handler={"h.py": b"def handle(:\n"})
    assert main(["scan", "--processes", "1", *words]) == status


def test_no_archive(store: Path, capsys: Capture) -> None:
    assert main(["scan", "store"]) == 0
    assert capsys.readouterr() == ("", "marpack: warning: no archive was found\n")


@pytest.mark.parametrize("end", [b"\n", b"\0", b"\r\n"])
def test_locations_from_a_file(end: bytes, store: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``find`` prints them, with and without -print0."""
    paths = [os.fsencode(path) for path in many(store, 4)]
    Path("listed").write_bytes(end.join([*paths[1:], b""]))
    assert main(["scan", "--processes", "1", "store/000.mar", "--from-file", "listed"]) == 0
    listed = capsys.readouterr().out
    assert [os.fsencode(line["path"]) for line in lines_of(listed)] == paths
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(end.join(paths))))
    assert main(["scan", "--processes", "1", "--from-file", "-"]) == 0
    assert capsys.readouterr().out == listed
    assert main(["scan", "--from-file", "gone"]) == 1
    assert "'gone'" in capsys.readouterr().err


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes that a process has begun."""
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def running(processes: list[int]) -> list[int]:
    """Return those that are there and have not ended."""
    found = []
    for pid in processes:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        found += [pid] if state != "Z" else []
    return found


@contextmanager
def scanning(words: list[str], count: int) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """Begin to scan, and give the process once it has printed so many lines, with those that it has begun.

    It does not end before somebody reads on: its pipe holds a few lines.
    """
    process = subprocess.Popen(
        [*SCAN, *words], stdout=-1, stderr=-1, bufsize=0, pipesize=PIPE_SIZE, start_new_session=True
    )
    assert process.stdout is not None
    begun: list[int] = []
    try:
        for _ in range(count):
            lines_of(process.stdout.readline().decode())
        begun = children(process)
        yield process, begun
    finally:
        process.kill()
        for pid in running(begun):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_at_once(number: signal.Signals, store: Path) -> None:
    """With all that it began, also what would never be done; and says nothing but that."""
    with scanning(many(store, 200), 1) as (process, begun):
        assert running(begun) == begun
        assert len(begun) == 2
        if number != signal.SIGKILL:
            for pid in begun:
                os.kill(pid, signal.SIGSTOP)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        _, err = end_of(process)
        assert err == (b"marpack: error: interrupted\n" if number == signal.SIGINT else b"")
        assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
        wait_for(lambda: running(begun), [])


class PressedWhileLoading:
    """What finds modules presses Ctrl-C when the command's own is looked for."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "marpack.cli.commands.scan":
            signal.raise_signal(signal.SIGINT)


def test_it_ends_while_it_is_loaded(store: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "marpack.cli.commands.scan", raising=False)
    monkeypatch.setattr(sys, "meta_path", [PressedWhileLoading(), *sys.meta_path])
    assert main(["scan", "store"]) == 128 + signal.SIGINT
    assert capsys.readouterr().err == "marpack: error: interrupted\n"


def test_nobody_reads_any_more(store: Path) -> None:
    with scanning(many(store, 200), 1) as (process, begun):
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""
        wait_for(lambda: running(begun), [])
        process.stdout = None


def test_lines_that_cannot_be_written(store: Path) -> None:
    """Not all is done then: what comes after them is not looked at."""
    many(store, 30)
    for words in (["scan", "store"], ["scan", "store", "--processes", "1"], ["check", *many(store, 2)]):
        with open("/dev/full", "w") as full:
            command = [sys.executable, "-m", "marpack", *words]
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (
            1,
            "marpack: error: not all is done, for the result cannot be printed: No space left on device\n",
        )


def test_a_process_that_is_killed(store: Path) -> None:
    """What it had to do is done by another one: no line is lost, and none is twice."""
    paths = many(store, 100)
    with scanning(paths, 1) as (process, begun):
        os.kill(begun[0], signal.SIGKILL)
        out, err = end_of(process)
        assert (process.returncode, err) == (0, b"")
        assert [line["path"] for line in lines_of(out.decode())] == paths[1:]
