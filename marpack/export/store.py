"""From what a person names, archives or a server's store, to models and what a server was told of them."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from marpack.archive.forms import SUFFIXES, WORKFLOW_SUFFIX
from marpack.archive.manifest import MANIFEST_NAME
from marpack.archive.read.archive import Archive, ModelArchive, container_of
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import ArchiveSource, open_archive
from marpack.config.lint import lint_properties
from marpack.config.rules.document import Document
from marpack.config.rules.references import references
from marpack.config.rules.snapshot_text import as_int
from marpack.config.server_config import ServerConfig
from marpack.config.settings.environment import variables
from marpack.config.snapshot import ModelSnapshot, SnapshotEntry
from marpack.config.store_listing import archives_in
from marpack.config.text import properties as codec
from marpack.display import hidden
from marpack.errors import ConfigError, MarpackError, PropertiesError
from marpack.export.model import ToldModel
from marpack.export.targets import TORCHSERVE
from marpack.export.told_settings import CARRIED
from marpack.frozen import frozen
from marpack.remote.urls import is_url

# The folders of a deployment, as Kaptain and KServe have them.
_SETTINGS = ("config.properties", os.path.join("config", "config.properties"))
_STORE = "model-store"
_ARCHIVE_SUFFIXES = (SUFFIXES["default"], SUFFIXES["tgz"], ".tgz", WORKFLOW_SUFFIX)
# Of what is wrong with a setting, that with which no server would work as it says.
_REFUSED = (
    *("type", "range", "address", "port", "response-size"),
    *("models-json", "models-value", "load-models-item"),
)
# What the settings say of single models, as P19 and S3 spell it, and as a model has it.
_NUMBERS = {
    "minWorkers": "min_workers",
    "maxWorkers": "max_workers",
    "batchSize": "batch_size",
    "maxBatchDelay": "max_batch_delay",
    "responseTimeout": "response_timeout",
    "startupTimeout": "startup_timeout",
}
# A model that was scaled down has none; and a batch need not wait.
_WORKERS = ("min_workers", "max_workers")
_MAY_BE_NONE = (*_WORKERS, "max_batch_delay")


@frozen
class Gathered:
    """Models, and the settings of the server that had them: ``settings_name`` is the file's, empty without one."""

    models: tuple[ToldModel, ...]
    config: ServerConfig
    settings_name: str = ""


@frozen
class Opening:
    """How archives are opened: see ``open_archive``."""

    limits: Limits | None = None
    storage_options: Mapping[str, Any] | None = None
    download: bool = False

    def open(self, source: ArchiveSource) -> ModelArchive:
        """Open an archive for as long as somebody knows it; ``MarpackError`` for a workflow's."""
        if isinstance(source, Archive):
            archive = source
        else:
            archive = open_archive(
                source, limits=self.limits, storage_options=self.storage_options, download=self.download
            )
            weakref.finalize(archive, container_of(archive).close)
        if not isinstance(archive, ModelArchive):
            raise MarpackError(
                f"{archive.path!r} is a workflow's archive, which no other engine runs: export the models that it "
                "names, and call one from the other"
            )
        return archive


def gather(
    sources: Iterable[ArchiveSource], *, model_store: str | os.PathLike[str] | None, opening: Opening
) -> Gathered:
    """Return the models of archives, or of one server's settings or store; see ``plan_export``."""
    given = list(sources)
    if not given:
        raise MarpackError("nothing is named: give archives, a model store, or a config.properties")
    settings = [each for each in given if _is_settings(each) or _settings_in(each)]
    if settings and len(given) > 1:
        raise MarpackError("settings are of one server: name them alone, or archives without them")
    if settings:
        [source] = settings
        path = os.fsdecode(source)  # type: ignore[arg-type]  # by its kind
        if _is_settings(source):
            return _of_settings(path, None, model_store, opening)
        return _of_settings(str(_settings_in(source)), path, model_store, opening)
    if model_store is not None:
        raise MarpackError("a model store goes with a config.properties: name that, or the archives alone")
    models: list[ToldModel] = []
    for source in given:
        archives: Sequence[ArchiveSource] = _archives_of_store(source) or [source]
        models += [ToldModel(archive=opening.open(each), told={}) for each in archives]
    return Gathered(models=tuple(models), config=ServerConfig())


