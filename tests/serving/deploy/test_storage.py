"""Deployments that go to a store: the same files as on the disk, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack import ArchiveExistsError, PlanError, properties
from marpack.cli import main
from marpack.errors import TargetError, UploadError
from marpack.serving import (
    Model,
    ServingArtifact,
    StorageFolder,
    TorchServingArtifactBuilder,
    load_declaration,
    serve_build,
)
from tests.differential.test_storage import STAGES, Stop, kinds, requests_of
from tests.support.folder_contents import listing, unchanged
from tests.support.object_store import BUCKET, S3Server, judged
from tests.support.processes import end_of
from tests.support.secret_urls import SECRET, shown

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

T = 1_600_000_000
MODELS: list[dict[str, Any]] = [
    {"model_name": "digits", "handler": "handler.py", "serialized_file": "net.pt"},
    {"model_name": "letters", "handler": "handler.py", "serialized_file": "net.pt", "archive_format": "tgz"},
]
URL = f"s3://{BUCKET}/dev/mnist/deploy/new"
FILES = ["config/config.properties", "model-store/digits.mar", "model-store/letters.tar.gz"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(T))
    (tmp_path / "handler.py").write_text("def handle(data, context): return data\n")
    (tmp_path / "model.py").write_text("class Net: pass\n")
    (tmp_path / "net.pt").write_bytes(b"weights")
    (tmp_path / "models.json").write_text(json.dumps(MODELS))
    return tmp_path


@pytest.fixture
def store(s3: S3Server) -> S3Server:
    s3.empty()
    s3.abandon()
    return s3


def stored(store: S3Server, url: str = URL) -> dict[str, bytes]:
    prefix = url.removeprefix(f"s3://{BUCKET}/") + "/"
    return {name.removeprefix(prefix): store.get(name) for name in store.names() if name.startswith(prefix)}


def files_below(folder: str) -> dict[str, bytes]:
    return {name: data for name, data in listing(Path(folder)).items() if data is not None}


def test_a_declaration_makes_the_same_files_in_a_store(store: S3Server, folder: Path) -> None:
    on_disk = serve_build(MODELS, "deploy", timestamp=T)
    with unchanged(folder):
        in_store = serve_build(MODELS, URL + "/", timestamp=T)
    assert stored(store) == files_below("deploy")
    assert sorted(stored(store)) == FILES
    assert (in_store.folder, in_store.directory) == (URL, URL)
    assert in_store.config_path == f"{URL}/config/config.properties"
    assert [archive.path for archive in in_store.archives] == [f"{URL}/{name}" for name in FILES[1:]]
    assert [archive.size for archive in in_store.archives] == [archive.size for archive in on_disk.archives]
    assert (in_store.snapshot, in_store.warnings) == (on_disk.snapshot, on_disk.warnings)


def test_a_model_of_kaptain_makes_the_same_files_in_a_store(store: S3Server, folder: Path) -> None:
    serving = {"model_file": "model.py", "handler": "handler.py", "serialized_file": "net.pt"}
    builder = TorchServingArtifactBuilder(Model(id="dev/mnist", serving_config=serving), timestamp=T)
    builder.build("deploy")
    with unchanged(folder):
        artifact = builder.build(URL)
        again = builder.planned().put(StorageFolder.of(f"{URL}-2"))
    assert stored(store) == stored(store, f"{URL}-2") == files_below("deploy")
    assert (artifact.folder, artifact.archive.path) == (URL, f"{URL}/model-store/dev-mnist.mar")
    assert again.folder == f"{URL}-2"


def test_the_settings_are_the_last_to_appear(store: S3Server) -> None:
    """No server starts from the folder before them (tests/server/test_half_a_deploy.py)."""
    place = partial(StorageFolder.of, URL)
    did = kinds(requests_of(lambda endpoint: serve_build(MODELS, place(endpoint_url=endpoint)), store))
    shown = [each.removeprefix("shows ") for each in did if each.startswith("shows ")]
    assert shown == [*FILES[1:], FILES[0]]


@pytest.mark.parametrize("force", [False, True])
def test_an_earlier_deploy_stays_as_it_was(store: S3Server, force: bool) -> None:
    serve_build(MODELS, URL, timestamp=T)
    before = stored(store)
    missing = f"s3://{BUCKET}/missing.pt"  # nothing is fetched for a place that is taken
    for models in (MODELS, [{**MODELS[0], "serialized_file": missing}], [{**MODELS[0], "model_name": "other"}]):
        with pytest.raises(ArchiveExistsError, match="choose another folder, or remove it first"):
            serve_build(models, URL, force=force, timestamp=T + 2)
    assert stored(store) == before


def test_a_whole_new_folder_is_put_on_the_disk(tmp_path: Path) -> None:
    planned = TorchServingArtifactBuilder(
        Model(id="m", serving_config={"model_file": "model.py", "handler": "handler.py"}), exported_model="net.pt"
    ).planned()
    artifact = planned.put(StorageFolder.of("a/deploy"))
    assert (artifact.folder, artifact.config_path) == ("a/deploy", "a/deploy/config/config.properties")
    assert artifact.archive.path == "a/deploy/model-store/m.mar"
    assert Path(artifact.archive).is_file()
    with unchanged(tmp_path), pytest.raises(ArchiveExistsError):
        planned.put(StorageFolder.of("a/deploy"))
    assert planned.put(StorageFolder.of((tmp_path / "b").as_uri())).folder == str(tmp_path / "b")


def test_a_url_of_a_file_is_a_folder_of_the_disk(tmp_path: Path) -> None:
    url = (tmp_path / "a b").as_uri()
    assert serve_build(MODELS, url).folder == str(tmp_path / "a b")
    with pytest.raises(ArchiveExistsError, match="overwrite it"):
        serve_build(MODELS, url)
    assert serve_build([{**MODELS[0], "model_name": "other"}], url, force=True).folder == str(tmp_path / "a b")
    assert len(os.listdir(tmp_path / "a b" / "model-store")) == 3


def test_the_absolute_store_of_a_server_is_asked_for(store: S3Server) -> None:
    declaration: dict[str, Any] = {"models": MODELS, "preset": "torchserve", "settings": {"job_queue_size": 5}}
    with pytest.raises(PlanError, match=f"model_store: .* where '{URL}' will lie") as caught:
        serve_build(declaration, URL)
    assert [(issue.code, issue.argument) for issue in caught.value.issues] == [("missing-key", "settings")]
    assert store.names() == []
    declaration["settings"]["model_store"] = "/srv/models/model-store"
    serve_build(declaration, URL)
    written = properties.loads(stored(store)["config/config.properties"])
    assert written["model_store"] == "/srv/models/model-store"


def test_a_model_that_is_a_folder_is_refused_before_anything_is_sent(store: S3Server) -> None:
    with pytest.raises(TargetError, match="no-archive is a folder: choose another form"):
        serve_build([MODELS[0], {**MODELS[1], "archive_format": "no-archive"}], URL)
    assert (store.names(), store.unfinished()) == ([], [])


def test_credentials_are_given_with_the_folder(moto: S3Server, direct: None) -> None:
    moto.empty()
    place = StorageFolder.of(URL, endpoint_url=moto.endpoint, key="k", secret=SECRET)
    artifact = serve_build(MODELS, place)
    assert SECRET not in repr(artifact)
    assert sorted(stored(moto)) == FILES
    with pytest.raises(ArchiveExistsError) as caught:
        serve_build(MODELS, place)
    assert SECRET not in shown(caught.value)


def test_wrong_models_are_known_before_the_store_is_asked(store: S3Server) -> None:
    with store.refusing(), pytest.raises(PlanError, match=r"missing\.py"):
        serve_build([{**MODELS[0], "handler": "missing.py"}], URL)
    with store.refusing(), pytest.raises(UploadError, match="check the credentials"):
        serve_build(MODELS, URL)


def test_the_command_goes_to_a_store(store: S3Server, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["serve-build", "models.json", "--check", "off", "-o"]
    with unchanged(folder):
        assert main([*command, URL]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert [line.rpartition(": ")[0] for line in out.splitlines()[:2]] == [
            f"{URL}/{name}" for name in FILES[1:]
        ]
        assert out.splitlines()[2:] == [f"{URL}/config/config.properties"]
        assert main([*command, f"{URL}-2", "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert main([*command, URL, "--force"]) == 1
        assert "already exists: choose another folder" in capsys.readouterr().err
    assert (document["directory"], document["config"]) == (f"{URL}-2", f"{URL}-2/config/config.properties")
    assert stored(store) == stored(store, f"{URL}-2")
    assert len(load_declaration("models.json")) == len(document["archives"])


def test_the_command_says_in_one_line_what_a_store_refuses(store: S3Server) -> None:
    command = [sys.executable, "-m", "marpack", "serve-build", "models.json", "--check", "off", "-o"]
    with store.refusing():
        done = subprocess.run([*command, URL], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"marpack: error: '{URL}' may not be asked whether it exists: check the credentials\n")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("stage", ["before the first commit", "before the last commit"])
def test_the_command_that_is_ended_leaves_nothing(
    store: S3Server, stage: str, number: signal.Signals, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-m", "marpack", "serve-build", "a.json", "--check", "off", "-o", URL]
    Path("a.json").write_text(json.dumps([{**MODELS[0], "model_name": "a"}]))
    stop = Stop(*STAGES[stage])
    with judged(store.endpoint, stop) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            stop.wait(process)
            process.send_signal(number)
            stop.release("pass")
            out, err = end_of(process)
    assert (process.returncode, out) == (status, b"")
    assert err == (b"marpack: error: interrupted\n" if number == signal.SIGINT else b"")
    assert (store.names(), store.unfinished()) == ([], [])


def test_no_secret_of_a_url_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sftp://key:{SECRET}@host.invalid/deploy"
    failures: list[Callable[[], ServingArtifact | int]] = [
        lambda: serve_build(MODELS, url),
        lambda: serve_build({"models": MODELS, "preset": "torchserve"}, url),
    ]
    for fails in failures:
        with pytest.raises((PlanError, UploadError)) as caught:
            fails()
        assert SECRET not in shown(caught.value)
    assert main(["serve-build", "models.json", "-o", url]) == 1
    assert SECRET not in "".join(capsys.readouterr())
