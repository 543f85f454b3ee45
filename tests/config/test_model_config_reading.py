"""A model-config.yaml is read as the server reads it, and what is wrong in it is told with its place."""

from __future__ import annotations

import copy
import pickle
import sys
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack.config.model_config import ModelConfig, lint_model_config
from marpack.config.text import yaml_text
from marpack.errors import ConfigError, MissingExtraError
from marpack.findings import Finding

if TYPE_CHECKING:
    from pathlib import Path


def unread(text: str | bytes) -> list[Finding]:
    with pytest.raises(ConfigError) as caught:
        ModelConfig.loads(text)
    assert {found.severity for found in caught.value.findings} == {"error"}
    return list(caught.value.findings)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "document", 1),
        ("# nothing\n", "document", 1),
        ("\n\n- a\n", "document", 3),
        ("a", "document", 1),
        ("a: 1\nb: [\n", "syntax", 3),
        ("a: 1\nb:\t2\n", "syntax", 2),
        ("a: 1\n---\nb: 2\n", "syntax", 2),
        ("a: 1\nb: !!python/name:os.system x\n", "syntax", 2),
        ("a: 1\nb: \0\n", "syntax", 2),
        ("a: *b\n", "syntax", 1),
        ("? [a]\n: 1\n", "syntax", 1),
        ("a: 2024-13-45\n", "syntax", None),
        ("a: !!int x\n", "syntax", None),
        ("[" * 100_000, "syntax", None),
        (b"a: 1\nb: \xe9\n", "encoding", 2),
        ('a: 1\nhandler:\n  x:\n    y: "\\ud83d\\ude00"\n', "value", 3),
        ("a: 1\ntorchrun:\n  on: 2\n", "key", 3),
        ('batchSize: 1\na: "\\/"\n', "front-end", 2),
        ("a: 1\non: 2\n", "key", 2),
        ("a: &a [*a]\n", "depth", 1),
    ],
)
def test_a_file_that_cannot_be_used_says_where(text: str | bytes, code: str, line: int | None) -> None:
    assert [(found.code, found.line, found.file) for found in unread(text)] == [
        (f"model-config-{code}", line, None)
    ]


@pytest.mark.parametrize(
    ("text", "code", "severity", "line"),
    [
        ("batchSize: 1\nuseVenv: 1\n", "type", "error", 2),
        ("a: 1\nparallelType: tp\ntorchrun:\n  nnodes: 1\n  nproc-per-node: gpu\n", "type", "error", 5),
        ("a: 1\n'on': 2\nBatchSize: 3\n", "misspelt-key", "warning", 3),
        ("x: &x {useVenv: 1}\n<<: *x\n", "type", "error", 1),
        ("minWorkers: 1\nmaxWorkers: 1\nmaxBatchDelay: 0\n", "range", "warning", 3),
        ("minWorkers: 1\n", "worker-pair", "warning", 1),
        ("parallelType: pp\n", "parallel", "warning", 1),
        ("parallelLevel: 2\nparallelType: pp\n", "parallel", "error", 2),
        ("pt2: 1\n", "pt2", "error", 1),
    ],
)
def test_what_the_server_reads_is_read_and_told(text: str, code: str, severity: str, line: int) -> None:
    for config in (ModelConfig.loads(text), ModelConfig.loads(text.encode())):
        [told] = config.validate()
        [found] = lint_model_config(text, file="m.yaml")
        assert (found.code, found.severity, found.line) == (f"model-config-{code}", severity, line)
        assert found == replace(told, file="m.yaml", line=line)
        # What stands in the file is written again.
        assert ModelConfig.loads(config.to_yaml()) == config
        assert copy.deepcopy(config) == pickle.loads(pickle.dumps(config)) == config


