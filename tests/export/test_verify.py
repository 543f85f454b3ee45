"""What is written is started by its real engine as it stands, and answers as the archives do."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack.cli import main
from marpack.export import Compared, ExportPlan, plan_export, verify_export, write_export
from marpack.export.engine import Engine, started
from marpack.running import Request
from tests.export.exports import DIGITS, digits
from tests.support import model_server
from tests.support.archives import T
from tests.support.torchserve import environment, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Capture = pytest.CaptureFixture[str]
# One after another: each takes both cores.
pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("engines")]

# It says what it was given, and which module of two archives it has.
TELLS = """\
import os

from told import WHICH


def handle(data, context):
    if data is None:
        return None
    row = data[0].get("data", data[0].get("body"))
    if isinstance(row, dict) and "status" in row:
        context.set_response_status(row["status"], "Mine", idx=0)
        context.set_response_header(0, "x-mine", "here")
    if row == {"raise": True}:
        raise ValueError("as it was told")
    if row == {"pid": True}:
        return [str(os.getpid())]
    header = context.get_request_header(0, "X-Mine")
    return [{"which": WHICH, "row": str(row), "batch": len(data), "header": header}]
"""
ASKED = (
    Request.json({"pixels": [3] * 64}),
    Request.json({"status": 418}),
    Request.json({"status": 202}),
    Request.json({"raise": True}),
    Request.binary(b"\0\1\2", "image/png", headers={"X-Mine": "yes"}),
    Request.text("a text"),
    Request(body=b"{", headers=(("Content-Type", "application/json"),)),
)


def tells(folder: Path, name: str) -> Path:
    plan = marpack.plan_archive(
        model_name=name,
        version="1.0",
        handler={"handler.py": TELLS.encode()},
        extra_files={"told.py": f"WHICH = {name!r}\n".encode()},
        timestamp=T,
    )
    return Path(marpack.write_archive(plan, folder / f"{name}.mar").path)


def exported(folder: Path, to: str, python: Path, *sources: Path) -> ExportPlan:
    """Write an export that brings all but torch and the engine."""
    plan = plan_export(*sources, to=to, with_ts=True, python=python)
    write_export(plan, folder)
    return plan


def left(folder: str) -> list[str]:
    """Return the processes that are left of engines whose files are below a folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):  # it has ended
                if f"MARPACK_EXPORT={folder}/".encode() in (process / "environ").read_bytes():
                    found.append(process.name)
    return found


def command_of(process: str) -> str:
    """Return what a process was started with; nothing of one that has ended."""
    with contextlib.suppress(OSError):
        return Path("/proc", process, "cmdline").read_text()
    return ""


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is left of engines and workers: no process, and no folder of marpack's."""
    # Ray wants a short path.
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.setenv("TMPDIR", folder)
        yield
        assert not left(folder)
        assert not [name for name in os.listdir(folder) if name.startswith("mar")]


@pytest.fixture(scope="module")
def server_python(pytestconfig: pytest.Config) -> Path:
    """Return a Python that has TorchServe, to be copied from."""
    return environment("0.12.0", install_folder(pytestconfig))


def test_ray_serves_several_models_as_their_workers_do(
    tmp_path: Path, server_python: Path, run_python: Callable[[str], Path]
) -> None:
    """And says so where an export was changed since."""
    pytest.importorskip("ray.serve")
    # More than there are cores, each of which a replica asks for elsewhere.
    models = [tells(tmp_path, name) for name in ("one", "two", "three")]
    plan = exported(tmp_path / "out", "ray", server_python, *models)
    (tmp_path / "out" / "models" / "two" / "1.0" / "told.py").write_text("WHICH = 'changed'\n")
    # More CPUs than there are: no replica waits for one.
    config = tmp_path / "out" / "config.yaml"
    config.write_text(config.read_text().replace("num_cpus: 1", "num_cpus: 4096"))
    found = verify_export(plan, tmp_path / "out", ASKED, python=run_python("0.12.0"))
    by_model = {
        model: [each for each in found if each.model == model] for model in ("one 1.0", "two 1.0", "three 1.0")
    }
    assert [each.own.status for each in by_model["one 1.0"]] == [200, 418, 202, 503, 200, 200, 200]
    assert all(each.is_equal for each in [*by_model["one 1.0"], *by_model["three 1.0"]])
    # What does not come of the file that was changed is equal.
    assert [each.is_equal for each in by_model["two 1.0"]] == [False, False, False, True, False, False, False]
    assert json.loads(by_model["two 1.0"][0].exported.body)["which"] == "changed"
    assert by_model["one 1.0"][1].exported.header("x-mine") == "here"
    assert json.loads(by_model["one 1.0"][4].exported.body)["header"] == "yes"
    assert not list((tmp_path / "out").rglob("__pycache__"))


