"""``marpack run``: what it prints of what a real worker answers, and how it ends."""

from __future__ import annotations

import base64
import contextlib
import io
import json
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
from types import SimpleNamespace
from typing import Any

import pytest

from marpack.cli import main
from tests.conftest import full_disk
from tests.support.archives import CLEAR, check_json, packed
from tests.support.processes import WAIT_SECONDS, end_of, wait_for
from tests.support.torchserve import SHARED_VERSION, environment, install_folder
from tests.support.wheels import wheel, wheel_name

pytestmark = pytest.mark.server

Capture = pytest.CaptureFixture[str]

PICTURE = b"\x89PNG\r\n\x1a\n\0\xff"
ANSWER = '{\n  "a": 1\n}'
ERROR = '{\n  "code": 503,\n  "type": "InternalServerException",\n  "message": "Prediction failed"\n}\n'
HANDLER = """\
import json
import os
import sys
import time


class Handler:
    def initialize(self, context):
        self.size = context.system_properties["batch_size"]
        self.gpu = context.system_properties["gpu_id"]
        print("initialized")
        print("process", os.getpid())

    def handle(self, data, context):
        return [self.answer(row, number, context) for number, row in enumerate(data)]

    def answer(self, row, number, context):
        asked = row.get("body")
        word = asked if isinstance(asked, str) else ""
        if word == "raise":
            print("about to raise")
            try:
                {}["gone"]
            except KeyError as error:
                raise ValueError("as asked") from error
        if word == "picture":
            context.set_response_content_type(number, "image/png")
            return PICTURE
        if word == "hang":
            print("hanging", flush=True)
            if "HANGS" in os.environ:
                open(os.environ["HANGS"], "w").close()
            time.sleep(1000)
        if word == "die":
            os._exit(3)
        if word == "created":
            context.set_response_status(201, "Made", number)
            return "made"
        if word == "hostile":
            print("logged \\x1b[2J")
            return "said \\x1b[2J"
        if word == "describe":
            headers = dict(context.get_all_request_header(number))
            return {"headers": headers, "batch": self.size, "gpu": self.gpu}
        if word == "long":
            return "x" * 2000
        if isinstance(asked, (bytes, bytearray)):
            return bytes(asked)
        if asked is None:
            return {name: len(value) for name, value in row.items()}
        return asked


PICTURE = b"\\x89PNG\\r\\n\\x1a\\n\\0\\xff"
"""
FAILING_LINE = HANDLER[: HANDLER.index("raise ValueError")].count("\n") + 1


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    archive()
    Path("a.json").write_text('{"a": 1}')
    Path("picture.png").write_bytes(PICTURE)
    for word in ("raise", "picture", "hang", "die", "created", "hostile", "describe", "long", "two"):
        Path(f"{word}.txt").write_text(word)
    return tmp_path


def archive(handler: str = HANDLER, **more: Any) -> Path:
    return packed(Path(), handler={"handler.py": handler.encode()}, force=True, **more)


@pytest.fixture(scope="module")
def worker_python(run_python: Callable[[str], Path]) -> Path:
    return run_python(SHARED_VERSION)


@pytest.fixture
def run(worker_python: Path, capsys: Capture) -> Callable[..., tuple[int, str, str]]:
    """Return how the command ends, and what it writes."""

    def run_it(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["run", *words, "--python", str(worker_python)])
        return (status, *capsys.readouterr())

    return run_it


Run = Callable[..., tuple[int, str, str]]


def inputs(*names: str) -> list[str]:
    return [word for name in names for word in ("--input", name)]


def test_the_answer_and_its_status(run: Run) -> None:
    assert run("m.mar", "--input", "a.json") == (0, ANSWER, "200\n")
    assert run("m.mar", "--input", "created.txt") == (0, "made", "201 Made\n")
    assert run("m.mar", "--input", "a.json", "--content-type", "a/b") == (0, '{"a": 1}', "200\n")


def test_a_model_that_is_only_loaded(run: Run) -> None:
    status, out, err = run("m.mar")
    assert re.fullmatch(r"m\.mar: m 1\.0 is loaded, in \d+\.\d s, by TorchServe 0\.12\.0\n", out)
    assert (status, err) == (0, "")
    status, _, err = run("m.mar", "--log")
    assert (status, "  | initialized" in err.splitlines()) == (0, True)


