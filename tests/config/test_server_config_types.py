"""Settings of a wrong type are refused, all at once, and nobody changes what was made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import ConfigError, ServerConfig
from marpack.config.settings.keys import KEYS
from tests.support.snapshots import SNAPSHOT

WRONG: dict[str, list[Any]] = {
    "bool": [1, 0, "true", None.__class__, [], 1.0],
    "int": ["1", 1.0, True, [], 2**31, -(2**31) - 1, 10**5000, 1j],
    "long": ["1", 1.5, False, 2**63, 10**5000],
    "double": ["1", True, float("nan"), float("inf"), 10**400, 10**5000, 1j],
    "str": [1, b"a", True, ["a"], Path("a")],
    "path": [1, b"/a", True, ["a"]],
    "address": [8080, b"h", ("h", 1), True],
    "choice": [1, True, ["json"]],
    "list": [1, b"a", {"a"}, [1], ["a,b"], ["a", None], True, {"a": "b"}, (name for name in "ab")],
    "json": ["{}", [], 1, {"a": float("nan")}, {"a": {1, 2}}, {"a": object()}, {"a": b"x"}, {("a", 1): 2}],
}


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_values_of_a_wrong_type_are_refused(key: marpack.typing.Key) -> None:
    for value in WRONG[key.kind] if key.name != "model_snapshot" else [*WRONG["json"], SNAPSHOT.to_json(), {}]:
        with pytest.raises(ConfigError) as caught:
            ServerConfig(**{key.attribute: value})
        [finding] = caught.value.findings
        assert (finding.code, finding.severity, finding.key) == ("type", "error", key.name)
        assert finding.message
        assert len(finding.message) < 200
        assert "sys.set_int_max_str_digits" not in finding.message


def test_all_wrong_values_are_reported_at_once() -> None:
    wrong: dict[str, Any] = {key.attribute: WRONG[key.kind][0] for key in KEYS.values()}
    wrong["extra"] = {"a": 1, 2: "b", "c": "d", "debug": "x"}
    with pytest.raises(ConfigError) as caught:
        ServerConfig(**wrong)
    found = [finding.key for finding in caught.value.findings]
    assert sorted(found) == sorted([*KEYS, "a", "extra", "debug"])
    assert str(caught.value).startswith(f"{len(found)} problems:\n- ")


@pytest.mark.parametrize("extra", [None, "x", ["a"], {1: "a"}, {"a": 1}, {"a": None}], ids=str)
def test_extra_is_text_by_text(extra: Any) -> None:
    with pytest.raises(ConfigError, match="extra"):
        ServerConfig(extra=extra)


def test_a_setting_has_one_place() -> None:
    with pytest.raises(ConfigError, match="job_queue_size"):
        ServerConfig(job_queue_size=1, extra={"job_queue_size": "x"})
    assert ServerConfig(extra={"job_queue_size": "x"}).properties() == {"job_queue_size": "x"}
    # What can be read belongs into its field; it would come back there.
    with pytest.raises(ConfigError, match="job_queue_size"):
        ServerConfig(extra={"job_queue_size": "1"})


def test_an_unknown_field() -> None:
    with pytest.raises(TypeError, match="number_of_gpus"):
        ServerConfig(number_of_gpus=1)  # type: ignore[call-arg]


def test_nobody_changes_settings() -> None:
    extra, names = {"a": "1"}, ["a.mar"]
    models: dict[str, dict[str, dict[str, int]]] = {"m": {"1.0": {"minWorkers": 1}}}
    config = ServerConfig(extra=extra, models=models, load_models=names)
    extra["b"] = "2"
    models["n"] = {}
    names.append("b.mar")
    assert config.properties() == {"load_models": "a.mar", "models": '{"m": {"1.0": {"minWorkers": 1}}}', "a": "1"}
    with pytest.raises(FrozenInstanceError):
        config.debug = True  # type: ignore[misc]
    assert replace(config, debug=True).debug
    assert config.debug is None
