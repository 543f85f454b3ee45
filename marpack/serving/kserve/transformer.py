"""A container in front of the model that changes requests and answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from marpack.config.settings.kserve_names import LONGEST_LABEL
from marpack.config.settings.redaction import redacted
from marpack.display import brief_repr
from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.serving.kserve.grammar import (
    choice_issues,
    keys_issues,
    object_name_issues,
    text_issues,
    texts_issues,
)

CONFIG_MAP_KIND = "ConfigMap"
"""The ``type`` of what variables or files come from: a ConfigMap."""

SECRET_KIND = "Secret"
"""The ``type`` of what variables or files come from: a Secret."""

_KINDS = (CONFIG_MAP_KIND, SECRET_KIND)

# How KServe finds the container that matters: InferenceServiceContainerName in pkg/constants/constants.go.
CONTAINER_NAME = "kserve-container"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Transformer:
    """The image of a transformer, its arguments, and the ConfigMaps and Secrets that it sees (K314).

    ``volumes`` are ``{"name": ..., "type": ..., "path": ...}``, each a ConfigMap or Secret that appears as files
    in the folder ``path``; ``env_from`` is ``{"name": ..., "type": ...}``, one whose entries become variables. The
    ``type`` is ``CONFIG_MAP_KIND`` or ``SECRET_KIND``. KServe adds ``--model_name``, ``--predictor_host`` and
    ``--http_port`` to the arguments where they are not given (pkg/apis/serving/v1beta1/transformer_custom.go).

    Raises ``PlanError`` with everything that is wrong.
    """

    image_name: str
    args: Sequence[str] = ()
    volumes: Sequence[Mapping[str, str]] = ()
    env_from: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        issues = [
            *text_issues("image_name", self.image_name, spaces=False),
            *texts_issues("args", self.args),
            *_volumes_issues(self.volumes),
            *([] if self.env_from is None else source_issues("env_from", self.env_from)),
        ]
        if issues:
            raise PlanError(issues)
        # Copies, so that what was found good stays so.
        object.__setattr__(self, "args", tuple(self.args))
        object.__setattr__(self, "volumes", tuple(dict(volume) for volume in self.volumes))
        object.__setattr__(self, "env_from", None if self.env_from is None else dict(self.env_from))

    def __repr__(self) -> str:
        args = [redacted("", each) for each in self.args]
        shown = (
            f"image_name={self.image_name!r}, args={args!r}, volumes={self.volumes!r}, env_from={self.env_from!r}"
        )
        return f"Transformer({shown})"

    def document(self) -> dict[str, Any]:
        """Return what stands under ``spec.transformer``."""
        container: dict[str, Any] = {"name": CONTAINER_NAME, "image": self.image_name}
        if self.args:
            container["args"] = list(self.args)
        if self.env_from is not None:
            container["envFrom"] = [env_source(self.env_from)]
        made: dict[str, Any] = {"containers": [container]}
        if self.volumes:
            names = _volume_names([volume["name"] for volume in self.volumes])
            pairs = list(zip(names, self.volumes, strict=True))
            container["volumeMounts"] = [
                {"name": name, "mountPath": volume["path"], "readOnly": True} for name, volume in pairs
            ]
            made["volumes"] = [{"name": name, **_volume_source(volume)} for name, volume in pairs]
        return made


def source_issues(argument: str, source: object) -> Iterator[Issue]:
    """Yield what is wrong with a ``{"name": ..., "type": ...}`` whose entries become variables."""
    yield from keys_issues(argument, source, ("name", "type"), argument)
    if isinstance(source, Mapping):
        yield from _named_issues(argument, source)


def env_source(source: Mapping[str, str]) -> dict[str, Any]:
    """Return one item of a container's ``envFrom``."""
    key = "secretRef" if source["type"] == SECRET_KIND else "configMapRef"
    return {key: {"name": source["name"]}}


def _volume_source(volume: Mapping[str, str]) -> dict[str, Any]:
    if volume["type"] == SECRET_KIND:
        return {"secret": {"secretName": volume["name"]}}
    return {"configMap": {"name": volume["name"]}}


def _volumes_issues(volumes: object) -> Iterator[Issue]:
    if isinstance(volumes, str) or not isinstance(volumes, Sequence):
        message = f"must be a list of mappings, not {type(volumes).__name__}"
        yield Issue(code="bad-type", argument="volumes", message=message)
        return
    paths: set[str] = set()
    for number, volume in enumerate(volumes):
        place = f"volumes[{number}]"
        yield from keys_issues(place, volume, ("name", "type", "path"), "a volume")
        if not isinstance(volume, Mapping):
            continue
        yield from _named_issues(place, volume)
        if "path" in volume:
            path = volume["path"]
            wrong = [*text_issues(f"{place}.path", path), *_path_issues(f"{place}.path", path, paths)]
            yield from wrong


def _named_issues(place: str, source: Mapping[Any, Any]) -> Iterator[Issue]:
    if "name" in source:
        yield from object_name_issues(f"{place}.name", source["name"])
    if "type" in source:
        yield from choice_issues(f"{place}.type", source["type"], _KINDS)


def _path_issues(argument: str, path: object, seen: set[str]) -> Iterator[Issue]:
    """Yield what Kubernetes refuses of a folder to mount at (pkg/apis/core/validation, ValidateVolumeMounts)."""
    if not isinstance(path, str) or not path:
        return
    if not path.startswith("/") or ":" in path:
        message = f"{brief_repr(path)} cannot be mounted at: give an absolute path without a colon"
        yield Issue(code="bad-value", argument=argument, message=message)
    if path in seen:
        message = f"{brief_repr(path)} is the path of another volume: give each a path of its own"
        yield Issue(code="collision", argument=argument, message=message)
    seen.add(path)


def _volume_names(sources: Sequence[str]) -> list[str]:
    """Name the volumes, each by a label of DNS: like what they show, with a number where that is taken."""
    names: dict[str, None] = {}
    tried: dict[str, Iterator[str]] = {}
    for source in sources:
        stem = source.replace(".", "-")[: LONGEST_LABEL - 6].rstrip("-")
        tried.setdefault(stem, _numbered(stem))
        names[next(name for name in tried[stem] if name not in names)] = None
    return list(names)


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    for number in count(2):
        yield f"{stem}-{number}"
