"""``marpack manifest kserve``: what it writes, prints and refuses."""

from __future__ import annotations

import json
import os
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

import marpack
from marpack.cli import main
from marpack.serving import inference_service
from tests.conftest import full_disk
from tests.serving.kserve.test_described import pack, to_deploy
from tests.support.archives import check_json
from tests.support.kserve_models import Judge

Capture = pytest.CaptureFixture[str]

URI = "s3://models/mnist"
URL = "http://mnist.default.svc.cluster.local/v1/models/mnist:predict"
KEY, SECRET = "AKIAEXAMPLE", "geheim/0123"
STORE = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "S3_ENDPOINT": "http://minio:9000"}


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


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [*STORE, "MARPACK_CHECK", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"]:
        monkeypatch.delenv(name, raising=False)
    pack(tmp_path / "mnist.mar")
    return tmp_path


def run(*words: str, source: str | None = "mnist.mar", status: int = 0) -> None:
    given = [] if source is None else [source]
    assert main(["manifest", "kserve", *given, "--storage-uri", URI, *words]) == status


def told(capsys: Capture, *words: str, source: str | None = "mnist.mar") -> Any:
    capsys.readouterr()
    run("--json", *words, source=source)
    return check_json(capsys.readouterr().out, "manifest-kserve")


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


def test_what_is_wrong_is_told_at_once_by_its_option(capsys: Capture, folder: Path) -> None:
    words = {
        "--name": "Nein",
        "--min-replicas": "3",
        "--max-replicas": "1",
        "--cpu": "viel",
        "--canary-traffic-percent": "101",
        "--timeout": "1m",
        "--scale-target": "many",
        "--label": "=x",
        "--protocol-version": "v9",
        "--torchserve-version": "new",
        "--env": "A",
        "--env-from": "mnist",
        "--s3-endpoint": "ftp://h",
        "--transformer-arg": "a",
        "--service-account": "own",
    }
    arguments = [word for option in words.items() for word in option]
    run(*arguments, "--with-credentials", source="nowhere.mar", status=1)
    lines = [line.split(": ") for line in capsys.readouterr().err.splitlines()]
    assert {line[0] for line in lines} == {"marpack"}
    assert sorted(line[2] for line in lines) == sorted(
        [
            *("SOURCE", "--name", "--min-replicas", "--cpu", "--canary-traffic-percent", "--label"),
            *("--timeout", "--scale-target"),
            *("--protocol-version", "--torchserve-version", "--env", "--env-from", "--s3-endpoint"),
            *("--transformer-image", "--with-credentials"),
        ]
    )
    assert [each.name for each in folder.iterdir()] == ["mnist.mar"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--cpu", "1", "--cpu-limit", "1"], "--cpu: is both sides, and --cpu-limit is one"),
        (["--env", "A=1", "--env", "A=2"], "--env: 'A' is given twice"),
        (["--service-account", "own", "--s3-region", "eu"], "--service-account: is given beside an access"),
        (["--transformer-image", "a b"], "--transformer-image"),
        (["--transformer-env-from", "x", "--transformer-image", "t"], "--transformer-env-from"),
        (["--s3-anonymous", "--s3-role-arn", "arn:aws:iam::1:role/r"], "--s3-role-arn"),
    ],
)
def test_options_that_do_not_go_together_are_named(words: list[str], says: str, capsys: Capture) -> None:
    run(*words, status=1)
    assert f"marpack: error: {says}" in capsys.readouterr().err


def test_a_secret_variable_is_not_said_again(capsys: Capture) -> None:
    run("--env", f"=API_KEY:{SECRET}", status=1)
    assert SECRET not in capsys.readouterr().err
    document = told(capsys, "--env", f"API_KEY={SECRET}", f"--arg=--token={SECRET}")
    [shown] = document["documents"]
    assert shown["spec"]["predictor"]["model"]["env"] == [{"name": "API_KEY", "value": "***"}]
    assert SECRET not in json.dumps(document)
    # The file is what was asked for.
    assert Path("mnist.yaml").read_text("ascii").count(SECRET) == 2


def test_the_environment_is_read_only_when_it_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    # The last is a path of this machine, and would be read in the cluster.
    for name, value in {**STORE, "AWS_CA_BUNDLE": "/etc/ssl/here.pem"}.items():
        monkeypatch.setenv(name, value)
    run()
    assert "ServiceAccount" not in Path("mnist.yaml").read_text()
    run("-f", "--s3-from-environment", "--s3-region", "eu")
    secret = yaml.safe_load(Path("mnist-secret.yaml").read_text("ascii"))
    assert secret["metadata"]["annotations"] == {
        "serving.kserve.io/s3-endpoint": "minio:9000",
        "serving.kserve.io/s3-region": "eu",
        "serving.kserve.io/s3-usehttps": "0",
    }
    assert secret["stringData"] == {
        "AWS_ACCESS_KEY_ID": "<access key id>",
        "AWS_SECRET_ACCESS_KEY": "<secret access key>",
    }
    assert "mnist-secret.yaml: Secret mnist-secret, with placeholders" in capsys.readouterr().out


