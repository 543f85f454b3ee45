"""What an export's answers are compared by, as far as no engine is started."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from marpack.cli import main
from marpack.cli.commands.export import _json_of
from marpack.cli.running_inputs import Asked
from marpack.errors import MarpackError
from marpack.export import Compared, engine, plan_export, verify
from marpack.running import Request, Response
from tests.export.exports import digits
from tests.support.archives import check_json, packed

Capture = pytest.CaptureFixture[str]


def test_the_json_of_what_was_verified_has_its_schema(tmp_path: Path) -> None:
    """A real engine is started in test_verify.py."""
    plan = plan_export(digits(tmp_path), to="ray", with_marpack=False)
    same, other = Response(status=200, parts=(b"\xff",)), Response(status=200, parts=(b"b",))
    found = [
        Compared(request=number, model="digits 1.0", own=same, exported=exported)
        for number, exported in enumerate((same, other, Response(status=201, parts=(b"\xff",))))
    ]
    assert [each.is_equal for each in found] == [True, False, False]
    asked = [Asked(name="a.json", request=Request())] * 2 + [Asked(name="", request=Request())]
    told = json.loads(plan.about["export.json"]) | {"verified": [_json_of(each, asked) for each in found]}
    shown = check_json(json.dumps(told), "export")["verified"]
    assert [each["input"] for each in shown] == ["a.json", "a.json", None]


def test_to_verify_takes_pythons_that_have_it_all(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written where they have not; that one has it all, test_verify.py shows."""
    monkeypatch.chdir(tmp_path)
    digits(tmp_path)
    venv.create("bare", symlinks=True)
    monkeypatch.setattr(verify, "server_python", lambda _: None)
    words = ["export", "digits.mar", "--to", "ray", "-o", "out", "--verify", "--input", "digits.mar"]
    for python, said in (
        ("bare/bin/python", rf"'{tmp_path}/bare/bin/python' has no ray: .*bare/bin/python -m pip install"),
        ("bare/none", rf"'{tmp_path}/bare/none' cannot be started: No such file .*--engine-python"),
    ):
        assert main([*words, "--engine-python", python]) == 1
        assert re.search(said, capsys.readouterr().err)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    assert main(words) == 1
    assert "starting an export for Ray Serve needs an optional dependency" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_engine_that_gives_no_answer_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it wrote last: it ended, say, while it was asked."""
    plan = plan_export(digits(tmp_path), to="ray", with_marpack=False)
    (tmp_path / "log").write_text("I have no memory\n")

    @contextlib.contextmanager
    def gone(*_: object, **__: object) -> Iterator[engine.Engine]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))  # where nobody listens
            yield engine.Engine(free.getsockname()[1], str(tmp_path / "log"))

    monkeypatch.setattr(verify, "started", gone)
    monkeypatch.setattr(verify, "require_pythons", lambda *_, **__: None)
    monkeypatch.setattr(verify, "_own_answers", lambda *_: [Response(status=200)])
    said = (
        r"(?s)Ray Serve has no answer of 'digits 1\.0' to request 1: .*refused; it wrote last:\nI have no memory"
    )
    with pytest.raises(MarpackError, match=said):
        verify.verify_export(plan, tmp_path, [Request()])


def test_the_first_answer_of_each_model_waits_until_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several, Ray Serve answers a ping before any is."""
    for name in ("a", "b"):
        packed(tmp_path, name, config_file={"model-config.yaml": b"responseTimeout: 7\n"}, check="off")
    plan = plan_export(tmp_path / "a.mar", tmp_path / "b.mar", to="ray", with_marpack=False)
    asked: list[tuple[str, float]] = []

    class Asked(engine.Engine):
        def ask(self, request: Request, path: str, *, timeout: float) -> Response:
            asked.append((path, timeout))
            return Response(status=200)

    @contextlib.contextmanager
    def started(*_: object, **__: object) -> Iterator[engine.Engine]:
        yield Asked(0, os.devnull)

    monkeypatch.setattr(verify, "started", started)
    monkeypatch.setattr(verify, "require_pythons", lambda *_, **__: None)
    monkeypatch.setattr(verify, "_own_answers", lambda *_: [Response(status=200)] * 2)
    found = verify.verify_export(plan, tmp_path, [Request(), Request()], timeout=50)
    assert all(each.is_equal for each in found)
    assert asked == [
        ("/predictions/a/1.0", 57),
        ("/predictions/a/1.0", 7),
        ("/predictions/b/1.0", 57),
        ("/predictions/b/1.0", 7),
    ]
