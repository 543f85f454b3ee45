"""Settings for a release of TorchServe, and what is a release."""

from __future__ import annotations

from typing import Any

import pytest

from marpack import ServerConfig
from marpack.config.settings.releases import release


@pytest.mark.parametrize(
    ("version", "envelope"),
    [
        ("0.5.2", "kfserving"),
        ("0.5.3", "kserve"),
        ("0.9.0", "kserve"),
        ("0.11.1", "kserve"),
        ("0.12.0", "kserve"),
        ("0.12.0b20240101", "kserve"),
        ("0.12", "kserve"),
        ("1.0", "kserve"),
        ("0.4.10", "kfserving"),
    ],
)
def test_for_torchserve(version: str, envelope: str) -> None:
    for before in ("kfserving", "kserve"):
        config = ServerConfig(service_envelope=before, job_queue_size=1, extra={"a": "b"})
        after = config.for_torchserve(version)
        assert after.service_envelope == envelope
        # Whether tokens are asked is nothing that follows from a version.
        assert (after.disable_token_authorization, after.enable_model_api) == (None, None)
        assert (after.job_queue_size, after.extra) == (1, {"a": "b"})
        assert after.for_torchserve(version) == after
        v2 = ServerConfig(service_envelope=f"{before}v2").for_torchserve(version)
        assert v2.service_envelope == f"{envelope}v2"
    chosen = ServerConfig(disable_token_authorization=False, enable_model_api=True, service_envelope="json")
    assert chosen.for_torchserve(version) == chosen
    findings = ServerConfig(service_envelope="kserve").for_torchserve(version).validate(torchserve_version=version)
    assert "envelope" not in {finding.code for finding in findings}


@pytest.mark.parametrize("version", ["", "newest", "1", "v0.12.0", "-0.1", None, ".5", "0..5"])
def test_what_is_no_version(version: Any) -> None:
    for call in (
        release,
        ServerConfig().for_torchserve,
        lambda text: ServerConfig().validate(torchserve_version=text),
    ):
        if version is None and call is not release:
            continue
        with pytest.raises(ValueError, match="is not a version of TorchServe: write it like"):
            call(version)


@pytest.mark.parametrize("version", ["0.12.0 beta", "0.12.0;", "0.5.2\n0.12.0"])
def test_what_is_a_version_and_more(version: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        release(version)
