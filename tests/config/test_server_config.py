"""The typed settings of a server: every key, reading and writing, and what is found in them."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from enum import Enum, IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import marpack
from marpack import Finding, NotPortableError, PropertiesError, ServerConfig
from marpack.config.settings.keys import KEYS, ServerSettings, parse_value
from marpack.config.settings.other_keys import OTHER_KEYS
from tests.support.snapshots import SNAPSHOT
from tests.support.vectors import SPEC

SETTINGS = json.loads((SPEC / "settings.json").read_text("ascii"))

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
