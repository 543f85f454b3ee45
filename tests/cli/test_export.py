"""``marpack export``."""

from __future__ import annotations

from pathlib import Path

import pytest

from marpack.cli import main
from tests.export.exports import SECRET, digits, files, store
from tests.support.archives import check_json

Capture = pytest.CaptureFixture[str]


def test_the_command(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    digits(tmp_path)
    assert main(["export", "digits.mar", "--to", "ray", "-o", "out"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("out: ")
    assert "\n  now: one worker; config.yaml: num_replicas" in told
    assert "lost: TorchServe's management, metrics and gRPC APIs" in told
    assert main(["export", "digits.mar", "--to", "ray", "-o", "out"]) == 1
    assert "'out' already exists" in capsys.readouterr().err.replace(str(tmp_path) + "/", "")
    assert main(["export", "digits.mar", "--to", "kserve", "-o", "out", "-f", "--json", "--without-marpack"]) == 0
    document = check_json(capsys.readouterr().out, "export")
    assert document["target"] == "kserve"
    assert (tmp_path / "out" / "Containerfile").is_file()


def test_the_command_is_told_wrongly(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    digits(tmp_path)
    assert main(["export", "digits.mar", "--to", "heroku", "-o", "out"]) == 2
    assert "choose from ray, sagemaker-ray, kserve" in capsys.readouterr().err
    assert main(["export", "digits.mar", "--to", "ray"]) == 2
    assert main(["export", "-", "--to", "ray", "-o", "out"]) == 2
    words = ["export", "digits.mar", "--to", "ray", "-o", "out"]
    for more, said in (
        (["--verify"], "--verify: nothing is sent"),
        (["--input", "digits.mar"], "they are sent with --verify"),
        (["--python", "python3"], "--python: it is for --with-ts and --verify"),
        (["--verify", "--input", "digits.mar", "--form", "a=b"], "--input and --form"),
        (["--verify", "--path", "/v1/models/m:predict"], "--path: nothing is sent"),
    ):
        capsys.readouterr()
        assert main([*words, *more]) == 2
        assert said in capsys.readouterr().err
    assert main(["export", "none.mar", "--to", "ray", "-o", "out"]) == 1
    assert main(["export", "digits.mar", "--to", "kserve", "--service-name", "A B", "-o", "out"]) == 1
    assert not (tmp_path / "out").exists()


def test_the_command_shows_no_secret(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store(tmp_path)
    assert main(["export", "config/config.properties", "--to", "ray", "-o", "out", "--without-marpack"]) == 0
    assert SECRET not in "".join(capsys.readouterr())
    for name, data in files(tmp_path / "out").items():
        assert SECRET.encode() not in data, name