def test_headers_before_the_body(run: Run) -> None:
    status, out, err = run("m.mar", "--input", "created.txt", "-i")
    head, _, body = out.partition("\r\n\r\n")
    assert (status, body, err) == (0, "made", "201 Made\n")
    first, *headers = head.split("\r\n")
    assert first == "HTTP/1.1 201 Made"
    assert "content-length: 4" in headers


def test_several_answers(run: Run) -> None:
    status, out, err = run("m.mar", *inputs("a.json", "raise.txt", "created.txt"))
    assert (status, out) == (1, ANSWER + ERROR + "made")
    assert [line for line in err.splitlines() if re.match(r"\S+: ", line)][:3] == [
        "a.json: 200",
        "raise.txt: 503 InternalServerException: Prediction failed",
        "KeyError: 'gone'",
    ]
    assert err.splitlines()[-1] == "created.txt: 201 Made"
    # Of a batch all fail.
    status, out, err = run("m.mar", *inputs("a.json", "raise.txt", "created.txt"), "--batch", "2")
    assert (status, out) == (1, ERROR + ERROR + "made")
    status, out, err = run("m.mar", *inputs("describe.txt", "a.json"), "--batch", "3")
    assert '"batch": 3' in out


def test_into_files(run: Run) -> None:
    assert run("m.mar", "--input", "picture.txt", "-o", "p.png") == (0, "", "200\np.png: 10 bytes\n")
    assert Path("p.png").read_bytes() == PICTURE
    status, out, err = run("m.mar", "--input", "a.json", "-o", "p.png")
    assert (status, out) == (1, "")
    assert err.startswith("marpack: error: 'p.png' already exists")
    assert run("m.mar", "--input", "a.json", "-o", "p.png", "--force")[0] == 0
    assert Path("p.png").read_text() == ANSWER
    status, out, err = run("m.mar", *inputs("a.json", "created.txt"), "-o", "out.d/x.json")
    assert status == 1
    assert "out.d" in err
    assert run("m.mar", *inputs("a.json", "created.txt"), "-o", "x.json") == (
        *(0, ""),
        "a.json: 200\nx-1.json: 12 bytes\ncreated.txt: 201 Made\nx-2.json: 4 bytes\n",
    )
    assert Path("x-2.json").read_text() == "made"
    assert run("m.mar", *inputs("a.json", "two.txt"), "-o", "/dev/null")[:2] == (0, "")
    assert run("m.mar", "--input", "a.json", "-o", "-") == (0, ANSWER, "200\n")
    assert run("m.mar", *inputs("a.json", "created.txt"), "-o", "x.json")[0] == 1


def test_what_is_sent(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, _ = run(
        "m.mar", "--input", "describe.txt", "--header", "X-Mode: a b", "--explain", "--gpu", "3", "--batch", "2"
    )
    told = json.loads(out)
    assert (status, told["batch"], told["gpu"]) == (0, 2, 3)
    assert (told["headers"]["X-Mode"], told["headers"]["explain"]) == ("a b", "True")
    status, out, _ = run("m.mar", "--form", "data=@picture.png", "--form", "top=5")
    assert (status, json.loads(out)) == (0, {"data": len(PICTURE), "top": 1})
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"[1, 2]")))
    assert run("m.mar", "--input", "-", "--content-type", "application/json")[:2] == (0, "[\n  1,\n  2\n]")
    status, out, err = run("m.mar", "--input", "a.json", "--path", "/predictions/other")
    assert (status, err) == (1, "404 ModelNotFoundException: Model not found: other\n")


def test_envelopes(run: Run) -> None:
    Path("rows.json").write_text('{"instances": [{"body": "a"}, {"body": "b"}]}')
    status, out, _ = run("m.mar", "--input", "rows.json", "--envelope", "json")
    assert (status, json.loads(out)) == (0, {"predictions": ["a", "b"]})


