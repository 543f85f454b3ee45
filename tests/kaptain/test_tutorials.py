"""The serving parts of Kaptain's tutorials run with their imports changed, and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack import MarpackError, properties
from tests.support import tutorials
from tests.support.kserve_storage import Cluster
from tests.support.torchserve import install_folder
from tests.support.tutorials import DIGITS, Notebook, train
from tests.typing.test_seed import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.kserve_models import Judge
    from tests.support.object_store import S3Server

# The judge of the documents comes from a package registry.
pytestmark = pytest.mark.server

HEX = re.compile(r"[0-9a-f]{32}")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in the folder of the tutorials."""
    for name in ("model.py", "handler.py", "index_to_name.json", "digits.pt"):
        shutil.copy(DIGITS / name, tmp_path)
    for name in ("requirements.txt", "trainer.py", "training.py", "train.py", "wine_dataset.parquet"):
        (tmp_path / name).write_text("# of the tutorial\n")
    for name in ("datasets/MNIST", "datasets/mnist"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def store(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """Return the bucket of Kaptain's default, in the store that the variables of a notebook name."""
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("S3_ENDPOINT", s3.endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    bucket = s3.with_bucket("kaptain")
    yield bucket
    bucket.empty()


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    with Notebook.opened() as notebook:
        yield notebook


@pytest.fixture
def cluster(kserve_judge: Judge) -> Cluster:
    return Cluster(kserve_judge)


def applied(cluster: Cluster, model: Any) -> Cluster:
    """Apply what deploy wrote."""
    assert model.deployment.files
    for file in model.deployment.files:
        cluster.apply(Path(file).read_text(encoding="utf-8"))
    return cluster


def shown(store: S3Server) -> list[str]:
    """Return what is in the store, with the random names left out."""
    return sorted(HEX.sub("*", name) for name in store.names())


def mounted(cluster: Cluster, store: S3Server, config: pytest.Config) -> set[str]:
    """Return what KServe's own download puts in front of the server of a service.

    It takes all whose names begin like the URI; XGBoost's server takes any JSON file for a model.
    """
    cluster.fill_secret("dev-mnist-secret", store.environment)
    mount = cluster.mount("dev-mnist", Path("pod").absolute(), install_folder(config))
    return {path.relative_to(mount).as_posix() for path in mount.rglob("*") if path.is_file()}


def test_scikit_learn(store: S3Server, cluster: Cluster, notebook: Notebook, pytestconfig: pytest.Config) -> None:
    notebook.run(tutorials.SKLEARN)
    model = notebook["model"]
    with pytest.raises(MarpackError, match="trainer_environment"):
        notebook.run('model.train(cpu="0.5", memory="1G", hyperparameters={})')
    train(tutorials.SKLEARN_TRAINER, environment=model.trainer_environment())
    # What the page tells its readers to log.
    assert (model.name, model.description, model.version) == ("MNIST", "MNIST Model", "0.0.1")
    assert (model.hyperparameters, model.metrics) == (None, None)
    assert notebook.run('model.deploy(cpu="0.5", memory="500M", replace=True)') is True
    predictor = applied(cluster, model).predictor("dev-mnist")
    assert predictor["model"]["modelFormat"]["name"] == "sklearn"
    assert predictor["model"]["resources"]["requests"] == {"cpu": "0.5", "memory": "500M"}
    # The server of scikit-learn reads the model as it was exported; there is nothing to pack.
    [key] = [name for name in store.names() if name.endswith("/model.joblib")]
    assert predictor["model"]["storageUri"] == f"s3://kaptain/{os.path.dirname(key)}"
    assert not [name for name in store.names() if name.endswith(".mar")]
    assert mounted(cluster, store, pytestconfig) == {"model.joblib"}


def test_tensorflow(store: S3Server, cluster: Cluster, notebook: Notebook, pytestconfig: pytest.Config) -> None:
    notebook.run(tutorials.TENSORFLOW)
    model = notebook["model"]
    train(tutorials.TENSORFLOW_TRAINER, environment=model.trainer_environment())
    assert notebook.run('model.deploy(cpu="1", memory="2G")') is True
    applied(cluster, model)
    first = cluster.storage_uri("dev-mnist")
    assert cluster.predictor("dev-mnist")["model"]["modelFormat"]["name"] == "tensorflow"
    train(tutorials.TENSORFLOW_TRAINER, environment=model.trainer_environment(phase="tuned"))
    notebook.run("model.deploy_canary(canary_traffic_percentage=30)")
    applied(cluster, model)
    assert cluster.predictor("dev-mnist")["canaryTrafficPercent"] == 30
    assert re.fullmatch("s3://kaptain/models/dev/mnist/tuned/[0-9a-f]{32}", cluster.storage_uri("dev-mnist"))
    notebook.run("model.promote_canary()")
    applied(cluster, model)
    assert "canaryTrafficPercent" not in cluster.predictor("dev-mnist")
    assert cluster.storage_uri("dev-mnist") != first
    # TensorFlow's server looks for the folder of a version, which is called by a number.
    assert mounted(cluster, store, pytestconfig) == {"0001/saved_model.pb", "0001/variables/variables.index"}


def test_feast(cluster: Cluster, notebook: Notebook) -> None:
    notebook.run(tutorials.FEAST)
    model = notebook["model"]
    with pytest.raises(MarpackError, match="docker build"):
        notebook.run(tutorials.FEAST_IMAGE)
    train(tutorials.SKLEARN_TRAINER, environment=model.trainer_environment())
    assert notebook.run(tutorials.FEAST_DEPLOY) is True
    spec = applied(cluster, model).service("dev-wine")["spec"]
    [container] = spec["transformer"]["containers"]
    assert container["name"] == "kserve-container"
    assert container["image"] == "registry.example/wine:transformer"
    assert container["args"][:2] == ["--feast_project_path", "/wine"]
    assert container["envFrom"] == [{"secretRef": {"name": "feast-conf"}}]
    [mount] = container["volumeMounts"]
    [volume] = spec["transformer"]["volumes"]
    assert (mount["mountPath"], mount["name"]) == ("/wine", volume["name"])
    assert volume["configMap"] == {"name": "feature-store"}
    assert "resources" not in spec["predictor"]["model"]


def test_the_torchserve_page(folder: Path, store: S3Server, cluster: Cluster, notebook: Notebook) -> None:
    """The settings are written, edited and given back; what is uploaded has them as they were edited."""
    notebook.run(tutorials.TORCHSERVE)
    path = folder / "config.properties"
    assert path.read_text() == EXAMPLE.replace("<YOUR_MODEL_NAME>", "dev-mnist")
    edited = properties.edit(path.read_bytes(), {"number_of_netty_threads": "8"})
    path.write_bytes(edited)
    notebook.run('serving_config["config_properties"] = "config.properties"')
    assert notebook.run("model.deploy()") is True
    assert shown(store) == [
        "models/dev/mnist/deploy/*/config/config.properties",
        "models/dev/mnist/deploy/*/model-store/dev-mnist.mar",
        "models/dev/mnist/deploy/deployment.json",
    ]
    assert applied(cluster, notebook["model"]).storage_uri("dev-mnist") == notebook["model"].deployment.uri
    [config, archive] = [name for name in sorted(store.names()) if HEX.search(name)]
    assert store.get(config) == edited
    (folder / "got.mar").write_bytes(store.get(archive))
    with zipfile.ZipFile(folder / "got.mar") as got:
        manifest = json.loads(got.read("MAR-INF/MANIFEST.json"))
        assert manifest["model"]["serializedFile"] == "digits.pt"
        assert got.read("digits.pt") == (DIGITS / "digits.pt").read_bytes()
