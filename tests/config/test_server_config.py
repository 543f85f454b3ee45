"""The typed settings of a server: every key, reading, writing, presets, versions, the environment."""

from __future__ import annotations

import json
import os
from dataclasses import FrozenInstanceError, fields, replace
from enum import Enum, IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import marpack
from marpack import (
    ConfigError,
    Finding,
    ModelSnapshot,
    NotPortableError,
    PropertiesError,
    ServerConfig,
    SnapshotEntry,
)
from marpack.config.presets import PRESETS
from marpack.config.settings.environment import is_true, resolve
from marpack.config.settings.keys import KEYS, ServerSettings, parse_value
from marpack.config.settings.other_keys import OTHER_KEYS
from marpack.config.settings.releases import release
from tests.support.vectors import SPEC

SETTINGS = json.loads((SPEC / "settings.json").read_text("ascii"))
SNAPSHOT = ModelSnapshot(models={"m": {"1.0": SnapshotEntry(mar_name="m.mar")}})

# A value of each kind, and its text.
VALUES: dict[str, tuple[Any, str]] = {
    "bool": (True, "true"),
    "int": (7, "7"),
    "long": (2**40, "1099511627776"),
    "double": (1.5, "1.5"),
    "str": ("a b", "a b"),
    "path": ("/a/b", "/a/b"),
    "address": ("http://h:1", "http://h:1"),
    "choice": ("json", "json"),
    "list": ("a,b", "a,b"),
    "json": ({"m": {"1.0": {"minWorkers": 1}}}, '{"m": {"1.0": {"minWorkers": 1}}}'),
}


def value_of(key: marpack.typing.Key) -> tuple[Any, str]:
    return (SNAPSHOT, SNAPSHOT.to_json()) if key.name == "model_snapshot" else VALUES[key.kind]


# ------------------------------------------------------------------------------------------------ the keys


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting["key"])
def test_every_setting_is_a_typed_field(setting: dict[str, Any]) -> None:
    key = marpack.KEYS[setting["key"]]
    assert (key.kind, key.default, key.unit, key.variable, key.reader) == tuple(
        setting[name] for name in ("type", "default", "unit", "environment", "reader")
    )
    assert key.choices == tuple(setting.get("choices") or ())
    assert key.doc
    assert not key.doc.endswith(".")
    assert key.attribute in {field.name for field in fields(ServerConfig)}
    value, text = value_of(key)
    config = ServerConfig(**{key.attribute: value})
    assert config.properties() == {key.name: text}
    again = ServerConfig.loads(config.dumps())
    assert again == config
    assert type(getattr(again, key.attribute)) is type(value)


def test_every_setting_is_listed() -> None:
    listed = [setting["key"] for setting in SETTINGS]
    assert len(set(listed)) == len(listed) == len(KEYS)
    assert {key.attribute for key in KEYS.values()} == {field.name for field in fields(ServerConfig)} - {"extra"}
    assert all(field.default is None for field in fields(ServerSettings))
    assert ServerConfig() == ServerConfig.loads("")
    assert ServerConfig().properties() == {}
    assert KEYS["tsConfigFile"].attribute == "ts_config_file"
    assert KEYS["NUM_WORKERS"].attribute == "num_workers"
    assert not set(OTHER_KEYS) & set(KEYS)


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_types_and_defaults_belong_together(key: marpack.typing.Key) -> None:
    types = {"bool": bool, "int": int, "long": int, "double": float}
    hint = {field.name: str(field.type) for field in fields(ServerConfig)}[key.attribute]
    assert hint.endswith(" | None")
    if key.kind in types:
        assert types[key.kind].__name__ in hint
    if key.default is not None and not key.default.startswith("<"):
        assert parse_value(key.kind, key.default) is not None
    assert key.minimum is None or key.kind in ("int", "long")
    assert (key.kind == "choice") == bool(key.choices)


def test_the_order_of_writing_is_that_of_kaptain() -> None:
    written = list(ServerConfig.kaptain(model_snapshot=SNAPSHOT, extra={"x": "1"}).properties())
    assert written == [
        "inference_address",
        "management_address",
        "number_of_netty_threads",
        "service_envelope",
        "install_py_dep_per_model",
        "job_queue_size",
        "disable_token_authorization",
        "enable_model_api",
        "model_store",
        "x",
        "model_snapshot",
    ]
    everything = ServerConfig(**{key.attribute: value_of(key)[0] for key in KEYS.values()})
    assert list(everything.properties()) == list(KEYS)


# ------------------------------------------------------------------------------------------ reading, writing


