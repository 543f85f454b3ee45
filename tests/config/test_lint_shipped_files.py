"""In files that are in use lint finds no error but those that they have."""

from __future__ import annotations

import pytest

from marpack import lint_config, properties
from marpack.config.settings.environment import variables
from tests.config.cases.case import triples
from tests.config.shipped_files import SHIPPED, shipped
from tests.support.java import torchserve_home


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("version", [None, "0.12.0"])
def test_no_error_is_found_in_files_that_work(name: str, version: str | None) -> None:
    findings = lint_config(shipped(name), torchserve_version=version)
    assert [str(finding) for finding in findings if finding.severity == "error"] == []


def test_defects_of_files_in_use() -> None:
    text = shipped("kserve", grpc_inference_port="http://127.0.0.1:7070", grpc_management_port="http://h:7071")
    found = triples(finding for finding in lint_config(text) if finding.severity == "error")
    assert found == [("type", "error", "grpc_inference_port"), ("type", "error", "grpc_management_port")]
    text = shipped("ipex", ipex_enable="true ", cpu_launcher_enable="true ")
    found = triples(finding for finding in lint_config(text) if finding.severity == "error")
    assert found == [("blank", "error", "cpu_launcher_enable"), ("blank", "error", "ipex_enable")]
    assert ("load-models-ignored", "warning", "load_models") in triples(lint_config(shipped("kserve")))


@pytest.mark.server
def test_the_file_of_sagemaker_that_torchserve_installs(pytestconfig: pytest.Config) -> None:
    data = (torchserve_home(pytestconfig) / "ts" / "configs" / "sagemaker_config.properties").read_bytes()
    findings = lint_config(data, file="sagemaker_config.properties", torchserve_version="0.12.0")
    assert [str(finding) for finding in findings if finding.severity == "error"] == []
    names = {name for text in properties.loads(data).values() for name in variables(text)}
    assert len(names) > 3
    missing = lint_config(data, environ={})
    assert {finding.key for finding in missing if finding.severity == "error"} == {
        key for key, text in properties.loads(data).items() if variables(text)
    }
    environ = dict.fromkeys(names, "60") | {"SAGEMAKER_BIND_TO_PORT": "8080"}
    assert [finding for finding in lint_config(data, environ=environ) if finding.severity == "error"] == []