def test_a_configuration_that_ray_refuses_does_not_start(tmp_path: Path, server_python: Path) -> None:
    """What is started is what lies in the folder, with what has become of it."""
    pytest.importorskip("ray.serve")
    plan = exported(tmp_path / "out", "ray", server_python, tells(tmp_path, "one"))
    config = tmp_path / "out" / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("num_replicas: 1", "num_replicas: -1"))
    assert config.read_text() != text
    with (
        pytest.raises(marpack.MarpackError, match=r"(?s)Ray Serve ended with 1; it wrote last:.*num_replicas"),
        started(plan, os.fspath(tmp_path / "out"), timeout=300),
    ):
        raise AssertionError("it has started")


def test_nobody_else_is_let_into_the_cluster(tmp_path: Path, server_python: Path) -> None:
    """Ray listens at all addresses: who comes without the token of this cluster is refused."""
    pytest.importorskip("ray.serve")
    plan = exported(tmp_path / "out", "ray", server_python, tells(tmp_path, "one"))
    with started(plan, os.fspath(tmp_path / "out"), timeout=300) as engine:
        [folder] = [Path(tempfile.gettempdir(), name) for name in os.listdir(tempfile.gettempdir())]
        assert (folder / "token").stat().st_mode & 0o777 == 0o600
        commands = map(command_of, left(os.fspath(folder.parent)))
        address = next(filter(None, (re.search(r"--gcs-address=([0-9.:]+)", each) for each in commands)))[1]
        program = "import sys, ray; ray.init(sys.argv[1], log_to_driver=False)"
        stranger = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        told = {"RAY_AUTH_MODE": "disabled", "HOME": os.fspath(tmp_path)}
        came = subprocess.run(
            [sys.executable, "-c", program, address], env=stranger | told, capture_output=True, text=True
        )
        assert came.returncode == 1
        assert "token-auth" in came.stderr
        assert engine.answers("/ping")


def test_what_sagemaker_unpacks_is_served(
    tmp_path: Path, server_python: Path, run_python: Callable[[str], Path]
) -> None:
    pytest.importorskip("ray.serve")
    plan = exported(tmp_path / "out", "sagemaker-ray", server_python, digits(tmp_path))
    with tarfile.open(tmp_path / "out" / "model.tar.gz") as archive:
        archive.extractall(tmp_path / "unpacked" / "model", filter="data")
    sample = json.loads((DIGITS / "sample.json").read_text())
    found = verify_export(
        plan,
        tmp_path / "unpacked",
        [Request.json(sample), Request.json({"pixels": "none"})],
        python=run_python("0.12.0"),
    )
    assert [each.own.status for each in found] == [200, 503]
    assert all(each.is_equal for each in found)