def test_unknown_keys_come_back_in_order() -> None:
    text = "z=1\njob_queue_size=10\na=\ny y=1\n".replace("y y", "y\\ y")
    config = ServerConfig.loads(text)
    assert config.job_queue_size == 10
    assert list(config.extra.items()) == [("z", "1"), ("a", ""), ("y y", "1")]
    assert list(config.properties()) == ["job_queue_size", "z", "a", "y y"]
    assert ServerConfig.loads(config.dumps(style="java")) == config
    with pytest.raises(NotPortableError, match="'y y'"):
        config.dumps()


UNREADABLE = {
    "job_queue_size": ["ten", "", " 10", "10 ", "4.0", "1_0", "0x10", "2147483648", "9" * 5000, "\uff11"],
    "grpc_inference_max_connection_age_ms": [str(2**63), "1L"],
    "debug": ["yes", "1", "", "true ", "tr\u00fce"],
    "token_expiration_min": ["", "1,5", "nan", "inf", "Infinity", "1e999", "-1e999", "1_0.5", "x"],
    "models": [
        "",
        "[]",
        "null",
        "1",
        "{",
        '{"a": NaN}',
        '{"a": 1e999}',
        "{'a': 1}",
        "[" * 100_000,
        '{"a": ' + "9" * 5000 + "}",
    ],
    "model_snapshot": [
        *["", "{}", "[]", "{", '{"models": 1}', '{"models": {}, "x": NaN}', '{"models": {}, "x": 1e999}'],
        *['{"models": {}, "modelCount": "' + "9" * 5000 + '"}', '{"models": {}, "created": [5]}', "[" * 100_000],
        SNAPSHOT.to_json().replace('"batchSize": 1', '"batchSize": "' + "9" * 5000 + '"'),
        SNAPSHOT.to_json().replace('"batchSize": 1', '"batchSize": 1e999'),
        SNAPSHOT.to_json().replace('"modelCount": 1', '"modelCount": 0'),
    ],
}


@pytest.mark.parametrize(
    ("key", "text"),
    [(key, text) for key, texts in UNREADABLE.items() for text in texts],
    ids=lambda text: text[:30],
)
def test_what_cannot_be_read_is_kept_as_it_is(key: str, text: str) -> None:
    config = ServerConfig.from_properties({"b": "1", key: text, "a": "2"})
    assert config.extra == {"b": "1", key: text, "a": "2"}
    assert list(config.extra) == ["b", key, "a"]
    assert getattr(config, KEYS[key].attribute) is None
    assert config.properties() == {"b": "1", key: text, "a": "2"}
    assert ServerConfig.loads(config.dumps(style="java")) == config
    assert any(finding.severity == "error" for finding in config.validate())


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("job_queue_size", "+010", 10),
        ("job_queue_size", "-5", -5),
        ("debug", "TRUE", True),
        ("debug", "fAlSe", False),
        ("token_expiration_min", " 1.5 ", 1.5),
        ("token_expiration_min", "1e-7", 1e-7),
        ("token_expiration_min", ".5", 0.5),
        ("cors_allowed_origin", "", ""),
        ("service_envelope", "kfserving", "kfserving"),
        ("service_envelope", "anything", "anything"),
        ("load_models", "a.mar, b.mar", "a.mar, b.mar"),
        ("models", "{}", {}),
    ],
)
def test_values_are_read(key: str, text: str, value: object) -> None:
    config = ServerConfig.from_properties({key: text})
    assert getattr(config, KEYS[key].attribute) == value
    assert type(getattr(config, KEYS[key].attribute)) is type(value)
    assert config.extra == {}
    assert ServerConfig.loads(config.dumps(style="java")) == config


def test_lists_and_paths_are_written_as_text() -> None:
    settings: dict[str, Any] = {
        "load_models": ["a.mar", "n=b.mar"],
        "allowed_urls": (),
        "model_store": Path("/a/b"),
        "metrics_config": Bytes(b"/m"),
        "models": MappingProxyType({}),
    }
    config = ServerConfig(**settings)
    assert config.properties() == {
        "allowed_urls": "",
        "metrics_config": "/m",
        "model_store": "/a/b",
        "load_models": "a.mar,n=b.mar",
        "models": "{}",
    }
    assert ServerConfig.loads(config.dumps()).properties() == config.properties()


def test_what_was_given_and_what_is_read_again_are_equal() -> None:
    settings: dict[str, Any] = {"load_models": ["a.mar", "b.mar"], "model_store": Path("/a/b")}
    config = ServerConfig(**settings, token_expiration_min=60)
    assert ServerConfig.loads(config.dumps()) == config


class Bytes(os.PathLike[bytes]):
    def __init__(self, path: bytes) -> None:
        self.path = path

    def __fspath__(self) -> bytes:
        return self.path


class Envelope(str, Enum):
    BODY = "body"


class Size(IntEnum):
    TEN = 10


