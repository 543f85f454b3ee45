"""A worker's life: it answers, dies, hangs, is closed from anywhere, and nothing is left of it (J40 to J45)."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack.errors import MarpackError, NotServedError
from marpack.running import Request, Worker
from marpack.running.connection import Connection
from marpack.running.handlers_log import lines_after
from tests.running.conftest import descriptors, marked
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Worker]

pytestmark = pytest.mark.server

ECHO = "def handle(data, context):\n    return data\n"
ASKED = Request.json({"a": 1})


def when_asked(*lines: str, first: str = "") -> str:
    """Return a handler that does this when it is asked, and not when it is loaded."""
    body = "".join(f"    {line}\n" for line in lines)
    return (
        f"{first}\ndef handle(data, context):\n    if data is None:\n        return None\n{body}    return data\n"
    )


def when_loaded(*lines: str) -> str:
    body = "".join(f"        {line}\n" for line in lines)
    return (
        "import os, signal, sys, time\n"
        f"class Handler:\n    def initialize(self, context):\n{body}"
        "    def handle(self, data, context):\n        return data\n"
    )


def died(response: Any, status: int = 500) -> bool:
    return bool(response.status == status and response.json()["message"] == "Worker died.")


def test_it_answers_one_and_several_in_batches(worker: Make) -> None:
    text = when_asked("return [str(len(data)) + json.dumps(each['body']) for each in data]", first="import json")
    with worker(text, batch_size=2) as loaded:
        assert loaded.predict(ASKED).text() == '1{"a": 1}'
        answers = loaded.predict([Request.json(number) for number in range(5)])
        assert [each.text() for each in answers] == ["20", "21", "22", "23", "14"]
        assert loaded.predict([]) == []
        for wrong in ({"pixels": [0]}, b"{}", [b"{}"]):
            with pytest.raises(TypeError, match=r"give a Request, as Request\.json"):
                loaded.predict(wrong)  # type: ignore[arg-type]
        assert (loaded.model_name, loaded.version, loaded.batch_size) == ("m", "1.0", 2)
        assert loaded.torchserve_version == "0.12.0"
        assert loaded.peak_memory is not None
        assert loaded.peak_memory > 10_000_000
    assert loaded.pid is None
    with pytest.raises(MarpackError, match="not started"):
        loaded.predict(ASKED)
    with loaded:  # and once more
        assert loaded.predict(ASKED).ok


@pytest.mark.parametrize("version", ["0.12.0", "0.9.0"])
def test_the_log_is_whole_and_in_order_when_an_answer_comes(worker: Make, version: str) -> None:
    text = when_asked(
        "for number in range(2000): print(number)",
        "print('trouble', file=sys.stderr)",
        "print('no end', end='', file=sys.stderr)",
        first="import sys\nprint('imported')",
    )
    with worker(text, version=version) as loaded:
        for _ in range(3):
            before = loaded.log
            loaded.predict(ASKED)
            new = lines_after(loaded.log, before)
            assert [line.text for line in new if line.text.isdecimal()] == [*map(str, range(2000))]
            # Of what has no end yet the rest comes with the next.
            assert [line.text for line in new if line.stream == "stderr"][-1] == "no end"
            assert [line.text.endswith("trouble") for line in new].count(True) == 1
        assert "imported" in [line.text for line in loaded.log]
        times = loaded.metrics
        assert [metric.name for metric in times] == ["PredictionTime"] * 3
        assert times[0].unit in {"ms", "Milliseconds"}
        assert times[0].dimensions == {"ModelName": "m", "Level": "Model"}
        assert times[0].type == ("GAUGE" if version == "0.12.0" else "")
        assert times[0].request_id
        assert not [line for line in loaded.log if "[METRICS]" in line.text]


def test_what_it_prints_at_its_end_is_in_the_log(worker: Make, ordinary: Path) -> None:
    text = when_asked(first="import atexit\natexit.register(print, 'good night')")
    with worker(text, python=ordinary) as loaded:
        loaded.predict(ASKED)
    assert loaded.log[-1].text == "good night"


def test_a_long_log_keeps_its_beginning_and_its_end(worker: Make) -> None:
    text = when_asked(
        "for number in range(30_000): print(number)", "print('x' * 200_000)", first="print('imported')"
    )
    with worker(text) as loaded:
        loaded.predict(ASKED)
        texts = [line.text for line in loaded.log]
        assert "imported" in texts[:1000]
        assert len(texts) == 11_000
        assert texts[-5:-4] == ["29999"]
        assert [len(each) for each in texts[-4:]] == [65_536, 65_536, 65_536, 200_000 - 3 * 65_536]


def test_a_hung_handler_is_ended_and_the_next_request_answered(worker: Make) -> None:
    text = when_asked("if data[0]['body'] == 'hang': time.sleep(600)", first="import time")
    with worker(text, response_timeout=1) as loaded:
        first = loaded.pid
        assert died(loaded.predict(Request.json("hang")))
        # The one that does not hang may take longer on a busy machine.
        model = loaded._model
        assert model is not None
        loaded._model = replace(model, settings=replace(model.settings, response_timeout=120))
        assert loaded.predict(Request.json("go")).json() == {"body": "go"}
        assert loaded.pid != first


def test_whoever_never_listens_is_ended(
    worker: Make, tmp_path: Path, ordinary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J42: it has 2 minutes, here one second."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ "$1" != -c ] && exec sleep 600\nexec {shlex.quote(str(ordinary))} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr("marpack.running.loading.START_TIMEOUT", 1)
    with pytest.raises(NotServedError) as refused:
        worker(ECHO, python=python).start()
    assert refused.value.why == "the worker did not listen in time"


def test_a_hung_load_is_ended(worker: Make) -> None:
    """J42."""
    for seconds in (1, 60):  # on a busy machine it may not even have begun after one
        with pytest.raises(NotServedError) as refused:
            worker(when_loaded("print('before')", "time.sleep(600)"), startup_timeout=seconds).start()
        assert refused.value.why == "the worker did not answer in time"
        if "before" in refused.value.log:
            break
    assert "before" in refused.value.log


@pytest.mark.parametrize(
    ("dying", "why", "exit_status"),
    [
        ("os._exit(3)", "the worker ended before it answered, with status 3", 3),
        ("sys.exit(4)", "the worker ended before it answered, with status 4", 4),
        ("os.kill(os.getpid(), signal.SIGKILL)", "the worker ended before it answered, with status 137", 137),
        ("raise ValueError('no')", "ValueError: no", 1),
        ("raise RuntimeError('no')", "RuntimeError: no", None),
        ("raise MemoryError", "MemoryError", None),
    ],
)
def test_a_worker_that_dies_while_it_loads(worker: Make, dying: str, why: str, exit_status: int | None) -> None:
    with pytest.raises(NotServedError) as refused:
        worker(when_loaded("print('before')", dying)).start()
    assert refused.value.message == "Failed to start workers for model m version: 1.0"
    assert refused.value.status == (507 if dying == "raise MemoryError" else 500)  # J68
    assert refused.value.why.startswith(why)
    assert "before" in refused.value.log
    assert refused.value.exit_status == exit_status
    if dying.startswith("raise"):
        assert refused.value.traceback == (
            'Traceback (most recent call last):\n  File "m.mar/handler.py", line 5, in initialize\n'
            f"    {dying}\n{why}"
        )


@pytest.mark.parametrize(
    ("dying", "status"),
    [
        ("os._exit(3)", 500),
        ("sys.exit(0)", 500),
        ("os._exit(137)", 507),
        ("raise KeyboardInterrupt", 500),
        # A frame that says that its text is longer than any.
        ("os.write(socket_of(), b'\\0\\0\\0\\xc8\\x7f\\xff\\xff\\xff' * 9); time.sleep(600)", 500),
        ("os.write(socket_of(), b'\\0\\0\\0\\xc8\\0\\0\\0\\0\\xff\\xff\\xff\\0' * 9); time.sleep(600)", 500),
        # One that answers what was never asked.
        ("os.write(socket_of(), b'\\0\\0\\0\\xc8\\0\\0\\0\\0\\0\\0\\0\\1x' + bytes(20) + b'\\xff' * 4)", 500),
        ("context.set_response_status(200, '\\u20ac' * 300)", 500),
        ("context.set_response_header(0, 'a', 1)", 500),
    ],
)
def test_a_worker_that_dies_while_it_answers(worker: Make, dying: str, status: int) -> None:
    first = (
        "import os, sys, time\n"
        "def socket_of():\n"
        "    names = {f: os.readlink(f'/proc/self/fd/{f}') for f in os.listdir('/proc/self/fd')"
        " if os.path.exists(f'/proc/self/fd/{f}') or os.path.islink(f'/proc/self/fd/{f}')}\n"
        "    return max(int(f) for f, name in names.items() if name.startswith('socket:'))\n"
    )
    text = when_asked("if data[0]['body'] == 'die': " + dying, first=first)
    with worker(text, response_timeout=60) as loaded:
        assert died(loaded.predict(Request.json("die")), status)
        assert loaded.predict(Request.json("go")).json() == {"body": "go"}


def test_a_killed_worker_is_out_of_memory(worker: Make, ordinary: Path) -> None:
    text = when_asked("if data[0]['body'] == 'die': os.kill(os.getpid(), 9)", first="import os")
    with worker(text, python=ordinary) as loaded:
        assert died(loaded.predict(Request.json("die")), 507)
        assert loaded.predict(ASKED).ok


def test_one_that_died_between_requests_is_started_again(worker: Make, tmp_path: Path) -> None:
    """Which it does not before the answer has come: when a file is there."""
    flag = tmp_path / "answered"
    waits = f"    while not os.path.exists({str(flag)!r}): time.sleep(0.01)\n"
    first = f"import os, threading, time\ndef end():\n{waits}    os._exit(1)\n"
    text = when_asked("threading.Thread(target=end, daemon=True).start()", first=first)
    with worker(text) as loaded:
        for _ in range(2):
            assert loaded.predict(ASKED).ok
            process = loaded._held.process  # type: ignore[union-attr]
            flag.touch()
            wait_for(process.runs, False)  # type: ignore[union-attr]
            flag.unlink()


def test_one_that_cannot_be_started_again_is_no_worker(worker: Make, tmp_path: Path) -> None:
    flag = tmp_path / "loaded"
    text = when_loaded(f"if os.path.exists({str(flag)!r}): raise ValueError('once')", f"open({str(flag)!r}, 'w')")
    with worker(text.replace("return data", "os._exit(1)")) as loaded:
        assert died(loaded.predict(ASKED))
        assert loaded.predict(ASKED).status == 503
        assert loaded.traceback.endswith("ValueError: once")
        flag.unlink()
        assert died(loaded.predict(ASKED))


def test_100_mb(worker: Make) -> None:
    size = 100_000_000
    text = when_asked(f"return [bytes(range(250)) * {size // 250}]")
    with worker(text) as loaded:
        assert died(loaded.predict(ASKED))
    with worker(text, max_response_size=size) as loaded:
        response = loaded.predict(ASKED)
        assert response.body == bytes(range(250)) * (size // 250)


def test_a_large_request_is_sent_as_it_lies(worker: Make) -> None:
    size = 300_000_000
    with worker(when_asked("return [str(len(data[0]['body']))]"), max_request_size=size) as loaded:
        assert loaded.predict(Request(body=bytes(size))).text() == str(size)


def test_a_request_of_2_gb_is_refused_before_anything_is_sent(worker: Make) -> None:
    with worker(ECHO) as loaded:
        before = loaded.log
        assert loaded.predict(Request(body=bytes(2_000_000_000))).status == 413
        assert loaded.log == before


def test_no_bytes_of_a_request_are_taken_where_the_server_is_told_so(worker: Make) -> None:
    """One that has none is answered, as of a server (server/test_limits.py)."""
    with worker(
        "def handle(data, context):\n    return ['there'] * len(data or [])\n", max_request_size=0
    ) as loaded:
        assert loaded.predict(Request()).text() == "there"
        assert loaded.predict(Request(body=b"x")).status == 413


def test_several_threads_take_turns(worker: Make) -> None:
    found: dict[int, list[Any]] = {}

    def ask(number: int) -> None:
        found[number] = [each.json() for each in loaded.predict([Request.json(number)] * 20)]

    with worker(ECHO) as loaded:
        threads = [threading.Thread(target=ask, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {number: [{"body": number}] * 20 for number in range(8)}


def test_another_thread_closes_it_while_it_is_asked(worker: Make) -> None:
    told: list[BaseException] = []

    def ask() -> None:
        try:
            loaded.predict(ASKED)
        except MarpackError as error:
            told.append(error)

    loaded = worker(when_asked("print('asked')", "time.sleep(600)", first="import time"))
    loaded.start()
    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: "asked" in [line.text for line in loaded.log], True)
    loaded.close()
    loaded.close()
    thread.join()
    assert [str(error) for error in told] == ["the worker was closed before it had answered"]


def test_an_exception_from_elsewhere_ends_the_worker(worker: Make, tmp_path: Path) -> None:
    """As Ctrl-C: an answer would come that nobody waits for. It comes when the worker has written a file."""
    flag, here = tmp_path / "hangs", threading.get_ident()
    hang = f"open({str(flag)!r}, 'w').close(); time.sleep(600)"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def interrupted(what: Callable[[], object]) -> None:
        def alarm() -> None:
            wait_for(flag.exists, True)
            flag.unlink()
            signal.pthread_kill(here, signal.SIGALRM)

        thread = threading.Thread(target=alarm)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            what()
        thread.join()

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        text = when_asked(f"if data[0]['body'] == 'hang': {hang}", first="import time")
        with worker(text) as loaded:
            interrupted(lambda: loaded.predict(Request.json("hang")))
            assert loaded.pid is None
            assert loaded.predict(ASKED).json() == {"body": {"a": 1}}
        interrupted(worker(when_loaded(hang)).start)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_whoever_is_let_go_of_is_closed(worker: Make) -> None:
    loaded = worker(ECHO)
    loaded.start()
    del loaded


def test_a_worker_that_ends_slowly_is_killed(worker: Make, ordinary: Path) -> None:
    text = when_asked(first="import atexit, time\natexit.register(time.sleep, 600)")
    with worker(text, python=ordinary) as loaded:
        loaded.predict(ASKED)


def test_what_cannot_be_removed_is_named(worker: Make, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marpack.running.scratch.remove_folder", lambda _: False)
    loaded = worker(ECHO)
    loaded.start()
    [folder] = temporary.iterdir()
    with pytest.warns(RuntimeWarning) as told:
        loaded.close()
    found = [str(each.message) for each in told if each.category is RuntimeWarning]
    assert found == [f"{str(folder)!r} cannot be removed: see what is in it"]
    assert loaded.pid is None
    wait_for(folder.exists, False)  # the guard tries it, too


def test_200_workers_one_after_another(worker: Make) -> None:
    for _ in range(200):
        with worker(ECHO) as loaded:
            assert loaded.predict(ASKED).ok


def test_a_deep_temporary_folder(worker: Make, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = temporary / ("y" * 100)
    deep.mkdir()
    short = temporary / "s"
    short.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    monkeypatch.setattr("marpack.running.scratch._SHORT", ("/nowhere", str(deep), str(short)))
    with worker(ECHO) as loaded:
        assert loaded.predict(ASKED).ok
        [folder] = deep.iterdir()
        assert (folder / "model" / "handler.py").exists()
        assert [*short.glob("*/worker.1")]
    deep.rmdir()
    short.rmdir()


def test_a_stream_comes_in_parts(worker: Make) -> None:
    text = when_asked(
        "for number in range(3): send([str(number)], context.request_ids, 'x', 200, context)",
        "return ['end']",
        first="from ts.handler_utils.utils import send_intermediate_predict_response as send",
    )
    with worker(text) as loaded:
        assert loaded.predict(ASKED).parts == (b"0", b"1", b"2", b"end")
        assert loaded.predict(ASKED).parts == (b"0", b"1", b"2", b"end")


def test_each_part_has_its_time(worker: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """J42."""
    text = when_asked(
        "for _ in range(3): send(['x'], context.request_ids, 'x', 200, context)",
        "return ['end']",
        first="from ts.handler_utils.utils import send_intermediate_predict_response as send",
    )
    deadlines: list[float] = []
    number = Connection.number

    def noting(connection: Connection, deadline: float) -> int:
        deadlines.append(deadline)
        return number(connection, deadline)

    with worker(text, response_timeout=200) as loaded:
        monkeypatch.setattr(Connection, "number", noting)
        asked = time.monotonic()
        assert loaded.predict(ASKED).parts == (b"x", b"x", b"x", b"end")
    of_parts = [*dict.fromkeys(deadlines)]
    assert len(of_parts) == 4
    assert asked + 200 <= of_parts[0]
    assert of_parts == sorted(of_parts)


def test_an_asynchronous_worker_answers_in_any_order(worker: Make) -> None:
    """Here each when so many others are answered as it says."""
    text = (
        "import asyncio\n"
        "over = 0\n"
        "class Handler:\n"
        "    def initialize(self, context): pass\n"
        "    async def handle(self, data, context):\n"
        "        global over\n"
        "        while over < data[0]['body']: await asyncio.sleep(0.01)\n"
        "        over += 1\n"
        "        if data[0]['body'] == 1: raise ValueError\n"
        "        print('done', data[0]['body'])\n"
        "        return [str(data[0]['body'])]\n"
    )
    with worker(text, config="asyncCommunication: true\n") as loaded:
        *answers, failed = loaded.predict([Request.json(number) for number in (3, 2, 0, 1)])
        assert [each.text() for each in answers] == ["3", "2", "0"]
        assert failed.status == 503
        done = [line.text for line in loaded.log if line.text.startswith("done")]
        assert done == ["done 0", "done 2", "done 3"]


def test_what_it_begins_ends_with_it(worker: Make, ordinary: Path, tmp_path: Path) -> None:
    """A child, one in a session of its own, one that has the worker's socket, and a daemon."""
    first = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "pids = [subprocess.Popen(sleep).pid, subprocess.Popen(sleep, start_new_session=True).pid]\n"
    )
    asked = [
        "forked = os.fork()",
        "if not forked: os.setsid(); time.sleep(600)",
        "if not os.fork(): os.setsid(); subprocess.Popen(sleep); os._exit(0)",
        "if data[0]['body'] == 'die': os._exit(5)",
        "return [json.dumps([*pids, forked])]",
    ]
    text = when_asked(*asked, first="import json\n" + first)
    with worker(text, python=ordinary) as loaded:
        assert loaded.pid is not None
        assert os.getsid(loaded.pid) != os.getsid(0)
        pids = loaded.predict(ASKED).json()
        assert died(loaded.predict(Request.json("die")))
        for pid in pids:
            wait_for(lambda pid=pid: is_running(pid), False)  # type: ignore[misc]
        assert loaded.predict(ASKED).ok