def test_what_the_archive_asks_for(run: Run) -> None:
    """It is installed for this run alone, and only when that is wanted."""
    archive(
        "import thing\n\ndef handle(data, context):\n    return [str(thing.VALUE)] * len(data or [])\n",
        requirements_file={"needs.txt": f"--no-index\n./{wheel_name('thing')}\n".encode()},
        extra_files={wheel_name("thing"): wheel("thing", "VALUE = 7\n")},
    )
    status, _, err = run("m.mar", "--input", "a.json")
    assert (status, "ModuleNotFoundError: No module named 'thing'" in err) == (1, True)
    assert run("m.mar", "--input", "a.json", "--requirements") == (0, "7", "200\n")


def test_what_is_too_large_is_not_read_to_its_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = io.BytesIO(bytes(100))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=endless))
    status, _, err = run("m.mar", "--input", "-", "--max-request-size", "7")
    assert (status, err) == (1, "413 Request Entity Too Large\n")
    assert endless.tell() == 8


def test_limits(run: Run) -> None:
    assert run("m.mar", "--input", "a.json", "--max-request-size", "7")[:2] == (1, "")
    status, out, err = run("m.mar", "--input", "long.txt", "--max-response-size", "1k")
    assert (status, err.splitlines()[0]) == (1, "500 InternalServerException: Worker died.")
    assert run("m.mar", "--input", "long.txt", "--max-response-size", "2k")[:2] == (0, "x" * 2000)
    status, out, err = run("m.mar", "--input", "hang.txt", "--timeout", "0.5", "--log")
    first, second = [line for line in err.splitlines() if not line.startswith("  | ")]
    assert (status, first) == (1, "500 InternalServerException: Worker died.")
    assert re.match(r"the worker ended \d+\.\d s after it was asked: ", second)
    [pid] = re.findall(r"^  \| process (\d+)$", err, re.MULTILINE)
    wait_for(lambda: is_running(int(pid)), False)
    status, out, err = run("m.mar", "--max-members", "2")
    assert (status, out) == (1, "")
    assert "members" in err


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("form", ["tgz", "no-archive", "zip-store"])
def test_other_forms(form: Any, run: Run) -> None:
    path = packed(Path(), name="other", handler={"handler.py": HANDLER.encode()}, archive_format=form)
    before = sorted(Path(path).iterdir()) if form == "no-archive" else []
    assert run(str(path), "--input", "a.json") == (0, ANSWER, "200\n")
    _, _, err = run(str(path), "--input", "raise.txt")
    # Of a folder, the file itself: whoever sees it may open it.
    named = path.absolute() if form == "no-archive" else path
    assert f'  File "{named}/handler.py", line {FAILING_LINE}, in answer' in err.splitlines()
    # Nothing is written to what is used where it lies.
    assert form != "no-archive" or sorted(path.iterdir()) == before


def test_a_handler_that_raises(run: Run) -> None:
    """Its own traceback, with files and lines of the archive, and what it wrote."""
    status, out, err = run("m.mar", "--input", "raise.txt")
    assert (status, out) == (1, ERROR)
    lines = err.splitlines()
    assert lines[0] == "503 InternalServerException: Prediction failed"
    assert lines[1] == "Traceback (most recent call last):"
    assert f'  File "m.mar/handler.py", line {FAILING_LINE}, in answer' in lines
    assert "The above exception was the direct cause of the following exception:" in lines
    assert "ValueError: as asked" in lines
    assert "  | about to raise" in lines
    assert "/ts/" not in err
    assert "marpack-" not in err


def test_a_worker_that_dies(run: Run) -> None:
    status, out, err = run("m.mar", *inputs("die.txt", "a.json"))
    assert (status, out.endswith(ANSWER)) == (1, True)
    assert err.splitlines()[0] == "die.txt: 500 InternalServerException: Worker died."
    assert err.splitlines()[-1] == "a.json: 200"


@pytest.mark.parametrize(
    ("handler", "why", "line"),
    [
        ("def handle(data, context:\n    return data\n", "SyntaxError: ", 1),
        ("import nowhere_to_be_found\ndef handle(data, context): return data\n", "nowhere_to_be_found", 1),
        (
            "class H:\n    def initialize(self, c):\n        1/0\n    def handle(self, d, c): pass\n",
            "ZeroDivision",
            3,
        ),
    ],
)
def test_a_model_that_is_not_served(handler: str, why: str, line: int, run: Run) -> None:
    archive(handler)
    status, out, err = run("m.mar", "--input", "a.json")
    assert (status, out) == (1, "")
    assert f'  File "m.mar/handler.py", line {line}' in err
    assert err.splitlines()[-1].startswith("marpack: error: 'm.mar' is not served: ")
    assert why in err.splitlines()[-1]
    status, out, err = run("m.mar", "--input", "a.json", "--json")
    told = check_json(out, "run")
    assert (status, err, told["served"], told["responses"]) == (1, "", False, [])
    assert why in told["error"]["why"]
    assert "m.mar/handler.py" in told["traceback"]


