"""config.properties as typed settings, with presets for the places where TorchServe runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from marpack import strict_json
from marpack.archive.manifest import Manifest
from marpack.config.lint import lint_properties
from marpack.config.presets import PRESET_VALUES, PRESETS, Preset
from marpack.config.rules.document import ConfigTarget, is_kserve
from marpack.config.rules.values import find_types
from marpack.config.settings.environment import resolve
from marpack.config.settings.keys import KEYS, Key, ServerSettings, parse_value
from marpack.config.settings.kserve_names import ProtocolVersion
from marpack.config.settings.redaction import redacted
from marpack.config.settings.releases import ENVELOPES_RENAMED, OLD_ENVELOPES, WRAPPER_GRPC, release
from marpack.config.snapshot import ModelSnapshot
from marpack.config.text import properties as codec
from marpack.disk.atomic import replacing_file
from marpack.display import hidden
from marpack.errors import ConfigError, PropertiesError, SnapshotError
from marpack.findings import Finding
from marpack.frozen import frozen

_PYTHON_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "True or False"),
    "int": ((int,), "an int"),
    "long": ((int,), "an int"),
    "double": ((int, float), "a number"),
    "str": ((str,), "a str"),
    "path": ((str, os.PathLike), "a path"),
    "address": ((str,), "a str"),
    "choice": ((str,), "a str"),
    "list": ((str, list, tuple), "a str or a list of them"),
    "json": ((Mapping,), "a mapping"),
}

_SNAPSHOT = "model_snapshot"


@frozen
class ServerConfig(ServerSettings):
    """The settings of a TorchServe server, a field each; None where the server's default is meant.

    The fields are the keys of config.properties under their own names, but ``ts_config_file`` (``tsConfigFile``)
    and ``num_workers`` (``NUM_WORKERS``); ``marpack.KEYS`` says of each what it does, its type, unit, default and
    limits. ``extra`` holds keys that marpack does not know, and known ones with a text that is not of their type,
    as the file has them: ``validate`` says what the server makes of them.

    Raises ``ConfigError`` for values of a wrong type.
    """

    model_snapshot: ModelSnapshot | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        findings = [finding for key in KEYS.values() if (finding := self._type_finding(key))]
        extra: object = self.extra
        if not isinstance(extra, Mapping):
            findings.append(_type_error("extra", f"must be a mapping, not {type(extra).__name__}"))
            extra = {}
        for name, text in extra.items():
            if not isinstance(name, str) or not isinstance(text, str):
                shown = name if isinstance(name, str) else "extra"
                findings.append(_type_error(shown, "must be text in extra, key and value"))
            elif (key := KEYS.get(name)) and (self._is_set(key) or _value(key, text) is not None):
                findings.append(_type_error(name, "has a field of its own", "take it out of extra"))
        if findings:
            raise ConfigError(findings)
        # Copies in one form: nobody else changes what was found good, and equal settings are equal.
        object.__setattr__(self, "extra", dict(extra))
        for key in KEYS.values():
            if self._is_set(key) and key.kind not in ("bool", "int", "long", "double") and key.name != _SNAPSHOT:
                text = _text(key, getattr(self, key.attribute))
                object.__setattr__(self, key.attribute, json.loads(text) if key.kind == "json" else text)

    def _type_finding(self, key: Key) -> Finding | None:
        value: Any = getattr(self, key.attribute)
        if value is None:
            return None
        if key.name == _SNAPSHOT:
            problem = f"must be a ModelSnapshot, not {type(value).__name__}"
            return None if isinstance(value, ModelSnapshot) else _type_error(key.name, problem)
        types, name = _PYTHON_TYPES[key.kind]
        if not isinstance(value, types) or (isinstance(value, bool) and key.kind != "bool"):
            return _type_error(key.name, f"must be {name}, not {type(value).__name__}")
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            return _type_error(key.name, "has more digits than any server takes")
        if isinstance(value, (list, tuple)):
            wrong = [number for number, item in enumerate(value) if not isinstance(item, str) or "," in item]
            problem = f"item {wrong[0]} is not a str without commas" if wrong else ""
            return _type_error(key.name, problem, "give one item each") if wrong else None
        try:
            if _value(key, _text(key, value)) is None:
                return _type_error(key.name, "has more digits, or more levels, than any server takes")
        except (TypeError, ValueError, RecursionError) as error:
            return _type_error(key.name, f"cannot be written: {error}", "use strings, numbers, lists and dicts")
        return None

    def __repr__(self) -> str:
        shown = [f"{key.attribute}={self._shown(key)}" for key in KEYS.values() if self._is_set(key)]
        extra = {hidden(key): redacted(key, text) for key, text in self.extra.items()}
        return f"ServerConfig({', '.join([*shown, *([f'extra={extra!r}'] if extra else [])])})"

    def _is_set(self, key: Key) -> bool:
        return getattr(self, key.attribute) is not None

    def _shown(self, key: Key) -> str:
        value = getattr(self, key.attribute)
        is_plain = isinstance(value, (bool, int, float)) and not key.secret
        return repr(value if is_plain else redacted(key.name, _text(key, value)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ServerConfig:
        """Read a file; see ``loads``."""
        with open(path, "rb") as file:
            data = file.read()
        try:
            return cls.loads(data)
        except PropertiesError as error:
            raise error.in_file(os.fsdecode(path)) from None

    @classmethod
    def loads(cls, source: str | bytes) -> ServerConfig:
        """Read the text of a config.properties as the server does, but for the environment (``resolve``).

        Raises ``PropertiesError`` for what is not a properties file. Values that are not of the type of their key
        go to ``extra``; comments are not kept (``marpack.properties.edit`` changes a key and keeps them).
        """
        return cls.from_properties(codec.loads(source))

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> ServerConfig:
        """Take settings as text."""
        values = {name: _value(KEYS[name], text) for name, text in properties.items() if name in KEYS}
        known = {KEYS[name].attribute: value for name, value in values.items() if value is not None}
        extra = {name: text for name, text in properties.items() if values.get(name) is None}
        return cls(**known, extra=extra)

    def properties(self) -> dict[str, str]:
        """Return the settings as text, in the order of writing: of ``KEYS``, then ``extra``, the snapshot last."""
        found = {key.name: _text(key, getattr(self, key.attribute)) for key in KEYS.values() if self._is_set(key)}
        snapshot = {_SNAPSHOT: found.pop(_SNAPSHOT)} if _SNAPSHOT in found else {}
        return found | dict(self.extra) | snapshot

    def dumps(self, *, style: codec.Style = "portable") -> str:
        """Return the text of the file; see ``marpack.properties.dumps``.

        Raises ``NotPortableError`` for what not every reader takes alike, unless ``style`` is ``java``.
        """
        return codec.dumps(self.properties(), style=style)

    def write(self, path: str | os.PathLike[str], *, style: codec.Style = "portable") -> None:
        """Write the file, whole or not at all; one that exists is replaced."""
        data = self.dumps(style=style).encode("ascii")
        with replacing_file(os.fsdecode(path), force=True) as file:
            file.write(data)

    def resolve(self, environ: Mapping[str, str]) -> ServerConfig:
        """Return the settings that a server with this environment works with: ``$$NAME$$`` and ``TS_*`` replaced.

        Raises ``ConfigError`` for variables that are not there, which end the server (P20, P21).
        """
        return self.from_properties(resolve(self.properties(), environ))

    def validate(
        self,
        *,
        torchserve_version: str | None = None,
        target: ConfigTarget | None = None,
        model_store: str | os.PathLike[str] | None = None,
        archives: Mapping[str, Manifest] | None = None,
        environ: Mapping[str, str] | None = None,
        protocol_version: ProtocolVersion | None = None,
        service_name: str | None = None,
    ) -> tuple[Finding, ...]:
        """Return everything that a reader of these settings would refuse, ignore or misunderstand (P22).

        ``torchserve_version`` is that of the server; without it, what only some releases refuse is a warning.
        ``target="kserve"`` holds the settings to what KServe's wrapper needs; a store under ``/mnt/models``
        implies it. ``model_store`` is the folder of the archives as seen from here, whose manifests are read and
        compared; ``archives`` are manifests by file name. ``environ`` resolves variables first.
        ``protocol_version`` and ``service_name`` are those of the InferenceService that KServe serves them by.
        """
        return lint_properties(
            self.properties(),
            torchserve_version=torchserve_version,
            target=target,
            model_store=model_store,
            archives=archives,
            environ=environ,
            protocol_version=protocol_version,
            service_name=service_name,
        )

    def for_torchserve(self, version: str) -> ServerConfig:
        """Return the settings with what a release of TorchServe changed.

        The KServe envelopes have other names from 0.5.3 on. From 0.8.1 on KServe's wrapper needs the port of
        Kaptain's management address for itself, which becomes the inference address then.

        Raises ``ConfigError`` for what is not a version.
        """
        is_new = release(version) >= ENVELOPES_RENAMED
        renamed = OLD_ENVELOPES if is_new else {new: old for old, new in OLD_ENVELOPES.items()}
        envelope, management = self.service_envelope, self.management_address
        is_kaptain = management == PRESET_VALUES["kaptain"]["management_address"]
        if is_kaptain and release(version) >= WRAPPER_GRPC and is_kserve(self.properties(), None):
            management = self.inference_address or PRESET_VALUES["kserve"]["management_address"]
        envelope = renamed.get(envelope or "", envelope)
        return replace(self, service_envelope=envelope, management_address=management)

    @classmethod
    def preset(cls, name: Preset, **settings: Any) -> ServerConfig:
        """Return the preset of this name; ``ValueError`` for what is none.

        ``settings`` are fields, which go before those of the preset; None takes one out.
        """
        if name not in PRESETS:
            raise ValueError(f"{name!r} is not a preset: choose from {', '.join(PRESETS)}")
        preset = dict(PRESET_VALUES[name])
        if settings.get(_SNAPSHOT) is not None:
            preset.pop("load_models", None)  # it would be ignored
        return cls(**{**preset, **settings})

    @classmethod
    def torchserve(cls, **settings: Any) -> ServerConfig:
        """Return settings for a server of one's own: its defaults, stated, and tokens asked; see ``preset``."""
        return cls.preset("torchserve", **settings)

    @classmethod
    def kaptain(cls, **settings: Any) -> ServerConfig:
        """Return the settings that Kaptain generates, and both switches of newer servers; see ``preset``.

        The envelope is that of TorchServe up to 0.5.2, and the management address that of its time, which is
        in the way of KServe's wrapper from 0.8.1 on; ``for_torchserve`` adapts both.
        """
        return cls.preset("kaptain", **settings)

    @classmethod
    def kserve(cls, **settings: Any) -> ServerConfig:
        """Return settings for KServe's image: one port for both APIs beside the wrapper's; see ``preset``.

        The envelope is left to the image, which sets it by ``TS_SERVICE_ENVELOPE``.
        """
        return cls.preset("kserve", **settings)

    @classmethod
    def sagemaker(cls, **settings: Any) -> ServerConfig:
        """Return settings for a SageMaker endpoint: port 8080, all models of ``/opt/ml/model``; see ``preset``.

        As in SageMaker's own images, ``decode_input_request`` is off: a handler is given the bytes of a body, not
        what JSON makes of them, and one that expects that answers 503. It must decode them itself, or the setting
        be on; ``check`` with ``target="sagemaker"`` finds such handlers.
        """
        return cls.preset("sagemaker", **settings)


def _type_error(key: str, message: str, fix: str = "write the value in this type") -> Finding:
    return find_types.finding(message, key, fix=fix)


def _text(key: Key, value: Any) -> str:
    if isinstance(value, ModelSnapshot):
        return value.to_json()
    if key.kind == "json":
        return json.dumps(value, allow_nan=False, ensure_ascii=False, default=dict)
    if key.kind == "bool":
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str.__str__, value))
    if isinstance(value, (str, os.PathLike)):
        return str.__str__(os.fsdecode(value))  # of an enumeration too, the value
    return int.__repr__(value) if isinstance(value, int) else str(value)


def _value(key: Key, text: str) -> Any:
    """Return a text as a value, None when it is none."""
    try:
        if key.name == _SNAPSHOT:
            return ModelSnapshot.from_json(text)
        if key.kind == "json":
            value = strict_json.loads(text)
            json.dumps(value)  # what is read may be nested too deeply to be written
            return value if isinstance(value, dict) else None
        return parse_value(key.kind, text)
    except (SnapshotError, ConfigError, ValueError, RecursionError):
        return None
