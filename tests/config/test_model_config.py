"""model-config.yaml: what is written, read and refused."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import zipfile
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.config.model_config import ModelConfig, lint_model_config
from marpack.config.text import yaml_text
from marpack.errors import ConfigError, MissingExtraError
from marpack.findings import Finding

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING: dict[str, Any] = {
    "min_workers": 1,
    "max_workers": 2,
    "batch_size": 8,
    "max_batch_delay": 50,
    "response_timeout": 30,
    "startup_timeout": 60,
    "device_type": "gpu",
    "device_ids": [0, 1],
    "parallel_type": "tp",
    "parallel_level": 2,
    "torchrun": {"nproc-per-node": 2, "OMP_NUMBER_THREADS": 4},
    "max_retry_timeout_in_sec": 60,
    "client_timeout_in_mills": 1000,
    "job_queue_size": 10,
    "use_job_ticket": True,
    "sequence_max_idle_msec": 500,
    "sequence_timeout_msec": 0,
    "max_sequence_job_queue_size": 2,
    "max_num_sequence": 4,
    "sequence_batching": True,
    "continuous_batching": False,
    "async_communication": True,
    "use_venv": False,
    "handler": {"profile": True, "labels": {0: "cat", 1: "no"}},
    "pt2": {"compile": {"enable": True, "backend": "inductor"}},
    "pippy": {},
    "deepspeed": {"config": "ds-config.json"},
    "dali": {"seed": 1},
    "micro_batching": {"micro_batch_size": 4},
    "extra": {"ours": [[1, [2.5, None]], {"a": [], "b": "x y"}], "on": "\N{GRINNING FACE}\n"},
}
TEXT = r"""minWorkers: 1
maxWorkers: 2
batchSize: 8
maxBatchDelay: 50
responseTimeout: 30
startupTimeout: 60
deviceType: gpu
deviceIds:
  - 0
  - 1
parallelType: tp
parallelLevel: 2
torchrun:
  nproc-per-node: 2
  OMP_NUMBER_THREADS: 4
maxRetryTimeoutInSec: 60
clientTimeoutInMills: 1000
jobQueueSize: 10
useJobTicket: true
sequenceMaxIdleMSec: 500
sequenceTimeoutMSec: 0
maxSequenceJobQueueSize: 2
maxNumSequence: 4
sequenceBatching: true
continuousBatching: false
asyncCommunication: true
useVenv: false
handler:
  profile: true
  labels:
    0: cat
    1: "no"
pt2:
  compile:
    enable: true
    backend: inductor
pippy: {}
deepspeed:
  config: ds-config.json
dali:
  seed: 1
micro_batching:
  micro_batch_size: 4
ours:
  - - 1
    - - 2.5
      - null
  - a: []
    b: "x y"
