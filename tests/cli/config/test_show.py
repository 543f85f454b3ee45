"""``marpack config show``: what is set, with the defaults, with variables, and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

import marpack
from marpack import properties
from tests.support.settings_commands import GOOD, as_json, complaint, output


def test_show_aligns_what_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "config", "show", "good.properties").splitlines()
    assert lines[0] == "inference_address   http://127.0.0.1:8080"
    assert [line.split()[0] for line in lines] == list(properties.loads(GOOD))


def test_show_all_adds_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "config", "show", "good.properties", "--all").splitlines()
    assert {line.split()[0] for line in lines} == set(marpack.KEYS)
    [line] = [line for line in lines if line.startswith("default_response_timeout ")]
    assert line.split() == ["default_response_timeout", "120", "(default)"]
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("extra", [[], ["--all"]])
def test_show_as_json_has_the_same_keys_for_every_setting(
    extra: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text(f"{GOOD}unknown=1\njob_queue_size=ten\nprefer_direct_buffer=TRUE\n")
    document = as_json(capsys, "config", "show", "file", *extra)
    assert set(document) == {"file", "settings"}
    assert document["file"] == "file"
    found = {setting["key"]: setting for setting in document["settings"]}
    assert {frozenset(setting) for setting in document["settings"]} == {frozenset(document["settings"][0])}
    assert (found["unknown"]["value"], found["unknown"]["known"]) == ("1", False)
    assert found["job_queue_size"]["value"] == "ten"
    assert found["prefer_direct_buffer"]["value"] is True
    assert len(found) == (len(marpack.KEYS) + 1 if extra else 7)


@pytest.mark.parametrize("line", ["token_expiration_min=1e999", 'models={"a": NaN}', 'models={"a": 1e999}'])
def test_show_as_json_is_json_whatever_the_numbers(
    line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text(line)
    as_json(capsys, "config", "show", "file")


def test_show_resolves_variables(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text("model_store=$$STORE_HERE$$/x\nenable_envvars_config=true\n")
    message = complaint(capsys, "config", "show", "file", "--resolve")
    assert "'STORE_HERE'" in message
    assert "file" in message.replace("'STORE_HERE'", "")
    monkeypatch.setenv("STORE_HERE", "/models")
    monkeypatch.setenv("TS_JOB_QUEUE_SIZE", "7")
    out = output(capsys, "config", "show", "file", "--resolve")
    assert "/models/x" in out
    assert ["job_queue_size", "7"] in [line.split() for line in out.splitlines()]
    assert "$$STORE_HERE$$/x" in output(capsys, "config", "show", "file")


def test_json_that_readers_take_differently_is_shown_as_text(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "c.properties").write_text('models={"a": 1, "a": 2}\n')
    [setting] = as_json(capsys, "config", "show", "c.properties")["settings"]
    assert setting["value"] == '{"a": 1, "a": 2}'
