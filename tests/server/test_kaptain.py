"""Kaptain's config.properties starts the TorchServe of its time, and newer ones when it is adapted to them."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import properties
from marpack.serving import TorchServingArtifactBuilder
from tests.server.test_archives import DIGITS, TOLERANCE, load
from tests.support.torchserve import ServerError, TorchServe, free_ports, install_folder, require_default_ports

pytestmark = [pytest.mark.usefixtures("default_ports"), pytest.mark.xdist_group("default-ports")]

MODEL = "dev-mnist"

WRAPPERS_PORTS = (8080, 8081)

# The last one that knows the envelope "kfserving".
KAPTAIN_VERSION = "0.5.2"


@pytest.fixture(scope="module")
def cache(pytestconfig: pytest.Config) -> Path:
    return install_folder(pytestconfig)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model-store")
    marpack.pack(
        model_name=MODEL,
        model_file=DIGITS / "model.py",
        serialized_file=DIGITS / "digits.pt",
        handler=str(DIGITS / "handler.py"),
        extra_files=str(DIGITS / "index_to_name.json"),
        export_path=folder,
    )
    return folder


def write(folder: Path, store: Path, torchserve_version: str | None = None) -> Path:
    """Write the file as Kaptain's users do, and make it fit this machine: its addresses and the store, no more."""
    written = TorchServingArtifactBuilder.write_config_properties(
        MODEL, f"{MODEL}.mar", folder, torchserve_version=torchserve_version
    )
    path = Path(written)
    inference, management = free_ports(2)
    local = {
        "inference_address": f"http://127.0.0.1:{inference}",
        "management_address": f"http://127.0.0.1:{management}",
        "model_store": str(store),
    }
    data = path.read_bytes()
    assert set(local) <= set(properties.loads(data))
    path.write_bytes(properties.edit(data, local))
    return path


def assert_answers(server: TorchServe) -> None:
    """Ask about two images at once, and compare with what the model answers in this process."""
    import torch

    digits = load(DIGITS, "train")
    model = digits.DigitClassifier()
    model.load_state_dict(torch.load(DIGITS / "digits.pt"))
    model.eval()
    names = json.loads((DIGITS / "index_to_name.json").read_text())
    rows = digits.dataset()[0][-2:]
    expected = []
    with torch.inference_mode():
        for scores in model(rows).tolist():
            name = names[str(scores.index(max(scores)))]
            expected.append({"class": name, "scores": pytest.approx(scores, rel=TOLERANCE, abs=TOLERANCE)})
    request = {"instances": [{"body": {"pixels": row.tolist()}} for row in rows]}
    assert server.predict(MODEL, request) == {"predictions": expected}, server.log_tail()


def described(server: TorchServe) -> dict[str, Any]:
    [version] = server.describe(MODEL)
    return version


def test_the_literal_file_starts_the_server_of_its_time(tmp_path: Path, store: Path, cache: Path) -> None:
    require_default_ports()
    with TorchServe.from_file(write(tmp_path, store), KAPTAIN_VERSION, cache, snapshots=True) as server:
        assert server.described_version() == KAPTAIN_VERSION
        assert server.models() == {MODEL: f"{MODEL}.mar"}
        told = described(server)
        assert [told[key] for key in ("modelVersion", "minWorkers", "maxWorkers")] == ["1.0", 1, 5]
        assert [told[key] for key in ("batchSize", "maxBatchDelay")] == [1, 5000]
        assert_answers(server)
        saved = properties.loads(server.saved().read_bytes())["model_snapshot"]
    assert marpack.ModelSnapshot.from_json(saved).to_json(style="server") == saved


def test_the_literal_file_starts_through_the_launcher_too(tmp_path: Path, store: Path, cache: Path) -> None:
    require_default_ports()
    with TorchServe.from_file(write(tmp_path, store), KAPTAIN_VERSION, cache, launcher=True) as server:
        assert_answers(server)


@pytest.mark.parametrize(
    ("version", "warned_of"),
    [
        (KAPTAIN_VERSION, []),
        ("0.8.0", ["envelope"]),
        ("0.9.0", ["kserve-port", "envelope"]),
        ("0.12.0", ["kserve-port", "envelope", "token"]),
    ],
)
def test_warnings_say_what_the_literal_file_lacks(version: str, warned_of: list[str], tmp_path: Path) -> None:
    written = TorchServingArtifactBuilder.write_config_properties(
        MODEL, f"{MODEL}.mar", tmp_path, torchserve_version=version
    )
    assert len(written.warnings) == len(warned_of)
    assert all(f"[{code}]" in warning for code, warning in zip(warned_of, written.warnings, strict=True))


@pytest.mark.parametrize("version", ["0.9.0", "0.12.0"])
def test_the_adapted_file_starts_newer_servers(version: str, tmp_path: Path, store: Path, cache: Path) -> None:
    require_default_ports()
    config = write(tmp_path, store, version)
    with TorchServe.from_file(config, version, cache) as server:
        assert server.described_version() == version
        assert server.models() == {MODEL: f"{MODEL}.mar"}
        assert_answers(server)


def test_the_literal_file_fails_on_a_newer_server_as_marpack_says(
    tmp_path: Path, store: Path, cache: Path
) -> None:
    require_default_ports()
    config = write(tmp_path, store)
    findings = marpack.ServerConfig.load(config).validate(torchserve_version="0.12.0", target="kserve")
    assert {"envelope", "token"} <= {finding.code for finding in findings if finding.severity == "error"}
    with TorchServe.from_file(config, "0.12.0", cache) as server:
        server.await_log("No module named 'ts.torch_handler.request_envelope.kfserving'")
        with pytest.raises(ServerError, match="Token Authorization failed"):
            server.describe(MODEL)
        with pytest.raises(ServerError, match="Token Authorization failed"):
            server.predict(MODEL, {"instances": []})


def bind_as_kserves_wrapper() -> None:
    """Open the ports that the wrapper opens when its models are ready; an ``OSError`` ends it."""
    for port in WRAPPERS_PORTS:
        with socket.socket() as opened:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(("0.0.0.0", port))
            opened.listen()


@pytest.mark.parametrize(("address", "leaves"), [(None, True), ("http://0.0.0.0:8081", False)])
def test_the_adapted_file_leaves_kserves_wrapper_its_ports(
    address: str | None, leaves: bool, tmp_path: Path, store: Path, cache: Path
) -> None:
    """The wrapper of the image itself was seen to answer with the one, and to end with the other."""
    require_default_ports(*WRAPPERS_PORTS, 8085)
    path = Path(
        TorchServingArtifactBuilder.write_config_properties(
            MODEL, f"{MODEL}.mar", tmp_path, torchserve_version="0.12.0"
        )
    )
    told = {"model_store": str(store)} | ({} if address is None else {"management_address": address})
    data = properties.edit(path.read_bytes(), told)
    path.write_bytes(data)
    findings = marpack.lint_config(data, torchserve_version="0.12.0", target="kserve")
    assert [each.code for each in findings] == ([] if leaves else ["kserve-port"])
    with TorchServe.from_file(path, "0.12.0", cache) as server:
        assert_answers(server)
        if leaves:
            bind_as_kserves_wrapper()
        else:
            with pytest.raises(OSError, match="Address already in use"):
                bind_as_kserves_wrapper()
