"""model-config.yaml: every setting is written and read again, and it is packed as it is."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import zipfile
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, date, datetime
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.config.model_config import ModelConfig

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


def test_every_setting_is_written() -> None:
    config = ModelConfig(**EVERYTHING)
    assert set(EVERYTHING) == {field.name for field in fields(ModelConfig)}
    assert config.to_yaml() == TEXT


def test_every_setting_is_read() -> None:
    config = ModelConfig(**EVERYTHING)
    assert ModelConfig.from_dict(config.to_dict()) == config
    assert ModelConfig.loads(TEXT) == config
    assert ModelConfig.loads(b"\xef\xbb\xbf" + TEXT.encode()) == config


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
