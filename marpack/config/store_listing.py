"""The manifests of a model store, from which snapshots are built and against which they are checked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.archive.manifest import MANIFEST_NAME
from marpack.archive.read.open import read_manifest
from marpack.errors import ConfigError
from marpack.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from marpack.archive.manifest import Manifest

__all__ = ["archives_in", "read_manifests", "suffix_of"]

# What ``load_models=all`` takes (P18), but ``.model``, which no packer writes.
_SUFFIXES = (".mar", ".tar.gz")


def archives_in(folder: str | os.PathLike[str]) -> list[str]:
    """Return the paths of the archives in a model store, sorted: files by their suffix, folders by their manifest.

    Hidden ones are left out, as the server leaves them out.
    """
    folder = os.fsdecode(folder)
    return [
        path
        for name in sorted(os.listdir(folder))
        if not name.startswith(".") and _is_archive(path := os.path.join(folder, name))
    ]


def suffix_of(file_name: str) -> str:
    """Return the suffix by which the server knows the form of an archive, ``""`` for a folder."""
    return next((suffix for suffix in _SUFFIXES if file_name.endswith(suffix)), "")


def _is_archive(path: str) -> bool:
    if os.path.isdir(path):
        return os.path.isfile(os.path.join(path, MANIFEST_NAME))
    return os.path.isfile(path) and bool(suffix_of(path))


def read_manifests(paths: Iterable[str | os.PathLike[str]]) -> dict[str, Manifest]:
    """Return the manifest of each archive by its file name, which two of them may not share."""
    found: dict[str, Manifest] = {}
    places: dict[str, str] = {}
    for path in map(os.fsdecode, paths):
        name = os.path.basename(os.path.abspath(path))
        if name in found:
            raise ConfigError(
                [
                    Finding(
                        code="snapshot-same-file",
                        key=name,
                        message=f"{places[name]!r} and {path!r} have one name, and a model store is one folder",
                        fix="name the archives of one store",
                    )
                ]
            )
        found[name] = read_manifest(path)
        places[name] = path
    return found