def test_keys_go_into_the_secrets_file_alone(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    for name, value in STORE.items():
        monkeypatch.setenv(name, value)
    words = ["--s3-from-environment", "--with-credentials"]
    run(*words, "--dry-run")
    run(*words)
    document = told(capsys, *words, "-f")
    assert document["secret"]["with_credentials"] is True
    out, err = capsys.readouterr()
    shown = out + err + json.dumps(document) + Path("mnist.yaml").read_text()
    assert KEY not in shown
    assert SECRET not in shown
    secret = yaml.safe_load(Path("mnist-secret.yaml").read_text("ascii"))
    assert secret["stringData"] == {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    assert stat.S_IMODE(os.stat("mnist-secret.yaml").st_mode) == 0o600


def test_keys_that_are_not_there_are_missed_by_their_names(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    run("--s3-from-environment", "--with-credentials", "--s3-region", "eu", status=1)
    assert "marpack: error: AWS_ACCESS_KEY_ID: is missing" in capsys.readouterr().err
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    run("--s3-from-environment", "--with-credentials", status=1)
    err = capsys.readouterr().err
    assert "marpack: error: AWS_ACCESS_KEY_ID: is missing: keys are a pair" in err
    assert SECRET not in err


def test_what_would_not_serve_is_a_warning_an_error_or_not_looked_for(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = str(to_deploy(folder, "mnist"))
    words = ["--protocol-version", "v2"]
    config = folder / "deploy" / "config" / "config.properties"
    settings = {"service_envelope": "kserve", "enable_envvars_config": "false"}
    config.write_bytes(marpack.properties.edit(config.read_bytes(), settings))
    run(*words, source=source)
    err = capsys.readouterr().err
    assert err.startswith("marpack: check: ")
    assert "error: service_envelope: 'kserve' is not the envelope of protocol v2" in err
    assert err.endswith("[kserve-envelope]\n")
    run(*words, "-f", "--check", "error", "-o", "other.yaml", source=source, status=1)
    assert "[kserve-envelope]" in capsys.readouterr().err
    assert not Path("other.yaml").exists()
    monkeypatch.setenv("MARPACK_CHECK", "error")
    run(*words, "-f", source=source, status=1)
    capsys.readouterr()
    run(*words, "-f", "--check", "off", source=source)
    assert capsys.readouterr().err == ""
    monkeypatch.delenv("MARPACK_CHECK")
    assert [each["code"] for each in told(capsys, *words, "-f", source=source)["findings"]] == ["kserve-envelope"]
    monkeypatch.setenv("MARPACK_CHECK", "maybe")
    run(*words, source=source, status=2)


def test_a_model_of_another_name_is_told_with_its_url(capsys: Capture) -> None:
    run("--name", "digits")
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "http://digits.default.svc.cluster.local/v1/models/mnist:predict"
    assert "[kserve-service-name]" in err


def test_an_archive_that_cannot_be_read_is_told(folder: Path, capsys: Capture) -> None:
    (folder / "text.mar").write_text("text")
    run(source="text.mar", status=1)
    assert "marpack: error: SOURCE: 'text.mar'" in capsys.readouterr().err


def test_a_full_disk_leaves_nothing(capsys: Capture, folder: Path) -> None:
    with full_disk(100):
        run("--s3-region", "eu", status=1)
    assert "cannot be written" in capsys.readouterr().err
    assert [each.name for each in folder.iterdir()] == ["mnist.mar"]


def test_a_folder_that_is_not_there_is_told(capsys: Capture) -> None:
    run("-o", "nowhere/mnist.yaml", status=1)
    assert "nowhere" in capsys.readouterr().err


def test_the_command_needs_to_know_where_the_model_lies(capsys: Capture) -> None:
    assert main(["manifest", "kserve", "mnist.mar"]) == 2
    usage, error = capsys.readouterr().err.splitlines()
    assert usage == "usage: marpack manifest kserve [OPTION ...] --storage-uri URI [SOURCE]"
    assert error.endswith("the following arguments are required: --storage-uri")
    assert main(["manifest"]) == 2


def test_help_names_what_it_takes(capsys: Capture) -> None:
    assert main(["manifest", "kserve", "--help"]) == 0
    assert "marpack serve-build" in " ".join(capsys.readouterr().out.split())