@pytest.mark.parametrize("ending", ["close", "die", "kill the keeper"])
def test_what_hides_ends_with_it(worker: Make, ordinary: Path, ending: str) -> None:
    """A daemon that keeps the output, and a child, with nothing of the worker's group, session and variables."""
    first = (
        "import os, signal, subprocess\n"
        "def begin():\n"
        "    return subprocess.Popen(['sleep', '600'], env={'PATH': os.defpath}, start_new_session=True).pid\n"
        "reader, writer = os.pipe()\n"
    )
    asked = [
        "if data[0]['body'] == 'die': os._exit(5)",
        "if data[0]['body'] == 'keeper': os.kill(os.getppid(), signal.SIGKILL), signal.pause()",
        "if not os.fork(): os.setsid(); os.write(writer, b'%d' % begin()); os._exit(0)",
        "return [{'pids': [begin(), int(os.read(reader, 20))]}]",
    ]
    with worker(when_asked(*asked, first=first), python=ordinary) as loaded:
        pids = [loaded.pid, *loaded.predict(ASKED).json()["pids"]]
        if ending == "die":
            assert died(loaded.predict(Request.json("die")))
        elif ending == "kill the keeper":
            assert died(loaded.predict(Request.json("keeper")), 507)
            for pid in pids[1:]:  # nobody is left who would know them
                os.kill(pid, signal.SIGKILL)
        else:
            loaded.close()
        for pid in pids:
            wait_for(lambda pid=pid: is_running(pid), False)  # type: ignore[misc]