def test_enums_are_their_values() -> None:
    config = ServerConfig(
        service_envelope=Envelope.BODY,
        inference_address=Envelope.BODY,
        model_store=Envelope.BODY,
        cors_allowed_origin=Envelope.BODY,
        load_models=[Envelope.BODY],
        job_queue_size=Size.TEN,
    )
    assert set(config.properties().values()) == {"body", "10"}
    assert config.dumps().count("=body\n") == 5


def test_reading_a_file_names_it_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "c.properties"
    path.write_bytes(b"a=1\nb=\\u00\n")
    with pytest.raises(PropertiesError) as caught:
        ServerConfig.load(path)
    assert (caught.value.file, caught.value.lineno, caught.value.colno) == (os.fspath(path), 2, 3)
    assert str(caught.value).startswith(repr(os.fspath(path)))
    path.write_bytes(b"a=\xe9\n")
    assert ServerConfig.load(path).extra == {"a": "é"}
    with pytest.raises(FileNotFoundError):
        ServerConfig.load(tmp_path / "none")


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "c.properties"
    ServerConfig(job_queue_size=1).write(path)
    assert path.read_bytes() == b"job_queue_size=1\n"
    with pytest.raises(NotPortableError):
        ServerConfig(vmargs="a\\b").write(path)
    assert path.read_bytes() == b"job_queue_size=1\n"
    ServerConfig(vmargs="é\\").write(os.fspath(path), style="java")
    assert path.read_bytes() == b"vmargs=\\u00E9\\\\\n"
    assert os.listdir(tmp_path) == ["c.properties"]
    with pytest.raises(marpack.TargetError, match="does not exist"):
        ServerConfig().write(tmp_path / "none" / "c.properties")


def test_a_repr_says_what_is_set() -> None:
    assert (
        repr(ServerConfig(job_queue_size=1, extra={"a": "b"}))
        == "ServerConfig(job_queue_size=1, extra={'a': 'b'})"
    )
    assert repr(ServerConfig()) == "ServerConfig()"


# ----------------------------------------------------------------------------------------------- wrong types

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


# -------------------------------------------------------------------------------------------------- presets

PRESET_SETTINGS: dict[str, dict[str, str]] = {
    "torchserve": {
        "inference_address": "http://127.0.0.1:8080",
        "management_address": "http://127.0.0.1:8081",
        "metrics_address": "http://127.0.0.1:8082",
        "disable_token_authorization": "false",
        "enable_model_api": "false",
    },
    "kaptain": {
        "inference_address": "http://0.0.0.0:8085",
        "management_address": "http://0.0.0.0:8081",
        "number_of_netty_threads": "4",
        "service_envelope": "kfserving",
        "install_py_dep_per_model": "true",
        "job_queue_size": "10",
        "disable_token_authorization": "true",
        "enable_model_api": "false",
        "model_store": "/mnt/models/model-store",
    },
    "kserve": {
        "inference_address": "http://0.0.0.0:8085",
        "management_address": "http://0.0.0.0:8085",
        "metrics_address": "http://0.0.0.0:8082",
        "grpc_inference_port": "7070",
        "grpc_management_port": "7071",
        "number_of_netty_threads": "4",
        "install_py_dep_per_model": "true",
        "job_queue_size": "10",
        "disable_token_authorization": "true",
        "enable_model_api": "false",
        "enable_envvars_config": "true",
        "enable_metrics_api": "true",
        "metrics_mode": "prometheus",
        "model_store": "/mnt/models/model-store",
    },
    "sagemaker": {
        "inference_address": "http://0.0.0.0:8080",
        "management_address": "http://0.0.0.0:8080",
        "async_logging": "true",
        "decode_input_request": "false",
        "default_workers_per_model": "1",
        "default_response_timeout": "60",
        "unregister_model_timeout": "60",
        "disable_token_authorization": "true",
        "enable_model_api": "false",
        "vmargs": "-XX:-UseContainerSupport",
        "model_store": "/opt/ml/model",
        "load_models": "all",
    },
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name: marpack.typing.Preset) -> None:
    config = ServerConfig.preset(name)
    assert config.properties() == PRESET_SETTINGS[name]
    assert config == getattr(ServerConfig, name)()
    assert config.disable_token_authorization is not None
    assert config.enable_model_api is not None
    assert ServerConfig.loads(config.dumps()) == config


def test_every_preset_is_shown() -> None:
    assert set(PRESETS) == set(PRESET_SETTINGS)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("version", ["0.5.2", "0.9.0", "0.12.0"])
