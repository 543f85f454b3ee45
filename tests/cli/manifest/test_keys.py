"""Keys of a store are where they were asked for, stay there, and are shown nowhere."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.manifest_command import KEY, SECRET, STORE, Capture, run, told


def test_keys_that_were_put_into_the_secret_stay(capsys: Capture, folder: Path) -> None:
    run("--s3-region", "eu")
    file = folder / "mnist-secret.yaml"
    file.write_text(
        mine := file.read_text().replace("<access key id>", KEY).replace("<secret access key>", SECRET)
    )
    capsys.readouterr()
    canary = ["--canary-traffic-percent", "30", "-f"]
    run("--s3-region", "eu", *canary, "--dry-run")
    said = "marpack: would write mnist.yaml, and leave mnist-secret.yaml as it is, for the keys in it\n"
    assert capsys.readouterr().err == said
    run("--s3-region", "eu", *canary)
    assert file.read_text() == mine
    out, err = capsys.readouterr()
    assert "mnist-secret.yaml: Secret mnist-secret, as it was, for the keys in it\n" in out
    assert err == ""
    assert "canaryTrafficPercent: 30" in Path("mnist.yaml").read_text()
    # What the Secret says of the store is another matter.
    run("--s3-region", "us", *canary)
    assert file.read_text() == mine
    assert "'mnist-secret.yaml' stays as it is, and says otherwise" in capsys.readouterr().err


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
