"""The envelope that a server works with: what KServe's variable, and the file, make of requests of each protocol.

What ``marpack.config.rules.kserve_service`` says of it is held against the answers.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import pytest

import marpack
from marpack.config.settings.kserve_names import ProtocolVersion
from marpack.serving.kserve.inference_service import InferenceService
from marpack.serving.kserve.protocol import protocol_findings, release_findings
from tests.support.torchserve import ServerError, TorchServe, addresses, environment, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

Start: TypeAlias = "Callable[[Path, str, str], AbstractContextManager[TorchServe]]"

# It answers what it is given.
HANDLER = """\
def handle(data, context):
    if data is None:
        return None
    return [{"given": repr(data)} for _ in data]
"""

V1 = {"instances": [[1, 2]]}
V2 = {"id": "7", "inputs": [{"name": "i", "shape": [2], "datatype": "INT64", "data": [1, 2]}]}
REQUESTS: dict[ProtocolVersion, tuple[str, Any]] = {
    "v1": ("/v1/models/m:predict", V1),
    "v2": ("/v2/models/m/infer", V2),
}
# What the handler is given of them by the envelope.
GIVEN = {"v1": "[[1, 2]]", "v2": "[{'name': 'i', 'shape': [2], 'datatype': 'INT64', 'data': [1, 2]}]"}
WHOLE: dict[ProtocolVersion, str] = {"v1": f"[{{'body': {V1}}}]", "v2": f"[{{'body': {V2}}}]"}


@pytest.fixture(scope="module")
def cache(pytestconfig: pytest.Config) -> Path:
    return install_folder(pytestconfig)


@pytest.fixture(scope="module")
def start(cache: Path, warm: Callable[[str], Path | None]) -> Start:
    """Start a server as KServe does, with an envelope in its environment."""

    def started(config: Path, version: str, envelope: str) -> AbstractContextManager[TorchServe]:
        variables = {"TS_SERVICE_ENVELOPE": envelope}
        return TorchServe.from_file(config, version, cache, warm=warm(version), variables=variables)

    return started


def write(folder: Path, envelope: str | None, *, by_kserve: bool) -> Path:
    """Write the settings for a model that answers what it is given."""
    (folder / "store").mkdir()
    (folder / "handler.py").write_text(HANDLER)
    marpack.pack(model_name="m", handler=str(folder / "handler.py"), export_path=folder / "store")
    lines = [
        *addresses(),
        f"model_store={folder / 'store'}",
        "load_models=all",
        "default_workers_per_model=1",
        "disable_token_authorization=true",
        "disable_system_metrics=true",
        f"enable_envvars_config={str(by_kserve).lower()}",
        *([f"service_envelope={envelope}"] if envelope else []),
    ]
    config = folder / "config.properties"
    config.write_text("\n".join([*lines, ""]))
    return config


def answered(server: TorchServe, protocol: ProtocolVersion) -> Any:
    """Return what the handler was given of a request; the refusal where there was no answer."""
    path, request = REQUESTS[protocol]
    try:
        answer = server.infer(path, request)
    except ServerError as error:
        return str(error).partition("\n{")[0]
    if "predictions" in answer:
        [answer] = answer["predictions"]
    elif "outputs" in answer:
        [answer] = answer["outputs"][0]["data"]
    return answer["given"]


def severity(config: Path, protocol: ProtocolVersion, version: str) -> str | None:
    """Return what marpack says of an envelope that does not suit the protocol."""
    properties = marpack.properties.loads(config.read_bytes())
    found = protocol_findings(properties, protocol, torchserve_version=version)
    return next((each.severity for each in found if each.code.startswith("kserve-envelope")), None)


@pytest.mark.parametrize(
    ("version", "envelope", "variable", "by_kserve", "speaks"),
    [
        ("0.12.0", "kserve", "kservev2", False, "v1"),
        ("0.12.0", "kservev2", "kserve", False, "v2"),
        ("0.12.0", None, "kserve", True, "v1"),
        ("0.9.0", "kserve", "kservev2", True, "v2"),
    ],
)
def test_requests_of_one_protocol_are_answered_and_of_the_other_refused(
    version: str,
    envelope: str | None,
    variable: str,
    by_kserve: bool,
    speaks: ProtocolVersion,
    tmp_path: Path,
    start: Start,
) -> None:
    """KServe's variable decides where the file lets it, and else the file."""
    config = write(tmp_path, envelope, by_kserve=by_kserve)
    with start(config, version, variable) as server:
        for protocol in REQUESTS:
            if protocol == speaks:
                assert answered(server, protocol) == GIVEN[protocol]
            else:
                refusal = "Prediction failed" if speaks == "v2" else "Invalid model predict output"
                told = answered(server, protocol)
                assert refusal in told
                assert "503" in told
    if not by_kserve:
        found = {protocol: severity(config, protocol, version) for protocol in REQUESTS}
        assert found == {protocol: None if protocol == speaks else "error" for protocol in REQUESTS}
    elif envelope is None:
        assert [severity(config, protocol, version) for protocol in REQUESTS] == [None, None]
    else:
        # The file said v1, and for a service of v2 that did not count.
        assert severity(config, "v2", version) == "error"