def _path_of(source: ArchiveSource) -> str | None:
    if not isinstance(source, (str, os.PathLike)):
        return None
    path = os.fsdecode(source)
    return None if is_url(path) else path


def _is_settings(source: ArchiveSource) -> bool:
    """Tell a file of settings, whatever it is called, from an archive: servers save them as ``*.cfg``."""
    path = _path_of(source)
    return path is not None and os.path.isfile(path) and path.endswith((".properties", ".cfg"))


def _settings_in(source: ArchiveSource) -> str | None:
    """Return the settings in the folder of a deployment; None of any other folder."""
    path = _path_of(source)
    if path is None or not os.path.isdir(path) or os.path.isfile(os.path.join(path, MANIFEST_NAME)):
        return None
    found = (os.path.join(path, name) for name in _SETTINGS)
    return next(filter(os.path.isfile, found), None)


def _archives_of_store(source: ArchiveSource) -> list[str]:
    path = _path_of(source)
    if path is None or not os.path.isdir(path) or os.path.isfile(os.path.join(path, MANIFEST_NAME)):
        return []
    return archives_in(path)


def _of_settings(
    path: str, folder: str | None, model_store: str | os.PathLike[str] | None, opening: Opening
) -> Gathered:
    """Read settings, and the models that a server loads which starts with them."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        properties = codec.loads(data)
    except PropertiesError as error:
        raise error.in_file(path) from None
    _require_meant(path, properties, {"model_store"} if model_store is None else set())
    store = _store(path, folder, properties, model_store)
    config = ServerConfig.from_properties(properties)
    if "model_snapshot" in config.extra:
        raise MarpackError(
            f"{path!r}: model_snapshot cannot be read: marpack config lint says what is wrong with it"
        )
    if config.model_snapshot is not None:
        models = [*_restored(config.model_snapshot, store, opening)]
    else:
        models = [*_loaded(properties, config, store, opening)]
    if not models:
        raise MarpackError(f"{path!r} names no model, and {store!r} holds none: name archives")
    return Gathered(models=tuple(models), config=config, settings_name=os.path.basename(path))


def _require_meant(path: str, properties: Mapping[str, str], more: Set[str]) -> None:
    """Refuse what would be carried over, or in ``more``, and is not known here, or with which no server works.

    Raises ``MarpackError`` for a variable of the environment, and ``ConfigError`` in the words of ``lint_config``.
    """
    for key in sorted(CARRIED | more):
        if names := variables(properties.get(key, "")):
            raise MarpackError(
                f"{path!r}: {key} takes {names[0]!r} from the environment: write its value, or "
                "resolve the settings first"
            )
    found = lint_properties(properties, torchserve_version=TORCHSERVE, select=_REFUSED)
    if errors := [each for each in found if each.severity == "error" and each.key.partition(".")[0] in CARRIED]:
        raise ConfigError([replace(each, file=path) for each in errors])


def _store(
    path: str, folder: str | None, properties: Mapping[str, str], model_store: str | os.PathLike[str] | None
) -> str:
    """Return the folder of the archives: the one that is given, that of the deployment, or that of the settings.

    A deployment is built here and served elsewhere, and its own settings name a folder there.
    """
    if model_store is not None:
        given = os.fsdecode(model_store)
        if not os.path.isdir(given):
            raise MarpackError(f"{given!r} is no folder: name the one that holds the archives")
        return given
    above = folder if folder is not None else os.path.dirname(path)
    beside = [os.path.join(above, _STORE), os.path.join(os.path.dirname(os.path.abspath(path)), os.pardir, _STORE)]
    said = properties.get("model_store")
    for each in [*beside, *([said] if said else []), above]:
        if os.path.isdir(each or ".") and (each != above or archives_in(each or ".")):
            return each or "."
    problem = "names a model store that is not here" if said else "names no model store"
    raise MarpackError(f"{path!r} {problem}, and no archives lie beside it: name their folder (--model-store)")


def _restored(snapshot: ModelSnapshot, store: str, opening: Opening) -> Iterator[ToldModel]:
    for name, version, entry in snapshot:
        archive = opening.open(_in_store(store, entry.mar_name))
        _require_name(archive, name, version, "model_snapshot")
        yield ToldModel(archive=archive, told=dict(_numbers_of(entry)), is_default=entry.default_version)


def _numbers_of(entry: SnapshotEntry) -> Iterator[tuple[str, tuple[int, str]]]:
    for key, name in _NUMBERS.items():
        value = getattr(entry, name)
        if value is not None and value >= (0 if name in _MAY_BE_NONE else 1):
            yield name, (value, f"model_snapshot: {key}")


def _loaded(
    properties: Mapping[str, str], config: ServerConfig, store: str, opening: Opening
) -> Iterator[ToldModel]:
    text = properties.get("load_models", "")
    found = references(Document(properties=properties))
    if text.lower() == "all" or not found:
        for path in archives_in(store):
            yield _with_models(opening.open(path), config)
        return
    for item in found:
        name = item.text.strip()
        archive = opening.open(name if item.is_download else _in_store(store, item.file.strip()))
        if item.name:
            _require_name(archive, item.name.strip(), None, "load_models")
        yield _with_models(archive, config)


def _with_models(archive: ModelArchive, config: ServerConfig) -> ToldModel:
    """Give a model the numbers that ``models`` and the defaults have for it.

    Those of a model-config.yaml go before, and of its timeouts also what it does not say [server].
    """
    model = archive.manifest.model
    told: dict[str, tuple[int, str]] = {}
    for name in ("response_timeout", "startup_timeout"):
        if (value := getattr(config, f"default_{name}")) is not None and value > 0:
            told[name] = value, f"default_{name}"
    if (workers := config.default_workers_per_model) is not None and workers > 0:
        told |= dict.fromkeys(("min_workers", "max_workers"), (workers, "default_workers_per_model"))
    said = ((config.models or {}).get(model.model_name or "") or {}).get(model.served_version) or {}
    for key, name in _NUMBERS.items():
        value = as_int(said.get(key))
        if value is not None and value >= (0 if name in _WORKERS else 1):
            told[name] = value, f"models: {key}"
    if model.config_file is not None:
        told.pop("response_timeout", None)
        told.pop("startup_timeout", None)
    return ToldModel(archive=archive, told=told, goes_before=False)


def _in_store(store: str, name: str) -> str:
    """Return the path of an archive of the store, by a name that names no other place."""
    if not name or os.path.basename(name) != name or name in (os.curdir, os.pardir):
        told = hidden(name)
        raise MarpackError(f"{told!r} is no name of an archive in a store: name the archives themselves")
    path = os.path.join(store, name)
    if not os.path.exists(path):
        raise MarpackError(f"{name!r} is not in the model store {store!r}: put it there, or name another store")
    return path


def _require_name(archive: ModelArchive, name: str, version: str | None, key: str) -> None:
    """Refuse settings that know a model by another name than its archive: workers would be told that one."""
    model = archive.manifest.model
    own = (model.model_name, model.served_version if version is not None else None)
    if own != (name, version):
        meant = name if version is None else f"{name} {version}"
        is_ = model.model_name if version is None else f"{model.model_name} {model.served_version}"
        raise MarpackError(
            f"{archive.file_name!r} is {meant!r} to {key}, and {is_!r} by its manifest: pack it again "
            "(marpack repack --model-name, --version), or correct the settings"
        )
