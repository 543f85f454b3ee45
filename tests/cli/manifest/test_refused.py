"""What ``marpack manifest kserve`` refuses or warns of, by the option's name."""

from __future__ import annotations

from pathlib import Path

import pytest

import marpack
from marpack.cli import main
from tests.serving.kserve.test_described import to_deploy
from tests.support.manifest_command import Capture, run, told


def test_what_is_wrong_is_told_at_once_by_its_option(capsys: Capture, folder: Path) -> None:
    words = {
        "--name": "Nein",
        "--min-replicas": "3",
        "--max-replicas": "1",
        "--cpu": "viel",
        "--canary-traffic-percent": "101",
        "--timeout": "1m",
        "--scale-target": "many",
        "--label": "=x",
        "--protocol-version": "v9",
        "--torchserve-version": "new",
        "--env": "A",
        "--env-from": "mnist",
        "--s3-endpoint": "ftp://h",
        "--transformer-arg": "a",
        "--service-account": "own",
    }
    arguments = [word for option in words.items() for word in option]
    run(*arguments, "--with-credentials", source="nowhere.mar", status=1)
    lines = [line.split(": ") for line in capsys.readouterr().err.splitlines()]
    assert {line[0] for line in lines} == {"marpack"}
    assert sorted(line[2] for line in lines) == sorted(
        [
            *("SOURCE", "--name", "--min-replicas", "--cpu", "--canary-traffic-percent", "--label"),
            *("--timeout", "--scale-target"),
            *("--protocol-version", "--torchserve-version", "--env", "--env-from", "--s3-endpoint"),
            *("--transformer-image", "--with-credentials"),
        ]
    )
    assert [each.name for each in folder.iterdir()] == ["mnist.mar"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--cpu", "1", "--cpu-limit", "1"], "--cpu: is both sides, and --cpu-limit is one"),
        (["--env", "A=1", "--env", "A=2"], "--env: 'A' is given twice"),
        (["--service-account", "own", "--s3-region", "eu"], "--service-account: is given beside an access"),
        (["--min-replicas", "4", "--max-replicas", "1"], "--min-replicas: 4 is above --max-replicas, 1"),
        (["--form", "pytorch", "--protocol-version", "v2"], "--protocol-version: 'v2' is refused"),
        (["--form", "pytorch", "--protocol-version", "v2"], "write v1, or --form model"),
        (["--name", "max_replicas"], "--name: 'max_replicas' is not made of"),
        (["--transformer-image", "a b"], "--transformer-image"),
        (["--transformer-env-from", "x", "--transformer-image", "t"], "--transformer-env-from"),
        (["--s3-anonymous", "--s3-role-arn", "arn:aws:iam::1:role/r"], "--s3-role-arn"),
    ],
)
def test_options_that_do_not_go_together_are_named(words: list[str], says: str, capsys: Capture) -> None:
    run(*words, status=1)
    err = capsys.readouterr().err
    assert err.startswith("marpack: error: --")
    assert says in err


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--min-replcias", " (did you mean --min-replicas?)"),
        ("--canary-traffic-percentage=30", " (did you mean --canary-traffic-percent?)"),
        ("--something-else", ""),
    ],
)
def test_a_misspelt_option_is_recognized(word: str, meant: str, capsys: Capture) -> None:
    run("--namespace", "ml", word, status=2)
    assert capsys.readouterr().err.endswith(f"error: unrecognized arguments: {word}{meant}\n")


def test_which_pair_is_none_is_said(capsys: Capture) -> None:
    run("--env", "A=1", "--env", "B", status=1)
    assert capsys.readouterr().err == "marpack: error: --env: value 2 is not KEY=VALUE: write it so\n"


def test_what_would_not_serve_is_a_warning_an_error_or_not_looked_for(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = str(to_deploy(folder, "mnist"))
    words = ["--protocol-version", "v2"]
    config = folder / "deploy" / "config" / "config.properties"
    settings = {"service_envelope": "kserve", "enable_envvars_config": "false"}
    config.write_bytes(marpack.properties.edit(config.read_bytes(), settings))
    run(*words, source=source)
    err = capsys.readouterr().err
    assert err.startswith("marpack: check: ")
    assert "error: service_envelope: 'kserve' is not the envelope of protocol v2" in err
    assert err.endswith("[kserve-envelope]\n")
    run(*words, "-f", "--check", "error", "-o", "other.yaml", source=source, status=1)
    assert "[kserve-envelope]" in capsys.readouterr().err
    assert not Path("other.yaml").exists()
    monkeypatch.setenv("MARPACK_CHECK", "error")
    run(*words, "-f", source=source, status=1)
    capsys.readouterr()
    run(*words, "-f", "--check", "off", source=source)
    assert capsys.readouterr().err == ""
    monkeypatch.delenv("MARPACK_CHECK")
    assert [each["code"] for each in told(capsys, *words, "-f", source=source)["findings"]] == ["kserve-envelope"]
    monkeypatch.setenv("MARPACK_CHECK", "maybe")
    run(*words, source=source, status=2)


def test_an_archive_that_cannot_be_read_is_told(folder: Path, capsys: Capture) -> None:
    (folder / "text.mar").write_text("text")
    run(source="text.mar", status=1)
    assert "marpack: error: SOURCE: 'text.mar'" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told(capsys: Capture) -> None:
    run("-o", "nowhere/mnist.yaml", status=1)
    assert "nowhere" in capsys.readouterr().err


def test_the_command_needs_to_know_where_the_model_lies(capsys: Capture) -> None:
    assert main(["manifest", "kserve", "mnist.mar"]) == 2
    usage, error = capsys.readouterr().err.splitlines()
    assert usage == "usage: marpack manifest kserve [OPTION ...] --storage-uri URI [SOURCE]"
    assert error.endswith("the following arguments are required: --storage-uri")
    assert main(["manifest"]) == 2
