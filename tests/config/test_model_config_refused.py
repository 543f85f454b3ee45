"""The values of model-config.yaml that are taken, and those that are refused, all at once."""

from __future__ import annotations

import sys
from datetime import datetime, time, timedelta, timezone
from typing import Any

import pytest

from marpack.config.model_config import ModelConfig
from marpack.errors import ConfigError


def refused(**arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(**arguments)
    return [(found.code, found.key) for found in caught.value.findings]


def test_both_timeouts_are_written_even_alone() -> None:
    assert ModelConfig().to_yaml() == "responseTimeout: 120\nstartupTimeout: 120\n"
    assert ModelConfig.loads("{}") == ModelConfig()
    assert refused(response_timeout=None) == [("model-config-type", "responseTimeout")]


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