"on": "\U0001f600\n"
"""


def refused(**arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(**arguments)
    return [(found.code, found.key) for found in caught.value.findings]


def unread(text: str | bytes) -> list[Finding]:
    with pytest.raises(ConfigError) as caught:
        ModelConfig.loads(text)
    assert {found.severity for found in caught.value.findings} == {"error"}
    return list(caught.value.findings)


def test_every_setting_is_written() -> None:
    config = ModelConfig(**EVERYTHING)
    assert set(EVERYTHING) == {field.name for field in fields(ModelConfig)}
    assert config.to_yaml() == TEXT


def test_every_setting_is_read() -> None:
    config = ModelConfig(**EVERYTHING)
    assert ModelConfig.from_dict(config.to_dict()) == config
    assert ModelConfig.loads(TEXT) == config
    assert ModelConfig.loads(b"\xef\xbb\xbf" + TEXT.encode()) == config


def test_both_timeouts_are_written_even_alone() -> None:
    assert ModelConfig().to_yaml() == "responseTimeout: 120\nstartupTimeout: 120\n"
    assert ModelConfig.loads("{}") == ModelConfig()
    assert refused(response_timeout=None) == [("model-config-type", "responseTimeout")]


def test_what_was_given_is_copied() -> None:
    section = {"list": [1, 2], "tuple": (3, 4)}
    ids = [0]
    config = ModelConfig(handler=section, extra={"ours": section}, device_ids=ids)
    section["list"].append(object())  # type: ignore[attr-defined]
    ids.append(1)
    expected = {"list": [1, 2], "tuple": [3, 4]}
    assert (config.handler, config.extra, config.device_ids) == (expected, {"ours": expected}, (0,))
    config.to_dict()["handler"]["list"].append(5)
    assert config.handler == expected


def test_it_is_a_value() -> None:
    config = ModelConfig(**EVERYTHING)
    assert copy.deepcopy(config) == pickle.loads(pickle.dumps(config)) == config
    assert replace(config, batch_size=9).to_dict() == config.to_dict() | {"batchSize": 9}
    with pytest.raises(FrozenInstanceError):
        config.batch_size = 1  # type: ignore[misc]


def test_subclasses_are_written_as_what_they_are() -> None:
    class Colour(str, Enum):
        RED = "red"

    class Number(IntEnum):
        ONE = 1

    class Real(float):
        def __repr__(self) -> str:
            return f"Real({float(self)})"

    config = ModelConfig(batch_size=Number.ONE, extra={"a": [Colour.RED, Number.ONE, Real(1e-7)]})
    assert config.to_yaml().splitlines()[0] == "batchSize: 1"
    assert config.to_yaml().splitlines()[-3:] == ["  - red", "  - 1", "  - 1.0e-07"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[
            (1e16, "1.0e+16"),
            (1.5e-300, "1.5e-300"),
            (-0.0, "-0.0"),
            (float("inf"), ".inf"),
            (float("-inf"), "-.inf"),
        ],
        *[
            (float("nan"), ".nan"),
            (10**30, "1" + "0" * 30),
            ("a", "a"),
            ("a-b_c/d.pt", "a-b_c/d.pt"),
            ("/a", "/a"),
        ],
        *[("", '""'), ("1", '"1"'), ("On", '"On"'), ("y", '"y"'), ("NULL", '"NULL"'), ("a: b", '"a: b"')],
        *[(date(2026, 11, 28), "2026-11-28"), (date(7, 1, 2), "0007-01-02")],
        (datetime(2026, 11, 28, 10), "2026-11-28T10:00:00"),
        (datetime(2026, 11, 28, 10, 0, 0, 5, UTC), "2026-11-28T10:00:00.000005+00:00"),
        *[(b"hello", '!!binary "aGVsbG8="'), ({"b", 1}, "!!set {? 1, ? b}"), (frozenset(), "!!set {}")],
        *[('"\\', r'"\"\\"'), ("\0\t\r\n\x85", r'"\u0000\t\r\n\u0085"'), ("é\ufeff", r'"\u00e9\ufeff"')],
        *[("\U0001f600", r'"\U0001f600"'), ("a ", '"a "'), ({}, "{}"), ((), "[]"), (None, "null"), (True, "true")],
    ],
)
def test_values_are_written_plainly_or_quoted(value: object, text: str) -> None:
    assert ModelConfig(extra={"x": value}).to_yaml().splitlines()[-1] == f"x: {text}"


def test_a_long_key_is_announced() -> None:
    lines = ModelConfig(extra={"k" * 999: 1, "l" * 1000: {"a": 1}}).to_yaml().splitlines()
    assert lines[2:] == [f"{'k' * 999}: 1", f"? {'l' * 1000}", ":", "  a: 1"]


# The tests beside the server's own classes have a row for each number, flag and choice.
@pytest.mark.parametrize(
    ("arguments", "code", "key"),
    [
        ({"batch_size": True}, "type", "batchSize"),
        ({"batch_size": "8"}, "type", "batchSize"),
        ({"batch_size": 8.0}, "type", "batchSize"),
        ({"batch_size": 0}, "range", "batchSize"),
        ({"batch_size": 2**31}, "range", "batchSize"),
        ({"max_batch_delay": 0}, "range", "maxBatchDelay"),
        ({"response_timeout": 0}, "range", "responseTimeout"),
        ({"job_queue_size": -1}, "range", "jobQueueSize"),
        ({"use_venv": 1}, "type", "useVenv"),
        ({"use_job_ticket": "true"}, "type", "useJobTicket"),
        ({"device_type": "tpu"}, "choice", "deviceType"),
        ({"device_type": 1}, "type", "deviceType"),
        ({"device_ids": "01"}, "type", "deviceIds"),
        ({"device_ids": [0, False]}, "type", "deviceIds.1"),
        ({"device_ids": [0, -1]}, "range", "deviceIds.1"),
        ({"parallel_type": "dp"}, "choice", "parallelType"),
        ({"min_workers": 1}, "worker-pair", "minWorkers"),
        ({"max_workers": 1}, "worker-pair", "maxWorkers"),
        ({"min_workers": 2, "max_workers": 1}, "worker-pair", "minWorkers"),
        ({"torchrun": [1]}, "type", "torchrun"),
        ({"parallel_type": "tp", "torchrun": {"nproc-per-node": "gpu"}}, "type", "torchrun.nproc-per-node"),
        ({"parallel_type": "tp", "torchrun": {"nnodes": 0}}, "range", "torchrun.nnodes"),
        ({"parallel_type": "tp", "torchrun": {"rdzv-backend": 1}}, "type", "torchrun.rdzv-backend"),
        (
            {"parallel_type": "tp", "torchrun": {"max-restarts": 1}},
            "unknown-torchrun-key",
            "torchrun.max-restarts",
        ),
        (
            {"parallel_type": "tp", "torchrun": {"nproc_per_node": 1}},
            "unknown-torchrun-key",
            "torchrun.nproc_per_node",
        ),
        ({"parallel_type": "tp", "torchrun": {1: 1}}, "key", "torchrun.1"),
        ({"parallel_type": "tp", "torchrun": {True: 1}}, "key", "torchrun.True"),
        ({"parallel_type": "tp", "parallel_level": 2}, "parallel", "parallelType"),
        ({"parallel_type": "PP"}, "parallel", "parallelType"),
        ({"parallel_type": "custom"}, "parallel", "parallelType"),
        ({"parallel_level": 2}, "parallel", "parallelLevel"),
        ({"torchrun": {}}, "parallel", "torchrun"),
        ({"parallel_type": "custom", "torchrun": {}}, "parallel", "torchrun"),
        ({"parallel_type": "tp", "torchrun": {}, "parallel_level": 2}, "parallel", "parallelLevel"),
        ({"sequence_batching": True}, "sequence", "sequenceBatching"),
        ({"sequence_timeout_msec": 1}, "sequence", "sequenceTimeoutMSec"),
        ({"max_num_sequence": 2, "sequence_max_idle_msec": 0}, "sequence", "maxNumSequence"),
        ({"handler": [1]}, "type", "handler"),
        ({"dali": "x"}, "type", "dali"),
        ({"pt2": 5}, "pt2", "pt2"),
        ({"pt2": ["inductor"]}, "pt2", "pt2"),
        ({"pt2": {"compile": {"backend": "inductor"}}}, "pt2", "pt2.compile"),
        ({"pt2": {"compile": True}}, "pt2", "pt2.compile"),
        ({"pt2": {"compile": {"enable": "true"}}}, "type", "pt2.compile.enable"),
        ({"extra": {"BatchSize": 1}}, "misspelt-key", "BatchSize"),
        ({"extra": {"max_workers": 1}}, "misspelt-key", "max_workers"),
        ({"extra": {"respnseTimeout": 1}}, "misspelt-key", "respnseTimeout"),
        ({"extra": {"Handler": {}}}, "misspelt-key", "Handler"),
        ({"extra": {"batchSize": 1}}, "key", "batchSize"),
        ({"extra": {True: 1}}, "key", "True"),
        ({"extra": {1: 1}}, "key", "1"),
        ({"extra": []}, "type", "extra"),
        ({"extra": {"x": {(1, 2): 1}}}, "key", "x.(1, 2)"),
        ({"handler": {"x": {frozenset(): 1}}}, "key", "handler.x.frozenset()"),
        ({"parallel_type": "tp", "torchrun": {None: 1}}, "key", "torchrun.None"),
        ({"parallel_type": "tp", "torchrun": {1.5: 1}}, "key", "torchrun.1.5"),
        ({"extra": {"x": [object()]}}, "value", "x.0"),
        ({"extra": {"x": time(10)}}, "value", "x"),
        ({"extra": {"x": datetime(2026, 11, 28, tzinfo=timezone(timedelta(seconds=30)))}}, "value", "x"),
        ({"extra": {"x": {(1, 2)}}}, "key", "x.(1, 2)"),
        ({"extra": {"x": "\ud83d"}}, "value", "x"),
        ({"extra": {"x": {"\udc00": 1}}}, "value", r"x.'\udc00'"),
    ],
)
def test_what_the_server_would_not_take_is_refused(arguments: dict[str, Any], code: str, key: str) -> None:
    assert refused(**arguments) == [(f"model-config-{code}", key)]


@pytest.mark.skipif(not hasattr(sys, "set_int_max_str_digits"), reason="this Python writes any number")
def test_a_number_that_python_does_not_write_is_refused() -> None:
    assert refused(extra={"x": 10**5000}) == [("model-config-value", "x")]
    assert ("model-config-range", "batchSize") in refused(batch_size=10**5000)
    assert ("model-config-key", "a huge number") in refused(extra={10**5000: 1})


@pytest.mark.parametrize(
    "arguments",
    [
        {"device_type": "GPU"},
        {"device_ids": ()},
        {"parallel_type": "custom", "parallel_level": 2},
        {"parallel_type": "PPTP", "torchrun": {"nproc-per-node": 2}, "parallel_level": 2},
        {"parallel_type": ""},
        {"max_num_sequence": 2, "sequence_max_idle_msec": 1},
        {"pt2": "inductor"},
        {"pt2": {"backend": "inductor", "mode": "reduce-overhead"}},
        {"pt2": {"export": {"aot_compile": True}}},
        {"pt2": {"compile": {"enable": 0}}},
        {"extra": {"max_batch_size": 1, "": None, "yes": 1}},
    ],
)
def test_what_the_server_takes_is_accepted(arguments: dict[str, Any]) -> None:
    config = ModelConfig(**arguments)
    assert ModelConfig.loads(config.to_yaml()) == config


def test_everything_is_found_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(
            min_workers=0, max_workers=True, batch_size=-1, torchrun={"nnodes": 0, "x": 1}, extra={"BatchSize": 1}
        )
    assert {(found.code, found.key) for found in caught.value.findings} == {
        ("model-config-range", "minWorkers"),
        ("model-config-type", "maxWorkers"),
        ("model-config-range", "batchSize"),
        ("model-config-range", "torchrun.nnodes"),
        ("model-config-unknown-torchrun-key", "torchrun.x"),
        ("model-config-parallel", "torchrun"),
        ("model-config-misspelt-key", "BatchSize"),
    }
    assert {(found.severity, found.reader) for found in caught.value.findings} == {("error", "server")}
    [misspelt] = [found for found in caught.value.findings if found.key == "BatchSize"]
    assert "'batchSize'" in misspelt.fix


def test_a_value_without_end_is_refused() -> None:
    loop: list[object] = []
    loop += [loop, loop]
    assert [code for code, _ in refused(extra={"x": loop})] == ["model-config-depth"]


@pytest.mark.slow
def test_few_names_for_very_many_values_are_refused() -> None:
    value: list[object] = [1]
    for _ in range(40):
        value = [value, value]
    assert refused(handler={"x": value}) == [("model-config-size", "")]


@pytest.mark.parametrize("document", [None, [], "a", 1])
def test_a_document_must_be_a_mapping(document: Any) -> None:
    with pytest.raises(ConfigError, match="not a mapping"):
        ModelConfig.from_dict(document)


@pytest.mark.parametrize(
    ("document", "code", "key"),
    [
        ({"min_workers": 1, "maxWorkers": 2}, "misspelt-key", "min_workers"),
        ({"batchSize": None}, "type", "batchSize"),
        ({"handler": None}, "type", "handler"),
        ({"pt2": None}, "pt2", "pt2"),
        ({"extra": {"BatchSize": 1}}, None, ""),  # no key of the server's: one of the user's
    ],
)
def test_a_document_has_the_keys_of_the_server(document: dict[str, Any], code: str | None, key: str) -> None:
    if code is None:
        assert ModelConfig.from_dict(document).extra == document
        return
    with pytest.raises(ConfigError) as caught:
        ModelConfig.from_dict(document)
    assert (f"model-config-{code}", key) in [(found.code, found.key) for found in caught.value.findings]


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


def test_writing_needs_the_standard_library_alone() -> None:
    code = (
        "import sys; from marpack.config.model_config import ModelConfig; ModelConfig(batch_size=1).to_yaml(); "
        "print('yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_it_is_packed_as_it_is(tmp_path: Path) -> None:
    config = ModelConfig(**EVERYTHING)
    assert isinstance(config, marpack.Source)
    plan = marpack.plan_archive(model_name="m", version="1", handler="base_handler", config_file=config)
    result = marpack.write_archive(plan, tmp_path / "m.mar")
    assert plan.manifest.model.config_file == "model-config.yaml"
    with zipfile.ZipFile(result.path) as archive:
        assert archive.read("model-config.yaml").decode() == TEXT


def test_the_rules_know_the_keys_of_the_fields() -> None:
    from marpack.config import model_config
    from marpack.config.rules.model_config_text import KEYS

    assert set(model_config._KEYS) == KEYS


def test_aliases_make_no_small_file_long_work() -> None:
    keys = ", ".join(rf'"\ud83d{number}": 1' for number in range(1000))
    text = f"handler: {{x: &a {{{keys}}}, y: [{', '.join(['*a'] * 1000)}]}}"
    with pytest.raises(ConfigError) as caught:
        ModelConfig.loads(text)
    assert len(caught.value.findings) <= 1001
    keys = ", ".join(f"k{number}: 1" for number in range(2000))
    text = f"x: &a {{{keys}}}\n" + "".join(f"b{number}: *a\n" for number in range(2000))
    assert len(yaml_text.parse(text.encode()).lines) <= 10_001