def test_kserve_serves_a_model_as_its_worker_does(
    tmp_path: Path,
    server_python: Path,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    """By the command, whose status says whether all is equal."""
    # Its own environment has kserve's older packages: torch is found behind them.
    behind = tmp_path / "behind"
    behind.mkdir()
    place = sysconfig.get_path("purelib")
    behind.joinpath("sitecustomize.py").write_text(f"import sys\nsys.path.append({place!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(behind))
    body = tmp_path / "body.json"
    body.write_text('{"status": 202}')
    image = tmp_path / "image.png"
    image.write_bytes(b"\0\1")
    other = tmp_path / "other.json"
    other.write_text('{"pid": true}')
    words = ["export", str(tells(tmp_path, "one")), "--to", "kserve", "-o", str(tmp_path / "out"), "--verify"]
    words += ["--with-ts", "--python", str(server_python)]
    words += [word for file in (body, image, other) for word in ("--input", str(file))]
    python = model_server.python(install_folder(pytestconfig))
    assert main([*words, "--engine-python", str(python)]) == 1
    told = capsys.readouterr().out.replace(f"{tmp_path}/", "").split("\n")
    equal = [line.rpartition(", ")[0] for line in told if line.startswith("equal: ")]
    assert equal == ["equal: body.json to one 1.0: 202", "equal: image.png to one 1.0: 200"]
    [at] = [number for number, line in enumerate(told) if line.startswith("NOT EQUAL: other.json to one 1.0")]
    assert told[at + 1].startswith("  and the export 200 b'")
    assert told[at + 2].startswith("known: ")
    # Once, however many answers are not equal.
    assert len([line for line in told if line.startswith("known: An answer has the headers date")]) == 1


def test_an_engine_that_does_not_start_is_told_of(
    tmp_path: Path, server_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a Python that is named from here, and is started elsewhere; so is one that has no such engine."""
    monkeypatch.chdir(tmp_path)
    plan = exported(tmp_path / "out", "kserve", server_python, tells(tmp_path, "one"))
    python = bare_python(tmp_path).relative_to(tmp_path)
    with pytest.raises(marpack.MarpackError, match=r"bare/bin/python' has no kserve: install"):
        verify_export(plan, "out", ASKED[:1], python=server_python, engine_python=python)
    [packages] = (tmp_path / "bare").glob("lib/*/site-packages")
    (packages / "kserve.py").touch()
    with pytest.raises(marpack.MarpackError, match=r"(?s)KServe ended with 1; it wrote last:.*uvicorn"):
        verify_export(plan, "out", ASKED[:1], python=server_python, engine_python=python)


def test_whoever_is_interrupted_leaves_nothing(
    tmp_path: Path, server_python: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an engine that has a worker, with its folders, all is ended at once."""
    model_servers = model_server.python(install_folder(pytestconfig))
    plan = exported(tmp_path / "out", "kserve", server_python, tells(tmp_path, "one"))
    behind = tmp_path / "behind"
    behind.mkdir()
    behind.joinpath("sitecustomize.py").write_text(
        f"import sys\nsys.path.append({sysconfig.get_path('purelib')!r})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(behind))

    def interrupted(temporary: str) -> None:
        with started(plan, str(tmp_path / "out"), python=model_servers, timeout=300) as engine:
            assert engine.ask(ASKED[5], "/v1/models/one:predict", timeout=60).status == 200
            [scratch] = Path(temporary).iterdir()
            assert list(scratch.glob("marpack-run-*"))
            raise KeyboardInterrupt

    # Short enough for an engine's sockets.
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        with pytest.raises(KeyboardInterrupt):
            interrupted(folder)
        assert not left(folder)
        assert not os.listdir(folder)


def test_a_body_in_pieces_and_one_that_breaks_off() -> None:
    """A server of its own says what has come, and ends where it pleases."""
    answers = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none",
        b"",
        b"no HTTP\r\n\r\n",
    ]
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:
        serving = thread.submit(_answer_all, server, answers, heard)
        engine = Engine(server.getsockname()[1], os.devnull)
        request = Request(body=b"abc", headers=(("Transfer-Encoding", "chunked"),))
        found = [engine.ask(request, "/", timeout=1) for _ in answers[:3]]
        for _ in answers[3:]:
            with pytest.raises(marpack.MarpackError, match="no answer to POST /: "):
                engine.ask(request, "/", timeout=1)
        serving.result()
    assert [(each.body, each.complete) for each in found] == [(b"one", False), (b"one", False), (b"one", True)]
    assert heard[0].endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    broken, _, whole = (Compared(request=0, model="m", own=found[2], exported=each) for each in found)
    assert not broken.is_equal
    assert whole.is_equal


def _answer_all(server: socket.socket, answers: list[bytes], heard: list[bytes]) -> None:
    for answer in answers:
        client, _ = server.accept()
        with client:
            said = b""
            while not said.endswith(b"0\r\n\r\n"):
                said += client.recv(4096)
            heard.append(said)
            client.sendall(answer)


def bare_python(folder: Path) -> Path:
    """Return a Python that has nothing."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "bare"], check=True)
    return folder / "bare" / "bin" / "python"
