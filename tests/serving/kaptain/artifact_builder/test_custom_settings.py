"""A config.properties of the user's own: used as it is, or refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from marpack.errors import ConfigError, PlanError
from tests.support.built_artifacts import (
    MAR,
    NAME,
    arguments_at_fault,
    build,
    serving_model,
    write_config_properties,
)
from tests.support.folder_contents import unchanged

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data,
        lambda data: b"# ours\r\n\r\n" + data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"job_queue_size=10", b"job_queue_size : \\\n  99"),
        lambda data: data.replace(b"model_snapshot=", b"job_queue_size=7\nunknown_key=x\nmodel_snapshot="),
        lambda data: data.rstrip(b"\n"),
        lambda data: data.partition(b"model_snapshot=")[0] + f"load_models={MAR}\n".encode(),
        lambda data: data.partition(b"model_snapshot=")[0] + b"load_models=all\nmax_request_size=1\n",
    ],
    ids=["as it is", "CRLF", "continued line", "unknown key", "no line end", "load_models", "all"],
)
def test_a_custom_file_is_used_as_it_is(change: Callable[[bytes], bytes], folder: Path) -> None:
    own = change(Path(write_config_properties(NAME, MAR, ".")).read_bytes())
    (folder / "own.properties").write_bytes(own)
    result = build(serving_model({"serialized_file": "net.pt", "config_properties": "own.properties"}))
    assert Path(result.config_path).read_bytes() == own
    assert (result.snapshot is None) == (b"model_snapshot" not in own)


def test_a_custom_file_that_names_another_archive_is_refused(folder: Path) -> None:
    write_config_properties("other", "other.mar", ".")
    serving = {"serialized_file": "net.pt", "config_properties": "config.properties"}
    with unchanged(folder), pytest.raises(ConfigError) as caught:
        build(serving_model(serving))
    [finding] = [found for found in caught.value.findings if "marName" in found.key]
    assert "other.mar" in finding.message
    assert finding.file is not None
    assert os.path.samefile(finding.file, "config.properties")
    assert finding.line == 8


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (MAR, "other.mar", "model_snapshot.models.dev-mnist.1.0.marName"),
        ('"1.0"', '"2.0"', "model_snapshot.models.dev-mnist.2.0"),
        ("job_queue_size=10", "job_queue_size=ten", "job_queue_size"),
        ("job_queue_size", "job_que_size", "job_que_size"),
        ('"batchSize": 1, ', "", "model_snapshot.models.dev-mnist.1.0.batchSize"),
        ("=http://0.0.0.0:8085", "=http:\\u12", ""),
    ],
)
def test_a_custom_file_that_would_not_serve_the_archive(old: str, new: str, key: str, folder: Path) -> None:
    text = Path(write_config_properties(NAME, MAR, ".")).read_text()
    assert old in text
    (folder / "own.properties").write_text(text.replace(old, new))
    with unchanged(folder), pytest.raises(ConfigError) as caught:
        build(serving_model({"serialized_file": "net.pt", "config_properties": "own.properties"}))
    assert key in {finding.key for finding in caught.value.findings} or (
        key and any(finding.key.startswith(key) for finding in caught.value.findings)
    )
    for finding in caught.value.findings:
        assert finding.file is not None
        assert finding.file.endswith("own.properties")
        assert finding.line


@pytest.mark.parametrize("what", ["nothing", "folder"])
def test_a_custom_file_that_cannot_be_read(what: str, folder: Path) -> None:
    if what == "folder":
        (folder / "own.properties").mkdir()
    serving = {"serialized_file": "net.pt", "config_properties": "own.properties", "model_file": "gone.py"}
    with unchanged(folder), pytest.raises(PlanError) as caught:
        build(serving_model(serving))
    assert arguments_at_fault(caught.value) == ["config_properties", "model_file"]