@pytest.mark.parametrize("envelope", [None, "body"])
def test_without_an_envelope_the_handler_is_given_the_request(
    envelope: str | None, tmp_path: Path, start: Start
) -> None:
    config = write(tmp_path, envelope, by_kserve=False)
    with start(config, "0.12.0", "kserve") as server:
        for protocol, (_, request) in REQUESTS.items():
            whole = WHOLE[protocol] if envelope is None else f"[{request}]"
            assert answered(server, protocol) == whole
            assert severity(config, protocol, "0.12.0") == "warning"


def test_an_old_name_in_the_file_does_no_harm_where_kserve_sets_another(tmp_path: Path, start: Start) -> None:
    """No ``envelope`` is found then, and no worker dies."""
    config = write(tmp_path, "kfserving", by_kserve=True)
    properties = marpack.properties.loads(config.read_bytes())
    found = protocol_findings(properties, "v1", torchserve_version="0.12.0")
    assert [(each.code, each.severity) for each in found if "envelope" in each.code] == [
        ("kserve-envelope-ignored", "note")
    ]
    with start(config, "0.12.0", "kserve") as server:
        assert answered(server, "v1") == GIVEN["v1"]


def test_an_old_server_does_not_know_what_kserve_sets(tmp_path: Path, start: Start) -> None:
    config = write(tmp_path, "kfserving", by_kserve=True)
    assert severity(config, "v1", "0.5.2") == "warning"
    with start(config, "0.5.2", "kserve") as server:
        server.await_log("No module named 'ts.torch_handler.request_envelope.kserve'")


@pytest.mark.parametrize(("version", "knows"), [("0.9.0", False), ("0.12.0", True)])
@pytest.mark.parametrize("word", ["--disable-token-auth", "--dt", "--enable-model-api"])
def test_the_launcher_ends_at_an_argument_that_it_does_not_know(
    version: str, knows: bool, word: str, cache: Path
) -> None:
    """It only says its version, where it knows the argument."""
    command = [str(environment(version, cache)), "-m", "ts.model_server", "--version", word]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == knows, done.stderr
    assert (f"torchserve: error: unrecognized arguments: {word}" in done.stderr) != knows
    service = InferenceService(name="m", storage_uri="s3://b/m", args=[word], runtime_version=version)
    assert [each.code for each in release_findings(service, None)] == ([] if knows else ["kserve-argument"])


def test_the_protocols_of_the_rules_are_those_asked_here_and_grpc() -> None:
    assert set(get_args(ProtocolVersion)) == {*REQUESTS, "grpc-v1", "grpc-v2"}
