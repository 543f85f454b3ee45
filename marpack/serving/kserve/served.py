"""What a path holds of what KServe shall serve: an archive, a model store, or a folder to deploy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from marpack.archive.manifest import MANIFEST_NAME, Manifest
from marpack.config.snapshot import ModelSnapshot
from marpack.config.store_listing import archives_in, read_manifests
from marpack.config.text import properties as codec
from marpack.display import hidden_url
from marpack.errors import ConfigError, PlanError, PropertiesError, SnapshotError
from marpack.findings import Issue
from marpack.remote.urls import is_url
from marpack.serving.deploy.deployment import CONFIG_FILE, MODEL_STORE


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """The names of the models, and the settings that name them to a server.

    ``settings`` is the text of the config.properties ``file`` of a folder to deploy, whose archives are in
    ``store``. Of archives alone nothing is set but what a snapshot of them says: ``properties``.
    """

    models: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    settings: bytes | None = None
    file: str | None = None
    store: str | None = None

    @classmethod
    def at(cls, source: str | os.PathLike[str]) -> Served:
        """Read manifests and settings at a path, and no more of archives.

        Raises ``PlanError`` for what is none of the three, ``ArchiveError`` for archives that cannot be read;
        ``OSError`` of the disk passes through.
        """
        path = os.fsdecode(source)
        if is_url(path):
            shown = hidden_url(path)
            raise _wrong(f"{shown!r} is a URL: name what lies here, or no source, and give the service its name")
        if not os.path.exists(path):
            raise _wrong(f"{path!r} does not exist: correct the path")
        config = os.path.join(path, CONFIG_FILE)
        if os.path.isfile(config):
            return cls._to_deploy(path, config)
        if not os.path.isdir(path) or os.path.isfile(os.path.join(path, MANIFEST_NAME)):
            return cls._of_archives([path])
        if archives := archives_in(path):
            return cls._of_archives(archives)
        if os.path.isdir(os.path.join(path, MODEL_STORE)):
            raise _wrong(
                f"{path!r} has no {CONFIG_FILE}, which KServe starts TorchServe with: marpack serve-build makes "
                f"both, and marpack config init --preset kserve --archives {MODEL_STORE} the settings alone"
            )
        raise _wrong(f"{path!r} holds no archive: name one, or the folder that marpack serve-build made")

    @classmethod
    def _to_deploy(cls, folder: str, config: str) -> Served:
        with open(config, "rb") as file:
            data = file.read()
        store = os.path.join(folder, MODEL_STORE)
        properties: dict[str, str] = {}
        models: tuple[str, ...] = ()
        # What cannot be read of it is for the rules on settings to say.
        try:
            properties = codec.loads(data)
            snapshot = properties.get("model_snapshot")
            if snapshot is not None:
                models = tuple(ModelSnapshot.from_json(snapshot).models)
            elif os.path.isdir(store):
                models = _names(read_manifests(archives_in(store)).values())
        except (PropertiesError, SnapshotError, ConfigError):
            pass
        return cls(models=models, properties=properties, settings=data, file=config, store=store)

    @classmethod
    def _of_archives(cls, paths: Iterable[str]) -> Served:
        manifests = read_manifests(paths)
        try:
            snapshot = ModelSnapshot.from_manifests(manifests)
        except ConfigError as error:
            told = (f"{found.key}: {found.issue.message}" for found in error.findings)
            raise PlanError([Issue(code="bad-value", argument="source", message=each) for each in told]) from None
        return cls(models=_names(manifests.values()), properties={"model_snapshot": snapshot.to_json()})


def _names(manifests: Iterable[Manifest]) -> tuple[str, ...]:
    names = (manifest.model.model_name for manifest in manifests)
    return tuple(dict.fromkeys(name for name in names if name))


def _wrong(message: str) -> PlanError:
    return PlanError([Issue(code="bad-value", argument="source", message=message)])