def test_what_is_not_there(run: Run, capsys: Capture) -> None:
    assert run("gone.mar") == (1, "", "marpack: error: 'gone.mar': No such file or directory\n")
    Path("hello.mar").write_text("hello")
    status, out, err = run("hello.mar")
    assert (status, out, err.startswith("marpack: error: 'hello.mar' ")) == (1, "", True)
    for python in ("gone/python", sys.executable, "a.json"):
        assert main(["run", "m.mar", "--python", python]) == 1
        out, err = capsys.readouterr()
        assert (out, err.startswith("marpack: error: "), python in err) == ("", True, True), err


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


def test_json(run: Run) -> None:
    status, out, err = run("m.mar", *inputs("a.json", "picture.txt", "raise.txt"), "--json")
    told = check_json(out, "run")
    assert (status, err) == (1, "")
    assert [told[name] for name in ("path", "served", "model", "version", "torchserve", "batch_size")] == [
        *("m.mar", True, "m", "1.0", "0.12.0", 1)
    ]
    assert [(each["input"], each["status"], each["body"]) for each in told["responses"]] == [
        ("a.json", 200, ANSWER),
        ("picture.txt", 200, None),
        ("raise.txt", 503, ERROR),
    ]
    assert base64.b64decode(told["responses"][1]["body_base64"]) == PICTURE
    assert {"name": "content-type", "value": "image/png"} in told["responses"][1]["headers"]
    assert {"stream": "stdout", "text": "about to raise"} in told["log"]
    assert "PredictionTime" in [each["name"] for each in told["metrics"]]
    assert f'File "m.mar/handler.py", line {FAILING_LINE}' in told["traceback"]
    assert (told["figures"], told["error"]) == (None, None)
    told = check_json(run("m.mar", "--json")[1], "run")
    assert (told["served"], told["responses"]) == (True, [])


def test_the_same_again_and_again(run: Run) -> None:
    status, out, err = run(
        "m.mar", *inputs("a.json", "created.txt", "two.txt"), "--repeat", "5", "--batch", "2", "--json"
    )
    told = check_json(out, "run")["figures"]
    assert (status, told["requests"], told["calls"], told["failed"]) == (0, 15, 10, 0)
    assert 0 < told["p50_ms"] <= told["p90_ms"] <= told["p99_ms"]
    assert told["peak_memory"] > 1 << 20
    status, out, err = run("m.mar", "--input", "a.json", "--repeat", "3")
    assert (status, out) == (0, ANSWER)
    assert re.fullmatch(
        r"200\n"
        r"latency: first [\d.,]+ ms, p50 [\d.,]+ ms, p90 [\d.,]+ ms, p99 [\d.,]+ ms\n"
        r"3 requests: [\d.,]+ a second\n"
        r"memory of the worker: at most \d+ MiB\n",
        err,
    )
    status, out, err = run("m.mar", "--input", "raise.txt", "--repeat", "2")
    assert (status, out) == (1, ERROR)
    assert re.search(r"^2 requests: [\d.,]+ a second, 2 failed$", err, re.MULTILINE)
    told = check_json(run("m.mar", "--input", "a.json", "--repeat", "1", "--json")[1], "run")["figures"]
    assert (told["requests"], told["p50_ms"], told["requests_per_second"]) == (1, None, None)


def test_nothing_hostile_reaches_the_terminal(run: Run, folder: Path) -> None:
    status, _, err = run("m.mar", "--input", "hostile.txt", "--log")
    assert (status, CLEAR in err) == (0, False)
    assert "  | logged \\x1b[2J" in err.splitlines()
    archive(f"raise RuntimeError({CLEAR!r})")
    status, _, err = run("m.mar")
    assert (status, CLEAR in err, "\\x1b[2J" in err) == (1, False, True)


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