def test_a_copy_of_the_process_shares_nothing(worker: Make) -> None:
    before = descriptors()
    with worker(ECHO) as loaded:
        own = descriptors() - before
        others = descriptors() - own  # some of other tests' may have been collected meanwhile
        pid = os.fork()
        if not pid:
            status = 1
            try:
                with pytest.raises(MarpackError, match="copy"):
                    loaded.predict(ASKED)
                loaded.close()
                del loaded
                assert descriptors() == others
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert loaded.predict(ASKED).ok
        waiting = os.fork()
        if not waiting:
            time.sleep(600)
            os._exit(0)
    os.kill(waiting, signal.SIGKILL)
    os.waitpid(waiting, 0)


@pytest.mark.parametrize(
    "ending",
    ["INT", "TERM", "KILL", "exit", "exit, and all children", "while it loads", "with a copy", "with a child"],
)
def test_an_interrupted_program(
    tmp_path: Path, temporary: Path, run_python: Callable[[str], Path], ordinary: Path, ending: str
) -> None:
    archive, flag = tmp_path / "m", tmp_path / "loading"
    hung = ending == "while it loads"
    (archive / "MAR-INF").mkdir(parents=True)
    hanging = when_loaded(f"open({str(flag)!r}, 'w')", "time.sleep(600)")
    sleep = "import subprocess, sys\nsubprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    (archive / "handler.py").write_text(hanging if hung else f"{sleep}{ECHO}" if "a child" in ending else ECHO)
    python = ordinary if "a child" in ending else run_python("0.12.0")
    (archive / "MAR-INF" / "MANIFEST.json").write_text(
        json.dumps(
            {"runtime": "python", "model": {"modelName": "m", "modelVersion": "1", "handler": "handler.py"}}
        )
    )
    program = f"""
import os, sys, time
from marpack.running import Request, Worker
from marpack.running.handlers_log import lines_after
worker = Worker({str(archive)!r}, python={str(python)!r})
print("begun", flush=True)
worker.start()
assert worker.predict(Request.json(1)).ok
if {ending == "with a copy"} and not os.fork():
    time.sleep(600)
print(worker.pid, flush=True)
if {"exit" in ending}:
    sys.stdin.readline()
if {ending == "exit, and all children"}:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = open(f"/proc/{{name}}/stat").read()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == os.getpid():
            os.kill(int(name), 9)
if {"exit" in ending}:
    os._exit(0)
time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    if hung:
        wait_for(flag.exists, True)
        process.kill()
    else:
        pid = int(process.stdout.readline())
        assert is_running(pid)
        [guard] = guards(temporary)
        # What is sent to all processes of a program to end it does not end the guard.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(guard, number)
        if "exit" in ending:
            process.communicate(b"\n")
        else:
            process.send_signal(getattr(signal, "SIGKILL" if "with" in ending else f"SIG{ending}"))
        process.wait()
        wait_for(lambda: is_running(pid), False)
    process.wait()
    wait_for(lambda: [*temporary.iterdir()], [])
    if "copy" in ending:
        os.killpg(process.pid, signal.SIGKILL)
    process.stdin.close()
    process.stdout.close()
    # The guards, who look once more for what may have been written meanwhile.
    wait_for(lambda: marked(str(temporary)), [])


def guards(temporary: Path) -> list[int]:
    """Return the processes that guard folders in this one."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            words = file.read_bytes()
            if b"marpack-guard" in words and os.fsencode(temporary) in words:
                found.append(int(file.parent.name))
    return found


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_socket_is_what_it_needs(worker: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(MarpackError, match="Unix socket"):
        worker(ECHO)