@pytest.mark.parametrize(
    "settings", [{}, {"model_snapshot": SNAPSHOT}, {"model_store": "store"}], ids=["bare", "models", "store"]
)
def test_presets_have_no_errors(name: marpack.typing.Preset, version: str, settings: dict[str, Any]) -> None:
    config = ServerConfig.preset(name, **settings).for_torchserve(version)
    findings = config.validate(torchserve_version=version)
    assert [str(finding) for finding in findings if finding.severity == "error"] == []
    text = config.dumps()
    errors = [each for each in marpack.lint_config(text, torchserve_version=version) if each.severity == "error"]
    assert errors == []


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_changed_by_keywords(name: marpack.typing.Preset) -> None:
    config = ServerConfig.preset(
        name, job_queue_size=3, inference_address=None, enable_model_api=True, extra={"a": "b"}
    )
    assert (config.job_queue_size, config.inference_address, config.enable_model_api) == (3, None, True)
    assert config.extra == {"a": "b"}
    with pytest.raises(ConfigError, match="job_queue_size"):
        ServerConfig.preset(name, job_queue_size="3")
    with pytest.raises(TypeError, match="colour"):
        ServerConfig.preset(name, colour=1)


def test_sagemaker_loads_all_only_without_a_snapshot() -> None:
    assert ServerConfig.sagemaker(model_snapshot=SNAPSHOT).load_models is None
    assert ServerConfig.sagemaker(load_models="a.mar").load_models == "a.mar"
    assert ServerConfig.sagemaker(load_models=None).load_models is None
    assert ServerConfig.sagemaker(model_snapshot=None).load_models == "all"
    # A snapshot without models is one too.
    assert ServerConfig.sagemaker(model_snapshot=ModelSnapshot(models={})).load_models is None


def test_what_is_no_preset() -> None:
    with pytest.raises(
        ValueError, match="'azure' is not a preset: choose from torchserve, kaptain, kserve, sagemaker"
    ):
        ServerConfig.preset("azure")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="__init__"):
        ServerConfig.preset("__init__")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------- versions


@pytest.mark.parametrize(
    ("version", "envelope"),
    [
        ("0.5.2", "kfserving"),
        ("0.5.3", "kserve"),
        ("0.9.0", "kserve"),
        ("0.11.1", "kserve"),
        ("0.12.0", "kserve"),
        ("0.12.0b20240101", "kserve"),
        ("0.12", "kserve"),
        ("1.0", "kserve"),
        ("0.4.10", "kfserving"),
    ],
)
def test_for_torchserve(version: str, envelope: str) -> None:
    for before in ("kfserving", "kserve"):
        config = ServerConfig(service_envelope=before, job_queue_size=1, extra={"a": "b"})
        after = config.for_torchserve(version)
        assert after.service_envelope == envelope
        # Whether tokens are asked is nothing that follows from a version.
        assert (after.disable_token_authorization, after.enable_model_api) == (None, None)
        assert (after.job_queue_size, after.extra) == (1, {"a": "b"})
        assert after.for_torchserve(version) == after
        v2 = ServerConfig(service_envelope=f"{before}v2").for_torchserve(version)
        assert v2.service_envelope == f"{envelope}v2"
    chosen = ServerConfig(disable_token_authorization=False, enable_model_api=True, service_envelope="json")
    assert chosen.for_torchserve(version) == chosen
    findings = ServerConfig(service_envelope="kserve").for_torchserve(version).validate(torchserve_version=version)
    assert "envelope" not in {finding.code for finding in findings}


@pytest.mark.parametrize("version", ["", "newest", "1", "v0.12.0", "-0.1", None, ".5", "0..5"])
def test_what_is_no_version(version: Any) -> None:
    for call in (
        release,
        ServerConfig().for_torchserve,
        lambda text: ServerConfig().validate(torchserve_version=text),
    ):
        if version is None and call is not release:
            continue
        with pytest.raises(ValueError, match="is not a version of TorchServe: write it like"):
            call(version)


@pytest.mark.parametrize("version", ["0.12.0 beta", "0.12.0;", "0.5.2\n0.12.0"])
def test_what_is_a_version_and_more(version: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        release(version)


# ---------------------------------------------------------------------------------------------- environment


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


# ----------------------------------------------------------------------------------------------- validation


def test_validate_gives_values() -> None:
    config = ServerConfig(job_queue_size=0, model_store="s", extra={"inference_adress": "x"})
    assert config.validate() == (
        Finding(
            code="misspelt-key",
            severity="error",
            key="inference_adress",
            message="is no setting",
            effect="it ignores it",
            fix="did you mean inference_address?",
        ),
        Finding(
            code="range",
            severity="error",
            key="job_queue_size",
            message="0 is out of range",
            effect="it ends as soon as it loads a model: Invalid configuration: null",
            fix="write at least 1",
        ),
    )
    assert ServerConfig(model_store="s").validate() == ()
