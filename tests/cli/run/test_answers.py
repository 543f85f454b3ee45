"""What ``marpack run`` prints of what a real worker answers."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from marpack.cli import main
from tests.support.archives import CLEAR, check_json, packed
from tests.support.processes import wait_for
from tests.support.run_command import ANSWER, ERROR, FAILING_LINE, HANDLER, PICTURE, Capture, Run, archive, inputs
from tests.support.wheels import wheel, wheel_name

pytestmark = pytest.mark.server


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