def test_fields_are_what_the_server_takes() -> None:
    config = ModelConfig.loads(
        "minWorkers: 0\nmaxWorkers: 2\nbatchSize: 0\nmaxBatchDelay: 0\nresponseTimeout: -1\nuseVenv: 'yes'\n"
        "deviceIds: [0, x]\nparallelType: PP\ntorchrun: {nproc-per-node: gpu, max-restarts: 3, nnodes: 2}\n"
        "BatchSize: 8\nhandler:\n"
    )
    assert (config.min_workers, config.max_workers, config.batch_size) == (1, 2, 1)
    assert (config.max_batch_delay, config.response_timeout, config.startup_timeout) == (None, 120, 120)
    assert (config.use_venv, config.device_ids, config.handler) == (None, None, None)
    assert (config.parallel_type, config.torchrun) == ("PP", {"nnodes": 2})
    assert config.extra == {
        "minWorkers": 0,
        "batchSize": 0,
        "maxBatchDelay": 0,
        "responseTimeout": -1,
        "useVenv": "yes",
        "deviceIds": [0, "x"],
        "torchrun": {"nproc-per-node": "gpu", "max-restarts": 3, "nnodes": 2},
        "BatchSize": 8,
        "handler": None,
    }
    assert config.to_dict()["torchrun"] == config.extra["torchrun"]
    half = ModelConfig.loads("minWorkers: 4")
    assert (half.min_workers, half.extra) == (None, {"minWorkers": 4})
    # Who writes is told.
    with pytest.raises(ConfigError, match="'minWorkers' has a field of its own: give min_workers= instead"):
        replace(half, batch_size=1)
    assert replace(half, min_workers=4, max_workers=4, extra={}).validate() == ()


def test_what_cannot_be_read_is_told_too() -> None:
    assert [(found.code, found.line) for found in lint_model_config("a: 1\nb: [\n")] == [
        ("model-config-syntax", 3)
    ]
    assert lint_model_config("minWorkers: 1\nmaxWorkers: 1\n") == ()


def test_a_file_that_was_read_is_packed_as_it_stands(tmp_path: Path) -> None:
    config = ModelConfig.loads("minWorkers: 1\nmaxWorkers: 1\nmaxBatchDelay: 0\nBatchSize: 4\n")
    marpack.pack(
        model_name="m",
        handler={"h.py": b"def handle(a, b): return a\n"},
        config_file=config,
        export_path=tmp_path,
        check="off",
    )
    with zipfile.ZipFile(tmp_path / "m.mar") as archive:
        text = archive.read("model-config.yaml")
    assert ModelConfig.loads(text) == config
    assert b"maxBatchDelay: 0" in text
    assert b"BatchSize: 4" in text


def test_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("batchSize: 8\n")
    assert ModelConfig.load(path) == ModelConfig.load(str(path)) == ModelConfig(batch_size=8)
    path.write_text("batchSize: 0\n")
    assert ModelConfig.load(path).batch_size == 1
    for text in ("on: 0\n", "batchSize: [\n", ""):
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            ModelConfig.load(path)
        [found] = caught.value.findings
        assert found.file == str(path)
        assert found.line is not None
        assert str(caught.value).startswith(f"{path}:{found.line}: error: ")
    with pytest.raises(FileNotFoundError):
        ModelConfig.load(tmp_path / "absent.yaml")


def test_reading_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match=r"marpack\[yaml\]"):
        ModelConfig.loads("{}")
    assert ModelConfig.from_dict({}).to_yaml()


def test_aliases_make_no_small_file_long_work() -> None:
    keys = ", ".join(rf'"\ud83d{number}": 1' for number in range(1000))
    text = f"handler: {{x: &a {{{keys}}}, y: [{', '.join(['*a'] * 1000)}]}}"
    with pytest.raises(ConfigError) as caught:
        ModelConfig.loads(text)
    assert len(caught.value.findings) <= 1001
    keys = ", ".join(f"k{number}: 1" for number in range(2000))
    text = f"x: &a {{{keys}}}\n" + "".join(f"b{number}: *a\n" for number in range(2000))
    assert len(yaml_text.parse(text.encode()).lines) <= 10_001
