"""From a trainer to an answer: deploy to a store, KServe's own download, and the TorchServe that starts from it.

Nothing passes from the one to the other but what a cluster gets: objects in a store that speaks S3, and YAML.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from marpack import MarpackError, properties
from marpack.kaptain.config import Config
from marpack.kaptain.platform.config.s3 import S3ConfigurationProvider
from tests.server.test_archives import TOLERANCE, load
from tests.support import kserve_image, tutorials
from tests.support.kserve_storage import MOUNT, Cluster
from tests.support.torchserve import TorchServe, addresses, install_folder
from tests.support.tutorials import DIGITS, Notebook, train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.kserve_models import Judge
    from tests.support.object_store import S3Server

NAME = "dev-mnist"
# Of the tutorial's request, in the first protocol.
PATH = f"/v1/models/{NAME}:predict"
KAPTAIN_VERSION = "0.5.2"
DEPLOYED = {"config/config.properties", f"model-store/{NAME}.mar"}


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Stand in the folder of the tutorial, with the model of these tests."""
    for name in ("model.py", "handler.py", "index_to_name.json", "digits.pt"):
        shutil.copy(DIGITS / name, tmp_path)
    (tmp_path / "requirements.txt").write_text("# whatever else the model needs\n")
    (tmp_path / "trainer.py").write_text(tutorials.PYTORCH_TRAINER)
    (tmp_path / "datasets" / "MNIST").mkdir(parents=True)
    (tmp_path / "datasets" / "MNIST" / "images").write_bytes(b"\0" * 1000)
    monkeypatch.chdir(tmp_path)
    with Notebook.opened() as notebook:
        yield notebook


