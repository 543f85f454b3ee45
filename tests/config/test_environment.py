"""What variables of the environment make of settings, as the server's Java does."""

from __future__ import annotations

import pytest

import marpack
from marpack import ConfigError, ServerConfig
from marpack.config.settings.environment import is_true, resolve
from marpack.config.settings.keys import KEYS


def test_resolve() -> None:
    config = ServerConfig(
        model_store="$$HOME$$/store/$$NAME$$",
        extra={"x": "$$A$$ $$$$ $HOME $$NAME$$$$NAME$$", "job_queue_size": "$$SIZE$$"},
    )
    resolved = config.resolve({"HOME": "/home", "NAME": "m", "SIZE": "7", "TS_JOB_QUEUE_SIZE": "9"})
    assert resolved == ServerConfig(
        model_store="/home/store/m", job_queue_size=7, extra={"x": "$$A$$ $$$$ $HOME mm"}
    )
    assert resolved.resolve({}) == resolved
    assert config.extra["job_queue_size"] == "$$SIZE$$"


def test_variables_that_are_not_there_are_told_at_once() -> None:
    config = ServerConfig(model_store="$$HOME$$/$$STORE$$", extra={"y": "$$HOME$$"})
    with pytest.raises(ConfigError) as caught:
        config.resolve({"BACK": "\\"})
    assert [(finding.code, finding.key) for finding in caught.value.findings] == [
        ("variable", "model_store"),
        ("variable", "model_store"),
        ("variable", "y"),
    ]
    assert "'HOME'" in caught.value.findings[0].message


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("a", "a"),
        ("", ""),
        ("a\\b", "ab"),
        ("\\\\", "\\"),
        ("\\$", "$"),
        ("$0", "$$VAR$$"),
        ("$1", "VAR"),
        ("$12", "VAR2"),
        ("$$VAR$$", None),
        ("\\", None),
        ("$", None),
        ("$2", None),
        ("$x", None),
        ("${VAR}", None),
        ("a$", None),
    ],
)
def test_variables_are_put_in_as_java_does(value: str, resolved: str | None) -> None:
    if resolved is not None:
        assert resolve({"a": "<$$VAR$$>"}, {"VAR": value}) == {"a": f"<{resolved}>"}
        return
    with pytest.raises(ConfigError, match="'VAR'") as caught:
        resolve({"a": "<$$VAR$$>"}, {"VAR": value})
    assert caught.value.findings[0].fix == "write the value itself into the file"


@pytest.mark.parametrize("key", [key for key in KEYS.values() if key.variable], ids=lambda key: key.name)
def test_every_variable_replaces_its_setting(key: marpack.typing.Key) -> None:
    assert str(key.variable).startswith("TS_")
    environ = {key.variable: "x"} if key.variable else {}
    always = key.name in ("model_server_home", "ts_open_inference_protocol")
    off = resolve({key.name: "before"}, environ)
    assert off[key.name] == ("before" if not always else {"model_server_home": "x"}.get(key.name, "false"))
    on = resolve({"enable_envvars_config": "TRUE", key.name: "before"}, environ)
    assert on[key.name] == (off[key.name] if always or key.name == "allowed_urls" else "x")
    assert resolve({"enable_envvars_config": "true"}, {})
    both = {"enable_envvars_config": "true", "use_env_allowed_urls": "true"}
    assert resolve(both, environ)[key.name] == ("false" if key.name == "ts_open_inference_protocol" else "x")


def test_settings_without_a_variable() -> None:
    environ = {f"TS_{name.upper()}": "x" for name, key in KEYS.items() if key.variable is None}
    assert len(environ) > 8
    on = {"enable_envvars_config": "true", "use_env_allowed_urls": "true"}
    assert resolve(on, environ) == on
    assert resolve({}, {"TS_ENABLE_ENVVARS_CONFIG": "true", "TS_JOB_QUEUE_SIZE": "1"}) == {}


def test_variables_of_the_environment_are_not_resolved_again() -> None:
    config = ServerConfig(enable_envvars_config=True, job_queue_size=1)
    assert config.resolve({"TS_JOB_QUEUE_SIZE": "$$X$$"}).extra == {"job_queue_size": "$$X$$"}
    assert config.resolve({"TS_JOB_QUEUE_SIZE": "5"}).job_queue_size == 5
    # What the switch itself is, is known after variables are put in.
    switched = ServerConfig(extra={"enable_envvars_config": "$$ON$$"})
    assert switched.resolve({"ON": "true", "TS_DEBUG": "true"}).debug is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("TRUE", True), ("true ", False), ("1", False), ("", False), (None, False)],
)
def test_is_true(text: str | None, expected: bool) -> None:
    assert is_true(text) is expected
