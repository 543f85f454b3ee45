"""From what a person names, a model or a server's store, to the files of an image."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from marpack.archive.forms import SUFFIXES, WORKFLOW_SUFFIX
from marpack.archive.manifest import MANIFEST_NAME
from marpack.archive.plan.plan import ArchivePlan
from marpack.archive.read.archive import ModelArchive
from marpack.archive.sources import BytesSource, FileSource
from marpack.config.server_config import ServerConfig
from marpack.config.snapshot import ModelSnapshot
from marpack.config.store_listing import archives_in, read_manifests
from marpack.config.text import properties as codec
from marpack.display import SURROGATE, hidden_url, printable
from marpack.errors import ArchiveError, MarpackError, PropertiesError
from marpack.frozen import frozen
from marpack.images.layer import ArchivedFile, ImageFile, PlannedLayer
from marpack.images.open_archives import OpenArchives
from marpack.images.server_settings import settings_warnings
from marpack.oci import media_types
from marpack.oci.layout import is_layout
from marpack.remote.urls import is_url

# Below which KServe looks, and mounts it as /mnt/models (I9, I10).
_ROOT = "models"
_MODEL_STORE = "model-store"
_CONFIG_FILE = "config/config.properties"
_STORE = f"{_ROOT}/{_MODEL_STORE}"
_CONFIG = f"{_ROOT}/{_CONFIG_FILE}"
_SETTINGS = ("config.properties", _CONFIG_FILE)
_ARCHIVES = (*{*SUFFIXES.values()} - {""}, ".tgz", WORKFLOW_SUFFIX)
# What the layers of images mean by a name that begins so: that a file is gone (I14).
_WHITEOUT = ".wh."


@frozen
class ImageContents:
    """Layers, and what a person is told: name and version are those of a single model, else empty."""

    layers: tuple[PlannedLayer, ...]
    warnings: tuple[str, ...] = ()
    model_name: str = ""
    model_version: str = ""


def image_contents(
    source: str,
    *,
    model_store: str | os.PathLike[str] | None,
    as_files: bool,
    timestamp: datetime | float | None,
    archives: OpenArchives,
) -> ImageContents:
    """Return what an image of ``source`` holds; see ``plan_image``. With ``as_files`` an archive is a file.

    ``archives`` opens those whose members are taken, and whoever made it closes them.
    """
    if not is_url(source):
        _require_no_layout(source)
        if os.path.isdir(source) and not os.path.isfile(os.path.join(source, MANIFEST_NAME)):
            settings = next((each for each in _SETTINGS if os.path.isfile(os.path.join(source, each))), None)
            if settings is None and model_store is None:
                return _of_store(source, as_files, archives)
            if settings is not None:
                return _of_settings(os.path.join(source, settings), source, model_store, as_files, archives)
        elif source.endswith((".properties", ".cfg")) and os.path.isfile(source):
            return _of_settings(source, None, model_store, as_files, archives)
    if model_store is not None:
        raise MarpackError("a model store goes with a config.properties: name that, or the store alone")
    if source.endswith((".toml", ".json")) and not is_url(source):
        return _of_declaration(source, as_files, timestamp)
    return _of_archive(source, as_files, archives)


def _require_no_layout(path: str) -> None:
    """Raise ``MarpackError`` for an image that is there already."""
    if is_layout(path):
        raise MarpackError(
            f"{path!r} is an image's layout already: send it as it is (--push without --output, push_image), or "
            "name what it was made of"
        )


def _of_archive(source: str, as_files: bool, archives: OpenArchives) -> ImageContents:
    """Take one model: its members below ``models/``, or the archive as it is."""
    if as_files and is_url(source):
        raise MarpackError(
            f"{hidden_url(source)!r} is behind a URL, and ModelPack has the file: download it first"
        )
    # What is to be copied is described before it is read, so that no other file is copied than was read.
    file = _file(source, os.path.basename(source)) if as_files else None
    try:
        archive = archives.open(source)
    except ArchiveError as error:
        if is_url(source) or source.endswith(_ARCHIVES) or not os.path.isfile(source):
            raise
        raise MarpackError(
            f"{source!r} is nothing that an image is made of: name a folder that a server starts from, a model "
            "store, an archive (.mar, .tar.gz), a config.properties, or a declaration (.toml, .json)"
        ) from error
    model = archive.manifest.model
    title = archive.file_name or os.path.basename(source)
    layer = _raw(file) if file else _unpacked(archive, _ROOT, printable(title))
    # What a manifest says may be anything.
    name, version = (text if text.isprintable() else "" for text in (model.model_name or "", model.served_version))
    return ImageContents(layers=(layer,), model_name=name, model_version=version)


def _of_store(folder: str, as_files: bool, archives: OpenArchives) -> ImageContents:
    """Take a model store that has no settings: they are those that KServe's preset has."""
    paths = _archives(folder)
    layers = [_archive_layer(path, as_files, archives) for path in paths]
    snapshot = ModelSnapshot.from_archives(paths)  # of what has been described above, or writing fails
    config = ServerConfig.preset("kserve", model_snapshot=snapshot).dumps().encode("ascii")
    return ImageContents(layers=(*layers, _config_layer(config, as_files)))


