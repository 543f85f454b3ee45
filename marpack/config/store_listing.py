"""The manifests of a model store, from which snapshots are built and against which they are checked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from marpack.archive.manifest import MANIFEST_NAME, Manifest
from marpack.archive.read.open import ArchiveSource, file_name_of, read_manifest
from marpack.config.rules.snapshot_values import find_same_versions
from marpack.errors import ConfigError
from marpack.findings import Finding

# What ``load_models=all`` takes (P18), but ``.model``, which no packer writes.
_SUFFIXES = (".mar", ".tar.gz")


def archives_in(folder: str | os.PathLike[str]) -> list[str]:
    """Return the paths of the archives in a model store, sorted: files by their suffix, folders by their manifest.

    Hidden ones are left out, as the server leaves them out.
    """
    folder = os.fsdecode(folder)
    names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    return [path for name in names if _is_archive(path := os.path.join(folder, name))]


def suffix_of(file_name: str) -> str:
    """Return the suffix by which the server knows the form of an archive, ``""`` for a folder."""
    return next((suffix for suffix in _SUFFIXES if file_name.endswith(suffix)), "")


def _is_archive(path: str) -> bool:
    if os.path.isdir(path):
        return os.path.isfile(os.path.join(path, MANIFEST_NAME))
    return os.path.isfile(path) and bool(suffix_of(path))


def versions_in(
    manifests: Mapping[str, Manifest], defaults: Mapping[str, str]
) -> list[tuple[str, str, str, bool]]:
    """Return the models of archives: name, version, name of the archive, and whether it is the default (S8).

    ``defaults`` names the default version of models that have several; otherwise it is the highest. Raises
    ``ConfigError`` for archives that cannot be served together.
    """
    found: dict[str, dict[str, str]] = {}
    findings = []
    for mar_name, manifest in manifests.items():
        name, version = manifest.model.model_name, manifest.model.served_version
        if not name:
            message, effect = "its manifest names no model", "it would not register it"
            fix = "pack it with a model name"
            findings.append(
                Finding(code="snapshot-no-name", key=mar_name, message=message, effect=effect, fix=fix)
            )
        elif other := found.setdefault(name, {}).get(version):
            key, fix = f"models.{name}.{version}", "keep one, or pack it with another version"
            message = f"{other!r} and {mar_name!r} are the same version of one model"
            findings.append(find_same_versions.finding(message, key, effect="it ends", fix=fix))
        else:
            found[name][version] = mar_name
    for name, version in defaults.items():
        if version not in found.get(name, {}):
            there = ", ".join(sorted(found.get(name, {}))) or "no archive"
            key, message = f"models.{name}", f"{version!r} shall be the default, but there is {there}"
            fix = "name a version that is there"
            findings.append(Finding(code="snapshot-no-such-version", key=key, message=message, fix=fix))
    if findings:
        raise ConfigError(findings)
    return [
        (name, version, mar_name, version == (defaults.get(name) or max(versions, key=_version_key)))
        for name, versions in found.items()
        for version, mar_name in versions.items()
    ]


def _version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Order versions by their numbers: 1.10 comes after 1.9, and 1.0-rc1 before 1.0."""
    return (*map(_part_key, re.findall("[0-9]+|[^0-9.]+", version)), (0, 0, ""))


def _part_key(part: str) -> tuple[int, int, str]:
    number = part.lstrip("0")  # compared without int(), which refuses thousands of digits
    return (1, len(number), number) if part.isdecimal() else (-1, 0, part)


def read_manifests(sources: Iterable[ArchiveSource]) -> dict[str, Manifest]:
    """Return the manifest of each archive by its file name, which two of them may not share."""
    found: dict[str, Manifest] = {}
    places: dict[str, str] = {}
    for source in sources:
        manifest, name = read_manifest(source), file_name_of(source)
        place = os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else name
        if not name or name in found:
            message = "an archive has no name, and a snapshot names files of a model store"
            fix = "give its path"
            if name:
                message = f"{places[name]!r} and {place!r} have one name, and a model store is one folder"
                fix = "name the archives of one store"
            raise ConfigError([Finding(code="snapshot-same-file", key=name, message=message, fix=fix)])
        found[name] = manifest
        places[name] = place
    return found