@pytest.fixture
def store(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """Return the bucket of Kaptain's default, named by the variables that Kaptain mounts and by no others."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("S3_ENDPOINT", s3.endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    bucket = s3.with_bucket("kaptain")
    yield bucket
    bucket.empty()


@pytest.fixture
def unnamed(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """Return a store of which the environment says nothing: what is not given by the script is not known."""
    for name in s3.environment:
        if not name.endswith("_FILE"):
            monkeypatch.delenv(name)
    yield s3
    s3.empty()


@pytest.fixture
def start(
    tmp_path: Path, pytestconfig: pytest.Config, warm: Callable[[str], Path | None]
) -> Callable[[Cluster, str], Any]:
    cache = install_folder(pytestconfig)

    def started(cluster: Cluster, version: str) -> Any:
        """Start the server of a service from what KServe downloads for it."""
        mount = cluster.mount(NAME, tmp_path / "pod", cache)
        assert files(mount) == DEPLOYED
        fit(mount)
        variables = kserve_image.write(tmp_path / "image") | cluster.server_variables(NAME)
        config = mount / "config" / "config.properties"
        return TorchServe.from_file(config, version, cache, warm=warm(version), variables=variables)

    return started


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def fit(mount: Path) -> None:
    """Make the settings fit this machine: free ports of the loopback for the pod's own, and the mount's folder."""
    path = mount / "config" / "config.properties"
    data = path.read_bytes()
    values = properties.loads(data)
    assert values["model_store"] == f"{MOUNT}/model-store"
    assert {key for key, value in values.items() if MOUNT in value} == {"model_store"}
    local = dict(line.split("=", 1) for line in addresses())
    assert {key for key in values if key.endswith("_address")} <= set(local)
    path.write_bytes(properties.edit(data, local | {"model_store": str(mount / "model-store")}))


def applied(cluster: Cluster, model: Any) -> None:
    for file in model.deployment.files:
        cluster.apply(Path(file).read_text(encoding="utf-8"))


def expected() -> dict[str, Any]:
    """Return the image of the request, and the five labels that the model itself finds for it."""
    import torch

    digits = load(DIGITS, "train").DigitClassifier()
    digits.load_state_dict(torch.load(DIGITS / "digits.pt"))
    pixels = json.loads((DIGITS / "sample.json").read_text())["pixels"]
    with torch.inference_mode():
        found = digits.eval()(torch.tensor([pixels], dtype=torch.float32)).softmax(1).topk(5)
    likely = zip(found.indices[0].tolist(), found.values[0].tolist(), strict=True)
    return {
        "request": {"instances": [{"data": pixels}]},
        "answer": {"predictions": [{str(label): pytest.approx(p, abs=TOLERANCE) for label, p in likely}]},
    }


def weights(folder: Path, seed: int) -> str:
    """Write weights that nobody has trained, and return the file's name."""
    import torch

    torch.manual_seed(seed)
    torch.save(load(DIGITS, "train").DigitClassifier().state_dict(), folder / f"{seed}.pt")
    return f"{seed}.pt"


def test_the_pytorch_tutorial_is_served_by_the_server_of_its_time(
    notebook: Notebook, store: S3Server, tmp_path: Path, start: Callable[[Cluster, str], Any], kserve_judge: Judge
) -> None:
    """Trained, deployed, tuned, let in as a canary, promoted and asked, as the page has it."""
    notebook.run(tutorials.PYTORCH)
    model = notebook["model"]
    with pytest.raises(MarpackError, match="trainer_environment"):
        notebook.run(tutorials.PYTORCH_TRAIN)
    train(tutorials.PYTORCH_TRAINER, weights(tmp_path, 1), environment=model.trainer_environment())

    cluster = Cluster(kserve_judge)
    assert notebook.run('model.deploy(cpu="1", memory="4G")') is True
    applied(cluster, model)
    first = cluster.storage_uri(NAME)
    assert cluster.predictor(NAME)["model"]["resources"]["limits"] == {"cpu": "1", "memory": "4G"}

    with pytest.raises(MarpackError, match="trainer_environment"):
        notebook.run(tutorials.PYTORCH_TUNE)
    environment = model.trainer_environment(phase="tuned")
    train(tutorials.PYTORCH_TRAINER, "digits.pt", environment=environment)
    notebook.run("model.deploy_canary(canary_traffic_percentage=30)")
    applied(cluster, model)
    canary = cluster.storage_uri(NAME)
    assert (cluster.predictor(NAME)["canaryTrafficPercent"], canary == first) == (30, False)
    notebook.run("model.promote_canary()")
    applied(cluster, model)
    assert (cluster.predictor(NAME).get("canaryTrafficPercent"), cluster.storage_uri(NAME)) == (None, canary)

    # Each phase and each deploy has a folder of its own below the id as it is; the earlier ones stay.
    for uri in (first, canary):
        prefix = uri.removeprefix("s3://kaptain/") + "/"
        assert prefix.startswith("models/dev/mnist/deploy/")
        assert {name.removeprefix(prefix) for name in store.names() if name.startswith(prefix)} == DEPLOYED
    assert sum(name.endswith("/model.pt") for name in store.names()) == 2

    cluster.fill_secret(f"{NAME}-secret", store.environment)
    wanted = expected()
    with start(cluster, KAPTAIN_VERSION) as server:
        assert server.infer(PATH, wanted["request"]) == wanted["answer"], server.log_tail()
        [described] = server.describe(NAME)
        assert described["modelName"] == NAME
        assert server.described_version() == KAPTAIN_VERSION


@pytest.mark.parametrize("version", ["0.9.0", "0.12.0"])
def test_a_current_server_answers_as_the_manifest_says(
    version: str, notebook: Notebook, unnamed: S3Server, start: Callable[[Cluster, str], Any], kserve_judge: Judge
) -> None:
    """The settings leave the envelope to KServe, and the manifest makes KServe choose the tutorial's."""
    provider = S3ConfigurationProvider(
        unnamed.environment["AWS_ACCESS_KEY_ID"],
        unnamed.environment["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        s3_endpoint=unnamed.endpoint,
    )
    notebook.run(tutorials.PYTORCH)
    model = notebook["model"]
    model.config = Config(None, provider, base_model_storage_uri="s3://models/teams/vision")
    model.serving_config["serialized_file"] = "digits.pt"
    command = f'model.deploy(cpu="1", memory="4G", torchserve_version="{version}", with_credentials=True)'
    assert notebook.run(command) is True
    cluster = Cluster(kserve_judge)
    applied(cluster, model)
    assert cluster.download_variables(NAME) == {
        "AWS_ACCESS_KEY_ID": unnamed.environment["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": unnamed.environment["AWS_SECRET_ACCESS_KEY"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": unnamed.endpoint,
        "S3_ENDPOINT": unnamed.endpoint.removeprefix("http://"),
        "S3_USE_HTTPS": "0",
    }
    assert cluster.server_variables(NAME)["TS_SERVICE_ENVELOPE"] == "kserve"
    wanted = expected()
    with start(cluster, version) as server:
        assert server.infer(PATH, wanted["request"]) == wanted["answer"], server.log_tail()
        assert server.described_version() == version


@pytest.mark.usefixtures("notebook")
def test_commands_alone_make_a_service_that_answers(
    store: S3Server, start: Callable[[Cluster, str], Any], kserve_judge: Judge
) -> None:
    """Without the SDK's names: a declaration is built into a store, and a manifest written for it."""
    declared = {
        "model-name": NAME,
        "handler": "handler.py",
        "model-file": "model.py",
        "serialized-file": "digits.pt",
        "extra-files": "index_to_name.json",
    }
    Path("models.json").write_text(json.dumps({"preset": "kserve", "models": [declared]}))
    uri = "s3://kaptain/built/digits"
    endpoint = {"AWS_ENDPOINT_URL": store.endpoint}  # of the command's own; the manifest has it from S3_ENDPOINT
    run_marpack("serve-build", "models.json", "-o", uri, environment=endpoint)
    run_marpack(
        *("manifest", "kserve", "--name", NAME, "--storage-uri", uri, "-o", "digits.yaml"),
        *("--torchserve-version", "0.9.0", "--cpu", "1", "--memory", "4G", "--max-replicas", "3"),
        *("--s3-from-environment", "--with-credentials"),
    )
    cluster = Cluster(kserve_judge)
    for file in ("digits.yaml", "digits-secret.yaml"):
        cluster.apply(Path(file).read_text(encoding="utf-8"))
    assert cluster.predictor(NAME)["maxReplicas"] == 3
    pixels = expected()["request"]["instances"][0]["data"]
    with start(cluster, "0.9.0") as server:
        answer = server.infer(PATH, {"instances": [{"body": {"pixels": pixels}}]})
        assert [found["class"] for found in answer["predictions"]] == ["eight"], server.log_tail()


def run_marpack(*words: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
    """Run a command of marpack's, which says nothing of what would go wrong."""
    variables = os.environ | {"PYTHONPATH": str(tutorials.ROOT)} | dict(environment)
    command = [sys.executable, "-m", "marpack", *words]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
