"""``marpack config lint``, and what explains the rules of every command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from marpack.cli import main
from marpack.config.lint import RULES, SNAPSHOT_RULES
from marpack.config.rules import model_config
from marpack.rule import Rule
from tests.support.settings_commands import FINDING_KEYS, GOOD, complaint, output, strict_json


def test_lint_of_a_good_file(capsys: pytest.CaptureFixture[str]) -> None:
    good = output(capsys, "config", "lint", "good.properties", "--target", "torchserve")
    assert good == "good.properties: 0 errors, 0 warnings\n"
    assert "0 errors, 0 warnings, 1 note" in output(capsys, "config", "lint", "good.properties")
    noted = output(capsys, "config", "lint", "good.properties", "--target", "mlflow")
    assert "note: management_address: does not say localhost: MLflow's plugin" in noted


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("unknown=1\n", 0),
        ("service_envelope=kfserving\n", 0),
        ("a=1\na=2\n", 0),
        ("job_queue_size=ten\n", 1),
        ("inference_addres=http://127.0.0.1:8080\n", 1),
        ("x=\\u12\n", 1),
        ("metrics_address=http://127.0.0.1:8081\n", 1),
    ],
)
@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_lint_fails_on_errors_only(
    text: str, status: int, extra: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text(GOOD + text)
    out = output(capsys, "config", "lint", "file", *extra, status=status)
    if extra:
        document = strict_json(out)
        assert set(document) == {"file", "findings"}
        severities = [finding["severity"] for finding in document["findings"]]
        assert severities
        assert ("error" in severities) == bool(status)
        for finding in document["findings"]:
            assert set(finding) == FINDING_KEYS
            assert finding["file"] == "file"
            assert finding["line"] > 1
    else:
        assert all(line.startswith("file:") for line in out.splitlines())


def test_lint_for_a_release_a_place_and_a_store(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "init", "--preset", "kaptain", "--archives", "store"]) == 0
    assert "kfserving" in capsys.readouterr().err
    output(capsys, "config", "lint", "config.properties")
    output(capsys, "config", "lint", "config.properties", "--torchserve-version", "0.5.2", "--target", "kserve")
    assert "kfserving" in output(
        capsys, "config", "lint", "config.properties", "--torchserve-version", "0.12.0", status=1
    )
    output(capsys, "config", "lint", "config.properties", "--model-store", "store")
    os.remove("store/a.mar")
    assert "'a.mar' is not in the model store" in output(
        capsys, "config", "lint", "config.properties", "--model-store", "store", status=1
    )


def test_lint_for_what_is_no_release(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "'newest'" in complaint(capsys, "config", "lint", "good.properties", "--torchserve-version", "newest")


def test_lint_with_a_store_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "lint", "good.properties", "--target", "torchserve", "--model-store", "gone"]) == 1
    # Not with the line in which the file itself names a folder.
    assert capsys.readouterr().out.startswith("error: model_store: 'gone' cannot be looked at: ")


@pytest.mark.parametrize("command", [["check"], ["config", "lint"], ["snapshot", "lint"]], ids=" ".join)
def test_explain_knows_the_rules_of_every_command(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    meanings = {
        "handler-methods": "[server]: a running TorchServe 0.12.0",
        "load-models-suffix": "(P...): the clause of spec/properties.md",
        "snapshot-count": "(S...): the clause of spec/snapshot.md",
    }
    for code, meaning in meanings.items():
        told = output(capsys, *command, "--explain", code)
        assert told.startswith(f"{code} (")
        assert "``" not in told
        assert told.splitlines()[-1].startswith(meaning)
    rules: list[Rule[Any]] = [*RULES, *SNAPSHOT_RULES, *model_config.RULES]
    for code in {rule.code for rule in rules}:
        assert output(capsys, *command, "--explain", code).startswith(f"{code} (")
    message = complaint(capsys, *command, "--explain", "handler-method")
    told = "perhaps handler-methods: marpack check --rules, or spec/checks.md, lists them"
    assert f"no rule is called 'handler-method', {told}" in message


@pytest.mark.parametrize(
    "words", [*(["config", verb] for verb in ("init", "show", "lint", "set")), ["snapshot", "build"]], ids=" ".join
)
def test_help_says_what_a_command_does_and_its_status(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = " ".join(output(capsys, *words, "--help").split())
    assert ". Ends with status 1 when " in told
