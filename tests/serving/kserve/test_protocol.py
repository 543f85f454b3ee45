"""Where settings, the protocol of an InferenceService and the release of TorchServe agree, and where not.

``tests/server/test_protocol.py`` asks servers about rows of the table; what the wrapper of KServe's image makes
of them was seen by running it (pytorch/serve, kubernetes/kserve/kserve_wrapper) before TorchServe 0.12.0.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from marpack import ConfigError, ServerConfig
from marpack.config.settings.kserve_names import PROTOCOL_VERSIONS
from marpack.config.settings.releases import KSERVE_STARTS
from marpack.serving.kserve.inference_service import InferenceService
from marpack.serving.kserve.protocol import protocol_findings, release_findings

# What keeps other rules silent.
QUIET = {
    "model_store": "/mnt/models/model-store",
    "inference_address": "http://0.0.0.0:8085",
    "management_address": "http://0.0.0.0:8085",
    "disable_token_authorization": "true",
    "model_snapshot": '{"name": "startup.cfg", "modelCount": 1, "models": {"m": {"1.0": {"defaultVersion": true, '
    '"marName": "m.mar", "minWorkers": 1, "maxWorkers": 1, "batchSize": 1, "maxBatchDelay": 100}}}}',
}

OLD, RENAMED, NEW = "0.5.2", "0.5.3", "0.12.0"
ENVELOPES = ("", "kserve", "kservev2", "json", "body", "kfserving", "kfservingv2")

# Without enable_envvars_config, by the envelope of the file: what is found for protocol v1, and for v2 and gRPC.
BY_FILE = {
    "": ("kserve-envelope warning", "kserve-envelope warning"),
    "body": ("kserve-envelope warning", "kserve-envelope warning"),
    "kserve": ("", "kserve-envelope error"),
    "json": ("", "kserve-envelope error"),
    "kservev2": ("kserve-envelope error", ""),
    "kfserving": ("", "kserve-envelope error"),
    "kfservingv2": ("kserve-envelope error", ""),
}
# With it, KServe says which envelope it is, and the file's does nothing.
IGNORED, SAME = "kserve-envelope-ignored error", "kserve-envelope-ignored note"
BY_KSERVE = {
    "": ("", ""),
    "body": (IGNORED, IGNORED),
    "kserve": ("", IGNORED),
    "json": (SAME, IGNORED),
    "kservev2": (IGNORED, ""),
    "kfserving": (SAME, IGNORED),
    "kfservingv2": (IGNORED, SAME),
}


def expected(envelope: str, *, by_kserve: bool, protocol: str | None, release: str | None) -> set[str]:
    is_v2 = protocol in ("v2", "grpc-v2")
    found = {(BY_KSERVE if by_kserve else BY_FILE)[envelope][is_v2]}
    is_old_name, is_old = envelope.startswith("kf"), release == OLD
    if not by_kserve and envelope.startswith("k") and is_old_name != is_old:
        severity = "error" if release else "warning"
        # Of the new names nobody says that they are unknown where the release is not known.
        found |= {f"envelope {severity}"} if is_old_name or release else set()
    if by_kserve and is_old:
        found |= {"kserve-envelope warning"}
    if protocol == "grpc-v2":
        found |= {f"kserve-protocol {'warning' if release in (OLD, RENAMED) else 'note'}"}
    return found - {""}


TABLE = list(itertools.product(ENVELOPES, (False, True), (None, "v1", "v2", "grpc-v2"), (None, OLD, RENAMED, NEW)))


@pytest.mark.parametrize(("envelope", "by_kserve", "protocol", "release"), TABLE)
def test_the_table(envelope: str, by_kserve: bool, protocol: str | None, release: str | None) -> None:
    properties = QUIET | {"enable_envvars_config": str(by_kserve).lower()}
    properties |= {"service_envelope": envelope} if envelope else {}
    found = protocol_findings(properties, protocol, torchserve_version=release)
    told = {f"{each.code} {each.severity}" for each in found}
    assert told == expected(envelope, by_kserve=by_kserve, protocol=protocol, release=release)


def test_the_table_knows_silence_and_each_severity() -> None:
    rows = [expected(envelope, by_kserve=on, protocol=which, release=of) for envelope, on, which, of in TABLE]
    assert len(rows) == 224
    assert {"kserve-envelope error", "kserve-envelope warning", IGNORED, SAME} <= set().union(*rows)
    assert set() in rows


def codes(properties: dict[str, str], protocol: str | None = None, **told: Any) -> list[str]:
    told.setdefault("torchserve_version", None)
    return sorted({each.code for each in protocol_findings(properties, protocol, **told)})


def test_the_preset_for_kserve_agrees_with_every_protocol() -> None:
    preset = ServerConfig.kserve().properties() | {"model_snapshot": QUIET["model_snapshot"]}
    for protocol in (None, "v1", "v2"):
        for release in (None, "0.8.1", KSERVE_STARTS, NEW):
            assert codes(preset, protocol, torchserve_version=release) == []


def test_kaptains_own_file_is_for_its_own_time_and_protocol() -> None:
    kaptain = ServerConfig.kaptain(disable_token_authorization=None).properties() | {
        "model_snapshot": QUIET["model_snapshot"]
    }
    assert codes(kaptain, "v1", torchserve_version=OLD) == []
    assert codes(kaptain, "v2", torchserve_version=OLD) == ["kserve-envelope"]
    assert codes(kaptain, "v1", torchserve_version=KSERVE_STARTS) == ["envelope", "kserve-port"]
    assert codes(kaptain, "v1", torchserve_version=NEW) == ["envelope", "kserve-port", "token"]


def test_every_protocol_of_kserve_has_its_findings() -> None:
    listening = QUIET | {"enable_envvars_config": "true"}
    found = {protocol: codes(listening, protocol, torchserve_version="0.8.1") for protocol in PROTOCOL_VERSIONS}
    assert found == {"v1": [], "v2": [], "grpc-v1": ["kserve-protocol"], "grpc-v2": ["kserve-protocol"]}
    with pytest.raises(ValueError, match="'v3' is not one of v1, v2"):
        codes(QUIET, "v3")
    with pytest.raises(ConfigError, match="is not a version of TorchServe"):
        codes(QUIET, "v1", torchserve_version="new")


def test_variables_of_the_service_are_the_servers() -> None:
    listening = QUIET | {"enable_envvars_config": "true"}
    assert codes(listening, "v1") == []
    # Its own goes before the runtime's.
    assert codes(listening, "v1", env={"TS_SERVICE_ENVELOPE": "kservev2"}) == ["kserve-envelope"]
    assert codes(listening, "v2", env={"TS_SERVICE_ENVELOPE": "kservev2"}) == []
    assert codes(listening, "v1", env={"TS_MANAGEMENT_ADDRESS": "http://0.0.0.0:8081"}) == ["kserve-port"]
    deaf = QUIET | {"service_envelope": "kserve"}
    assert codes(deaf, "v1", env={"TS_SERVICE_ENVELOPE": "kservev2"}) == []
    # What nobody knows here is left as it is.
    assert codes(listening | {"vmargs": "$$ARGS$$"}, "v1", env={"OTHER": "x"}) == []


@pytest.mark.parametrize("word", ["--disable-token-auth", "--dt"])
def test_an_argument_of_the_launcher_switches_tokens_off(word: str) -> None:
    asking = {**QUIET, "enable_envvars_config": "true", "disable_token_authorization": "false"}
    assert codes(asking, "v1", torchserve_version=NEW) == ["token"]
    assert codes(asking, "v1", torchserve_version=NEW, args=["--ncs", word]) == []


def test_a_service_of_another_name_is_told_the_models() -> None:
    listening = QUIET | {"enable_envvars_config": "true"}
    assert codes(listening, "v1", service_name="m") == []
    [found] = protocol_findings(listening, "v1", torchserve_version=NEW, service_name="digits")
    assert found.code == "kserve-service-name"
    assert '"Model with name digits does not exist."' in found.effect
    assert "/v1/models/m:predict" in found.fix


def service(**fields: Any) -> InferenceService:
    return InferenceService(name="m", storage_uri="s3://b/m", **fields)


@pytest.mark.parametrize(
    ("fields", "asked", "says"),
    [
        ({}, NEW, f"KServe's runtime starts {KSERVE_STARTS}"),
        ({}, KSERVE_STARTS, None),
        ({}, None, None),
        ({"runtime_version": "0.12.0-gpu"}, NEW, None),
        ({"runtime_version": "0.9.0"}, NEW, "the service starts 0.9.0"),
        ({"image": "registry:5000/torchserve-kfs:0.11.1"}, NEW, "the service starts 0.11.1"),
        # It may be any release.
        ({"runtime_version": "latest"}, NEW, None),
        ({"image": "registry:5000/own"}, NEW, None),
        ({"runtime": "own"}, NEW, None),
        # KServe before 0.8.
        ({"form": "pytorch"}, OLD, None),
        ({"form": "pytorch", "runtime_version": "0.5.3"}, OLD, "the service starts 0.5.3"),
    ],
)
def test_another_release_than_the_one_asked_for_is_told(
    fields: dict[str, Any], asked: str | None, says: str | None
) -> None:
    found = list(release_findings(service(**fields), asked))
    assert [(each.code, each.severity) for each in found] == ([("kserve-release", "warning")] if says else [])
    assert all(says in each.message for each in found if says)


@pytest.mark.parametrize(
    ("fields", "asked", "severity"),
    [
        ({}, None, "warning"),
        ({"runtime_version": "0.9.0"}, None, "error"),
        ({"runtime_version": "0.11.1"}, None, None),
        ({"image": "own:latest"}, "0.9.0", "error"),
        ({"image": "own:latest"}, NEW, None),
        ({"image": "own:latest"}, None, None),
    ],
)
def test_an_argument_that_a_release_does_not_know_ends_it(
    fields: dict[str, Any], asked: str | None, severity: str | None
) -> None:
    said = service(args=["--ncs", "--enable-model-api", "--disable-token-auth"], **fields)
    found = [each for each in release_findings(said, asked) if each.code == "kserve-argument"]
    assert [each.severity for each in found] == ([severity, severity] if severity else [])
    assert all("unrecognized arguments: --" in each.effect for each in found)