def _of_settings(
    path: str,
    folder: str | None,
    model_store: str | os.PathLike[str] | None,
    as_files: bool,
    archives: OpenArchives,
) -> ImageContents:
    """Take settings as they are, and all archives of the store that they are about."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        settings = codec.loads(data)
    except PropertiesError as error:
        raise error.in_file(path) from None
    paths = _archives(_store_of(path, folder, settings.get("model_store"), model_store))
    layers = [_archive_layer(each, as_files, archives) for each in paths]
    # Of what has been described above: should a file change meanwhile, writing fails.
    warnings = settings_warnings(data, file=path, archives=read_manifests(paths))
    return ImageContents(layers=(*layers, _config_layer(data, as_files)), warnings=warnings)


def _of_declaration(path: str, as_files: bool, timestamp: datetime | float | None) -> ImageContents:
    """Take models that are still to be packed: nothing is written here but what a URL of weights brings."""
    # What packs models is slow to load, and needed for this alone.
    from marpack.serving.deploy.declaration import load_declaration, plan_serving

    declaration: Any = load_declaration(path)
    if isinstance(declaration, list):
        declaration = {"models": declaration}
    if isinstance(declaration, Mapping) and timestamp is None:
        declaration = {"reproducible": True, **declaration}
    planned = plan_serving(declaration, None, base_dir=os.path.dirname(path), force=False, timestamp=timestamp)
    layers = [_planned(name, plan, as_files) for name, plan in sorted(planned.plans.items())]
    told = [*planned.deployment.warnings, *(each for plan in planned.plans.values() for each in plan.warnings)]
    config = planned.deployment.config
    return ImageContents(
        layers=(*layers, _config_layer(config, as_files)),
        warnings=tuple(dict.fromkeys((*told, *settings_warnings(config)))),
    )


def _store_of(path: str, folder: str | None, told: str | None, model_store: str | os.PathLike[str] | None) -> str:
    """Return where the archives lie: where it is given, beside the settings, or where these say.

    A relative path in settings is the server's, of whose working directory nothing is known here: it is looked for
    where a server would start from, the folder that has the settings, or has their folder. Raises ``MarpackError``
    where settings name another folder than the one beside them.
    """
    if model_store is not None:
        return os.fspath(model_store)
    above = folder if folder is not None else os.path.dirname(path)
    own = os.path.dirname(os.path.abspath(path))
    # Of a folder that a server starts from, the settings may be named alone.
    beside = os.path.dirname(own) if os.path.basename(own) == os.path.dirname(_CONFIG_FILE) else own
    found = _folder_in([above, beside], _MODEL_STORE)
    named = _folder_in([above, beside], told) if told else None
    if found and named and not os.path.samefile(found, named):
        raise MarpackError(
            f"{path!r} names the model store {named!r}, and {found!r} lies beside it: say which of them is meant "
            "(--model-store)"
        )
    return found or named or above or os.curdir


def _folder_in(places: Iterable[str], name: str) -> str | None:
    paths = (os.path.join(place, name) for place in places)
    return next(filter(os.path.isdir, paths), None)


def _archives(folder: str) -> list[str]:
    paths = archives_in(folder)
    if not paths:
        raise MarpackError(f"{folder!r} holds no archive: name a model store, an archive or a declaration")
    return paths


def _archive_layer(path: str, as_files: bool, archives: OpenArchives) -> PlannedLayer:
    name = os.path.basename(path)
    if not os.path.isdir(path):
        return _raw(_file(path, name)) if as_files else _tar(name, _file(path, f"{_STORE}/{name}"))
    if as_files:
        raise MarpackError(f"{path!r} is a folder, and ModelPack has files: pack it (marpack repack)")
    return _unpacked(archives.open(path), f"{_STORE}/{name}", name)


def _planned(name: str, plan: ArchivePlan, as_files: bool) -> PlannedLayer:
    """Take an archive that is still to be packed: one that is to be a folder is its members."""
    if plan.archive_format == "no-archive":
        if as_files:
            raise MarpackError(f"{name!r} is declared as a folder, and ModelPack has files: choose another form")
        files = [
            ImageFile(
                name=allowed(f"{_STORE}/{name}/{each.name}"),
                contents=each.source,
                size=each.size,
                origin=each.origin,
            )
            for each in plan.members
        ]
        return PlannedLayer(title=name, files=tuple(sorted(files, key=lambda file: file.name)))
    at = name if as_files else f"{_STORE}/{name}"
    file = ImageFile(name=allowed(at), contents=plan, size=None, origin=repr(name))
    return _raw(file) if as_files else _tar(name, file)


def _config_layer(config: bytes, as_files: bool) -> PlannedLayer:
    name = os.path.basename(_CONFIG_FILE)
    at = name if as_files else _CONFIG
    file = ImageFile(name=at, contents=BytesSource(data=config), size=len(config), origin=repr(name))
    return _raw(file, media_types.MODEL_WEIGHT_CONFIG) if as_files else _tar(name, file)


def _unpacked(archive: ModelArchive, folder: str, title: str) -> PlannedLayer:
    """Take the members of an archive as files below a folder of the image.

    They are sorted, but for a tgz, in which each is read once only in its own order.
    """
    files = [
        ImageFile(
            name=allowed(f"{folder}/{member.name}"),
            contents=ArchivedFile(archive=archive, member=member),
            size=member.size,
            origin=f"{archive.path!r}: {member.name!r}",
        )
        for member in archive.members
    ]
    if archive.form != "tgz":
        files.sort(key=lambda file: file.name)
    return PlannedLayer(
        title=title, files=tuple(files), folders=tuple(allowed(f"{folder}/{name}") for name in archive.folders)
    )


def _tar(title: str, file: ImageFile) -> PlannedLayer:
    return PlannedLayer(title=title, files=(file,))


def _raw(file: ImageFile, media_type: str = media_types.MODEL_WEIGHT) -> PlannedLayer:
    return PlannedLayer(title=file.name, files=(file,), media_type=media_type)


def _file(path: str, name: str) -> ImageFile:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise MarpackError(f"{path!r} is no regular file, and no layer holds anything else: name an archive")
    return ImageFile(
        name=allowed(name), contents=FileSource.from_stat(path, status), size=status.st_size, origin=repr(path)
    )


def allowed(name: str) -> str:
    """Return a name that a file of an image may have; raise ``MarpackError`` for any other (I14)."""
    if SURROGATE.search(name):
        raise MarpackError(f"{name!r} cannot be in an image, whose names are UTF-8: rename it")
    if any(part.startswith(_WHITEOUT) for part in name.split("/")):
        raise MarpackError(
            f"{name!r} cannot be in an image, where a name that begins with {_WHITEOUT!r} means that a file is "
            "gone: rename it"
        )
    return name
