"""The config.properties that is written where none is named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import properties
from marpack.errors import ConfigError, TargetError
from tests.support.built_artifacts import MAR, NAME, build, serving_model, write_config_properties
from tests.support.folder_contents import unchanged
from tests.typing.test_seed import EXAMPLE


def test_the_generated_file_is_the_documented_one() -> None:
    result = build(serving_model({"serialized_file": "net.pt"}))
    assert Path(result.config_path).read_text() == EXAMPLE.replace("<YOUR_MODEL_NAME>", NAME)
    assert result.snapshot is not None
    assert result.snapshot.model_count == 1


def test_written_into_a_folder_and_named_as_a_path() -> None:
    written = write_config_properties(NAME, MAR, ".")
    assert os.fspath(written) == str(written) == written.path
    assert os.path.samefile(written, "config.properties")
    assert written.warnings == ()


def test_keys_in_their_order_and_the_snapshot_in_one_line() -> None:
    text = Path(write_config_properties("m", "other.mar", Path())).read_text()
    assert [line.partition("=")[0] for line in text.splitlines()] == [
        "inference_address",
        "management_address",
        "number_of_netty_threads",
        "service_envelope",
        "install_py_dep_per_model",
        "job_queue_size",
        "model_store",
        "model_snapshot",
    ]
    snapshot = text.splitlines()[-1].partition("=")[2]
    document = json.loads(snapshot)
    assert json.dumps(document) == snapshot
    assert list(document) == ["name", "modelCount", "models"]
    assert list(document["models"]["m"]["1.0"].items()) == [
        ("defaultVersion", True),
        ("marName", "other.mar"),
        ("minWorkers", 1),
        ("maxWorkers", 5),
        ("batchSize", 1),
        ("maxBatchDelay", 5000),
        ("responseTimeout", 120),
    ]


def test_every_reader_takes_it_alike() -> None:
    data = Path(write_config_properties(NAME, MAR, ".")).read_bytes()
    as_java = properties.loads(data)
    # The launcher and KServe's wrapper: a line, its first "=", no escapes.
    as_python = dict(line.strip().split("=", 1) for line in data.decode().splitlines())
    assert as_java == as_python
    assert marpack.ServerConfig.loads(data).model_snapshot == marpack.ModelSnapshot.from_json(
        as_java["model_snapshot"]
    )


def test_numbers_may_be_others() -> None:
    numbers: dict[str, Any] = {
        "min_workers": 2,
        "max_workers": 3,
        "batch_size": 4,
        "max_batch_delay": 50,
        "response_timeout": 6,
    }
    written = marpack.ServerConfig.load(write_config_properties(NAME, MAR, ".", **numbers)).model_snapshot
    built = build(serving_model({"serialized_file": "net.pt"}), **numbers).snapshot
    assert written == built
    assert built is not None
    entry = built.models[NAME]["1.0"]
    assert {key: getattr(entry, key) for key in numbers} == numbers


@pytest.mark.parametrize(
    ("version", "envelope", "port", "token"),
    [
        (None, "kfserving", 8081, None),
        ("0.5.2", "kfserving", 8081, None),
        ("0.5.3", "kserve", 8081, None),
        ("0.8.0", "kserve", 8081, None),
        ("0.8.1", "kserve", 8085, None),
        ("0.9.0", "kserve", 8085, None),
        ("0.11.1", "kserve", 8085, "true"),
        ("0.12.0", "kserve", 8085, "true"),
    ],
)
def test_one_keyword_adapts_it_to_a_release(
    version: str | None, envelope: str, port: int, token: str | None
) -> None:
    written = write_config_properties(NAME, MAR, ".", torchserve_version=version)
    built = build(serving_model({"serialized_file": "net.pt"}), torchserve_version=version)
    for path, warnings in ((written.path, written.warnings), (built.config_path, built.warnings)):
        data = Path(path).read_bytes()
        found = properties.loads(data)
        assert (found["service_envelope"], found.get("disable_token_authorization")) == (envelope, token)
        # The literal text is said not to work exactly where it does not.
        assert any("service_envelope" in warning for warning in warnings) == (envelope == "kserve")
        assert any("disable_token_authorization" in warning for warning in warnings) == (token is not None)
        assert any("management_address" in warning for warning in warnings) == (port == 8085)
        assert found["management_address"] == f"http://0.0.0.0:{port}"
        assert found["inference_address"] == "http://0.0.0.0:8085"
        if version is not None:
            findings = marpack.lint_config(data, torchserve_version=version, target="kserve")
            assert [finding for finding in findings if finding.severity == "error"] == []


def test_lint_warns_of_the_envelope_and_the_port_of_the_literal_file() -> None:
    text = Path(write_config_properties(NAME, MAR, ".")).read_bytes()
    found = {(finding.key, finding.severity) for finding in marpack.lint_config(text)}
    assert {("service_envelope", "warning"), ("management_address", "warning")} <= found
    assert all(severity != "error" for _, severity in found)
    # Who says that KServe's wrapper reads it means today's.
    told = {(each.code, each.severity) for each in marpack.lint_config(text, target="kserve")}
    assert ("kserve-port", "error") in told


def test_a_file_that_is_there_is_replaced() -> None:
    Path("config.properties").write_text("old=1\n")
    path = Path(write_config_properties(NAME, MAR, "."))
    assert "old" not in path.read_text()


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a\0b", "", "a/b"])
def test_names_that_cannot_be_written_safely(name: str, folder: Path) -> None:
    with unchanged(folder), pytest.raises(ConfigError):
        write_config_properties(name, "m.mar", ".")
    with unchanged(folder), pytest.raises(ConfigError):
        write_config_properties("m", f"{name}.mar" if name else "", ".")


@pytest.mark.parametrize("name", [5, None, b"m"])
def test_names_that_are_no_text(name: Any, folder: Path) -> None:
    with unchanged(folder), pytest.raises((ConfigError, TypeError), match=r"[nN]ame|str"):
        write_config_properties(name, "m.mar", ".")
    with unchanged(folder), pytest.raises((ConfigError, TypeError), match=r"[nN]ame|str"):
        write_config_properties("m", name, ".")


def test_a_folder_that_is_not_there(folder: Path) -> None:
    with unchanged(folder), pytest.raises(TargetError, match="does not exist"):
        write_config_properties(NAME, MAR, "nowhere")
