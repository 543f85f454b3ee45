"""The documents that ``marpack manifest kserve`` writes or prints, and what it says of them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from marpack.cli import main
from marpack.serving import inference_service
from tests.conftest import full_disk
from tests.support.kserve_models import Judge
from tests.support.manifest_command import URI, Capture, run, told

URL = "http://mnist.default.svc.cluster.local/v1/models/mnist:predict"

# All that says something of the documents, but what belongs to a store.
EVERY = {
    "--name": "digits",
    "--namespace": "ml",
    "--protocol-version": "v2",
    "--runtime": "own",
    "--runtime-version": "0.12.0-gpu",
    "--image": "registry:5000/serve:1",
    "--model-format": "onnx",
    "--model-format-version": "1",
    "--min-replicas": "0",
    "--max-replicas": "3",
    "--scale-target": "2",
    "--scale-metric": "concurrency",
    "--container-concurrency": "4",
    "--timeout": "60",
    "--canary-traffic-percent": "30",
    "--cpu-request": "500m",
    "--cpu-limit": "1",
    "--memory-request": "2Gi",
    "--memory-limit": "4Gi",
    "--gpu-request": "1",
    "--gpu-limit": "1",
    "--service-account": "reader",
    "--env": "A=b=c",
    "--env-from": "secret/of-env",
    "--transformer-image": "registry/t:1",
    "--transformer-env-from": "ConfigMap/of-t",
    "--label": "team=vision",
    "--annotation": "example.org/owner=me",
}


def test_the_file_is_what_the_library_describes(capsys: Capture) -> None:
    run()
    assert Path("mnist.yaml").read_text("ascii") == inference_service("mnist.mar", storage_uri=URI).to_yaml()
    assert capsys.readouterr() == (f"mnist.yaml: InferenceService mnist\nkubectl apply -f mnist.yaml\n{URL}\n", "")


def every_option() -> list[str]:
    arguments = [word for option in EVERY.items() for word in option]
    return [*arguments, "--arg=--ncs", "--arg=x y", "--transformer-arg=--n", "-o", "out.yaml"]


def test_every_option_is_in_the_document(capsys: Capture) -> None:
    run(*every_option(), source=None)
    [document] = yaml.safe_load_all(Path("out.yaml").read_text("ascii"))
    assert document["metadata"] == {
        "name": "digits",
        "namespace": "ml",
        "labels": {"team": "vision"},
        "annotations": {"example.org/owner": "me"},
    }
    predictor = document["spec"]["predictor"]
    assert predictor == {
        "minReplicas": 0,
        "maxReplicas": 3,
        "scaleTarget": 2,
        "scaleMetric": "concurrency",
        "containerConcurrency": 4,
        "timeout": 60,
        "canaryTrafficPercent": 30,
        "serviceAccountName": "reader",
        "model": {
            "modelFormat": {"name": "onnx", "version": "1"},
            "protocolVersion": "v2",
            "runtime": "own",
            "runtimeVersion": "0.12.0-gpu",
            "storageUri": URI,
            "image": "registry:5000/serve:1",
            "args": ["--ncs", "x y"],
            "env": [{"name": "A", "value": "b=c"}],
            "envFrom": [{"secretRef": {"name": "of-env"}}],
            "resources": {
                "requests": {"cpu": "500m", "memory": "2Gi", "nvidia.com/gpu": "1"},
                "limits": {"cpu": "1", "memory": "4Gi", "nvidia.com/gpu": "1"},
            },
        },
    }
    [container] = document["spec"]["transformer"]["containers"]
    assert (container["image"], container["args"]) == ("registry/t:1", ["--n"])
    assert container["envFrom"] == [{"configMapRef": {"name": "of-t"}}]
    assert capsys.readouterr().out.splitlines()[-1] == "http://digits.ml.svc.cluster.local/v2/models/digits/infer"


@pytest.mark.server
def test_kserves_own_models_know_every_key(kserve_judge: Judge) -> None:
    run(*every_option())
    run("--s3-endpoint", "minio:9000", "--s3-region", "eu", "--s3-no-verify-ssl", "--s3-ca-bundle", "/etc/ca.pem")
    run("--s3-role-arn", "arn:aws:iam::1:role/r", "-o", "role.yaml")
    for name in ("out.yaml", "mnist.yaml", "mnist-secret.yaml", "role.yaml"):
        assert kserve_judge.faults_of_text(Path(name).read_text("ascii")) == []


def test_one_quantity_is_request_and_limit() -> None:
    run("--cpu", "1", "--memory", "4G", "--gpus", "1", "--form", "pytorch")
    [document] = yaml.safe_load_all(Path("mnist.yaml").read_text("ascii"))
    both = {"cpu": "1", "memory": "4G", "nvidia.com/gpu": "1"}
    assert document["spec"]["predictor"]["pytorch"]["resources"] == {"requests": both, "limits": both}


def test_a_dry_run_prints_the_documents_and_writes_nothing(capsys: Capture, folder: Path) -> None:
    before = sorted(folder.iterdir())
    run("--dry-run", "--s3-endpoint", "minio:9000")
    out, err = capsys.readouterr()
    assert [each["kind"] for each in yaml.safe_load_all(out)] == ["ServiceAccount", "InferenceService"]
    assert err == "marpack: would write mnist-secret.yaml and mnist.yaml\n"
    document = told(capsys, "--dry-run", "--s3-endpoint", "minio:9000")
    assert document["written"] is False
    assert (document["file"], document["secret"]["file"]) == ("mnist.yaml", "mnist-secret.yaml")
    assert sorted(folder.iterdir()) == before


def test_a_dry_run_says_what_is_in_the_way(capsys: Capture, folder: Path) -> None:
    (folder / "mnist.yaml").write_text("mine")
    run("--dry-run", status=1)
    out, err = capsys.readouterr()
    assert "kind: InferenceService" in out
    assert err.startswith("marpack: would not write mnist.yaml\nmarpack: error: 'mnist.yaml' already exists")
    run("--dry-run", "-o", "nowhere/mnist.yaml", status=1)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "marpack: would not write nowhere/mnist.yaml"
    assert second.startswith("marpack: error: 'nowhere' does not exist")
    run("--dry-run", "--force")
    assert (folder / "mnist.yaml").read_text() == "mine"


def test_standard_output_takes_the_documents(capsys: Capture, folder: Path) -> None:
    run("-o", "-")
    assert [each["kind"] for each in yaml.safe_load_all(capsys.readouterr().out)] == ["InferenceService"]
    document = told(capsys, "-o", "-")
    assert (document["written"], document["file"], document["apply"]) == (False, None, None)
    run("-o", "-", "--dry-run", status=2)
    run("-o", "-", "--s3-region", "eu", status=2)
    assert "takes no Secret" in capsys.readouterr().err
    assert [each.name for each in folder.iterdir()] == ["mnist.mar"]


def test_json_says_what_was_written(capsys: Capture) -> None:
    document = told(capsys, "--namespace", "ml", "-o", "a b.yaml", "--s3-endpoint", "http://minio:9000")
    assert document["written"] is True
    assert document["secret"] == {"name": "mnist-secret", "file": "a b-secret.yaml", "with_credentials": False}
    assert shlex.split(document["apply"]) == ["kubectl", "apply", "-f", "a b-secret.yaml", "-f", "a b.yaml"]
    assert (document["name"], document["namespace"], document["models"]) == ("mnist", "ml", ["mnist"])
    assert document["urls"] == [URL.replace(".default.", ".ml.")]
    assert document["documents"] == list(yaml.safe_load_all(Path("a b.yaml").read_text("ascii")))
    assert document["findings"] == []
    assert sorted(each.name for each in Path().glob("*.yaml")) == ["a b-secret.yaml", "a b.yaml"]


def test_an_existing_file_stays_unless_it_may_go(capsys: Capture, folder: Path) -> None:
    (folder / "mnist-secret.yaml").write_text("keys")
    run("--s3-region", "eu", status=1)
    assert "'mnist-secret.yaml' already exists" in capsys.readouterr().err
    assert (folder / "mnist-secret.yaml").read_text() == "keys"
    assert not (folder / "mnist.yaml").exists()
    run("--s3-region", "eu", "-f")
    assert "AWS_ACCESS_KEY_ID" in (folder / "mnist-secret.yaml").read_text()


def test_a_model_of_another_name_is_told_with_its_url(capsys: Capture) -> None:
    run("--name", "digits")
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "http://digits.default.svc.cluster.local/v1/models/mnist:predict"
    assert "[kserve-service-name]" in err


def test_a_full_disk_leaves_nothing(capsys: Capture, folder: Path) -> None:
    with full_disk(100):
        run("--s3-region", "eu", status=1)
    assert "cannot be written" in capsys.readouterr().err
    assert [each.name for each in folder.iterdir()] == ["mnist.mar"]


def test_help_names_what_it_takes(capsys: Capture) -> None:
    assert main(["manifest", "kserve", "--help"]) == 0
    assert "marpack serve-build" in " ".join(capsys.readouterr().out.split())
