"""``marpack config init``: a preset that is good, and nothing where something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import marpack
from marpack import properties
from marpack.cli import main
from tests.support.folder_contents import unchanged
from tests.support.secret_urls import SECRET
from tests.support.settings_commands import as_json, complaint, output


@pytest.mark.parametrize("preset", ["torchserve", "kaptain", "kserve", "sagemaker"])
def test_init_writes_a_preset_that_is_good(preset: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["config", "init", "--preset", preset, "--archives", "store", "--torchserve-version", "0.12.0"]
    out = output(capsys, *command)
    assert out.startswith("config.properties: ")
    config = marpack.ServerConfig.load("config.properties")
    assert config.model_snapshot == marpack.ModelSnapshot.from_model_store("store")
    assert (config.model_store == str(store)) == (preset == "torchserve")
    assert config.disable_token_authorization is (preset != "torchserve")
    assert config.enable_model_api is False
    output(capsys, "config", "lint", "config.properties", "--torchserve-version", "0.12.0")


def test_init_prints_what_it_would_write(store: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unchanged(folder):
        printed = output(capsys, "config", "init", "-", "--archives", "store")
    output(capsys, "config", "init", "--archives", "store")
    assert Path("config.properties").read_text() == printed


@pytest.mark.parametrize("file", ["-", "config.properties"])
def test_init_as_json(file: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = as_json(capsys, "config", "init", file, "--archives", "store", "--set", f"keystore_pass={SECRET}")
    assert set(document) == {"file", "settings", "findings"}
    assert SECRET not in json.dumps(document)
    assert document["settings"][0]["key"] == "inference_address"


def test_init_keeps_what_exists(store: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unchanged(folder):
        message = complaint(capsys, "config", "init", "good.properties", "--archives", "store")
    assert "'good.properties' already exists" in message
    assert "--force" in message
    output(capsys, "config", "init", "good.properties", "--archives", "store", "-f")
    assert "ours" not in (folder / "good.properties").read_text()


def test_init_takes_settings(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output(
        capsys,
        "config",
        "init",
        "--archives",
        "store",
        "--set",
        "job_queue_size=7",
        "--set",
        "vmargs=-Xmx1g -Da=b",
    )
    found = properties.loads(Path("config.properties").read_bytes())
    assert (found["job_queue_size"], found["vmargs"]) == ("7", "-Xmx1g -Da=b")


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--set", "job_queue_size=ten"], "job_queue_size"),
        (["--set", "job_queue_siz=1"], "job_queue_size"),
        (["--set", "metrics_address=http://127.0.0.1:8081"], "8081"),
        (["--set", "model_snapshot={}"], "model_snapshot"),
        (["--set", "nothing"], "KEY=VALUE"),
        (["--set", "=x"], "KEY=VALUE"),
        (["--set", "a b=c"], "'a b'"),
        (["--set", "cpp_log_config=\u00fc"], "'cpp_log_config'"),
        (["--torchserve-version", "newest"], "'newest'"),
        (["--archives", "gone"], "'gone'"),
        (["--archives", "good.properties"], "'good.properties'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("file", ["new.properties", "-"])
def test_init_refuses_and_writes_nothing(
    extra: list[str], says: str, file: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unchanged(folder):
        assert says in complaint(capsys, "config", "init", file, "--set", "model_store=store", *extra)


@pytest.mark.parametrize(("file", "says"), [("gone/new", "'gone'"), ("some-folder", "'some-folder'")])
def test_init_where_nothing_can_be_written(
    file: str, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "some-folder").mkdir()
    with unchanged(folder):
        message = complaint(capsys, "config", "init", file, "--set", "model_store=store")
    assert says in message
    assert "archive" not in message  # which this file is not


def test_init_says_where_a_handler_takes_json_that_the_settings_leave_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("store").mkdir()
    source = b'def handle(data, context):\n    return [row["body"]["x"] for row in data]\n'
    marpack.pack(model_name="m", handler={"h.py": source}, export_path="store")
    words = ["config", "init", "-f", "--archives", "store", "--preset"]
    assert main([*words, "sagemaker"]) == 0
    assert "[sagemaker-json]" in capsys.readouterr().err
    assert main([*words, "sagemaker", "--json"]) == 0
    assert "sagemaker-json" in [each["code"] for each in json.loads(capsys.readouterr().out)["findings"]]
    for others in (["kserve"], ["sagemaker", "--set", "decode_input_request=true"]):
        assert main([*words, *others]) == 0
        assert "sagemaker-json" not in capsys.readouterr().err
