"""From a model and what a server was told of it to what is exported: read once, and nothing of it run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from marpack.archive.manifest import MANIFEST_NAME, Manifest, ManifestModel
from marpack.archive.read.archive import ModelArchive
from marpack.checks.python.requirement_lines import LONGEST_FILE
from marpack.config.rules.model_config_taken import as_taken
from marpack.config.rules.model_config_text import ModelConfigText
from marpack.config.store_listing import versions_in
from marpack.disk.file_names import is_device
from marpack.errors import MarpackError
from marpack.export.handler_text import uses_of
from marpack.export.model import ExportedModel, ToldModel
from marpack.running.model_settings import ModelSettings, settings_of
from marpack.running.registered_manifest import registered

# What a folder may be called on any disk, and in any URL.
_PLAIN = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST = 100
# Who is told a number, and what its configuration calls it.
_KEYS = {
    "min_workers": "minWorkers",
    "max_workers": "maxWorkers",
    "batch_size": "batchSize",
    "max_batch_delay": "maxBatchDelay",
}


def exported_models(
    told: Iterable[ToldModel],
    *,
    envelope: str | None,
    envelope_seen: str,
    gpu: bool | None,
    sizes: Mapping[str, int],
    environment: Mapping[str, str],
) -> tuple[ExportedModel, ...]:
    """Return the models, sorted by name and version.

    ``envelope_seen`` says where the envelope was told, ``sizes`` are limits of requests and answers in bytes,
    ``environment`` are variables that every worker is told.

    Raises ``NotServedError`` and ``MarpackError`` for what no worker would be started with, ``MarpackError`` for
    two of one name and version, and for a name that no request can have, and what reading raises.
    """
    found: dict[tuple[str, str], ExportedModel] = {}
    folders: set[str] = set()
    for each in told:
        model = replace(
            _exported(each, envelope=envelope, envelope_seen=envelope_seen, gpu=gpu, sizes=sizes),
            environment=environment,
        )
        key = model.settings.model_name, model.settings.version
        if not _is_text("".join(key)):
            raise MarpackError(
                f"{model.archive.file_name!r} is {model.title!r}, which has half of a character, that no request "
                "can have: pack it again (marpack repack --model-name, --version)"
            )
        if other := found.get(key):
            raise MarpackError(
                f"{other.archive.file_name!r} and {model.archive.file_name!r} are the same version of one model, "
                f"{model.title!r}: name one of them, or repack one (marpack repack --version)"
            )
        found[key] = model
    for key in sorted(found):
        # Where case does not count two folders would be one.
        folder = f"models/{_plain(key[0])}/{_plain(key[1])}"
        number = 1
        while folder.casefold() in folders:
            number += 1
            folder = f"models/{_plain(key[0])}/{_plain(key[1])}-{number}"
        folders.add(folder.casefold())
        found[key] = replace(found[key], folder=folder)
    return tuple(_with_defaults([found[key] for key in sorted(found)]))


def _exported(
    told: ToldModel, *, envelope: str | None, envelope_seen: str, gpu: bool | None, sizes: Mapping[str, int]
) -> ExportedModel:
    archive = told.archive
    limits: dict[str, Any] = dict(sizes)
    settings = settings_of(archive, envelope=envelope, **limits)
    manifest = registered(archive.read(MANIFEST_NAME) if MANIFEST_NAME in archive else None)
    config, heeded = _config_of(archive, manifest.config_file)
    given = {name: value for name, value in told.told.items() if told.goes_before or _KEYS.get(name) not in heeded}
    requirements = settings.requirements_file if settings.requirements_file in archive else None
    return ExportedModel(
        archive=archive,
        settings=_with_numbers(settings, {name: number for name, (number, _) in given.items()}, gpu),
        told=given,
        is_default=bool(told.is_default),
        folder="",
        config=config,
        heeded=heeded,
        envelope_seen=envelope_seen,
        config_name=manifest.config_file if config else None,
        requirements_name=requirements,
        requirements=b"" if requirements is None else archive.read(requirements, limit=LONGEST_FILE),
        environment={},
        gpu=gpu,
        uses=uses_of(archive),
    )


def _config_of(archive: ModelArchive, name: str | None) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return what stands in a configuration, and which of the server's keys it takes as they stand.

    It is nothing of one that ``settings_of`` could not read either.
    """
    if name is None or name not in archive:
        return {}, frozenset()
    text = ModelConfigText.read(archive.read(name))
    return text.settings, frozenset(as_taken(text) if text.settings else ())


def _with_numbers(settings: ModelSettings, numbers: Mapping[str, int], gpu: bool | None) -> ModelSettings:
    changed: dict[str, Any] = dict(numbers)
    settings = settings.with_workers(changed.pop("min_workers", None), changed.pop("max_workers", None))
    if gpu is not None:
        changed["device_type"] = "gpu" if gpu else "cpu"
    if changed.get("device_type", settings.device_type) == "gpu":
        changed["gpu"] = 0
    return replace(settings, **changed)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(name: str) -> str:
    plain = _PLAIN.sub("_", name)[:_LONGEST]
    if plain.endswith("."):  # which Windows leaves out
        plain = f"{plain[:-1]}_"
    # No hidden one, and none that leads elsewhere.
    return f"_{plain}" if not plain or plain.startswith(".") or is_device(plain) else plain


def _with_defaults(models: Sequence[ExportedModel]) -> Iterable[ExportedModel]:
    """Give each name one default version: the one that was told so, else the highest, as a snapshot has it."""
    chosen = {each.settings.model_name: each.settings.version for each in models if each.is_default}
    manifests = {
        each.folder: Manifest(
            model=ManifestModel(model_name=each.settings.model_name, model_version=each.settings.version)
        )
        for each in models
    }
    highest = {folder for _, _, folder, is_default in versions_in(manifests, {}) if is_default}
    for each in models:
        version = chosen.get(each.settings.model_name)
        yield replace(
            each, is_default=each.folder in highest if version is None else each.settings.version == version
        )
