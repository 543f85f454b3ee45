"""Python packages that an export brings: marpack's own, and the Python part of TorchServe's wheel."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence

import marpack
from marpack.disk.file_names import relative_name
from marpack.errors import MarpackError
from marpack.export.targets import TORCHSERVE
from marpack.frozen import frozen
from marpack.running.server_python import server_python

# The Java half of the wheel, 45.9 of its 46.1 MB.
_LEFT_OUT = {"frontend", "__pycache__"}
# Of marpack, beside what it installs: what others have put into a clone is none of it.
_SOURCES = (".py", ".pyi")
_DATA = {"py.typed", "distribution_names.txt", "standard_library.txt"}
_LICENSES = ("LICENSE", "LICENCE", "NOTICE", "COPYING")


@frozen
class PackageFile:
    """A file of a package: ``name`` is its path in the export, ``path`` where it lies."""

    name: str
    path: str
    size: int


def own_package() -> tuple[PackageFile, ...]:
    """Return the files of the marpack that runs, with its licence where it is installed with one."""
    found = _package(os.path.dirname(os.path.abspath(marpack.__file__)), "marpack", "marpack")
    return tuple(each for each in found if not each.name.startswith("marpack/") or _is_own(each.name))


def _is_own(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in _DATA or (name.endswith(_SOURCES) and not name.startswith("."))


def server_package(python: str | os.PathLike[str] | None) -> tuple[PackageFile, ...]:
    """Return the files of the package ``ts`` that a Python has, without its Java half, and its licence.

    Raises ``MissingExtraError`` and ``MarpackError`` where it has none, or another release than the one that an
    export's models are run by, or no licence, without which nobody may pass it on.
    """
    found = server_python(python)
    version = ".".join(map(str, found.version))
    if version != TORCHSERVE:
        raise MarpackError(f"TorchServe {version} is installed there, and {TORCHSERVE} is what an export runs by")
    files = _package(found.package, "ts", "torchserve")
    if not any(os.path.dirname(each.name) == "ts-licenses" for each in files):
        raise MarpackError(f"no licence lies beside {found.package!r}, without which it may not be passed on")
    return files


def _package(folder: str, name: str, distribution: str) -> tuple[PackageFile, ...]:
    beside = os.path.dirname(folder)
    installed = _installed(beside, distribution)
    recorded = {each for place in installed for each in _recorded(place)}
    files = [
        PackageFile(name=f"{name}/{inside}", path=path, size=size)
        for inside, path, size in _walk(folder)
        # What others have put into it since is none of it.
        if not recorded or f"{name}/{inside}" in recorded
    ]
    licenses = [
        PackageFile(name=f"{name}-licenses/{os.path.basename(path)}", path=path, size=os.path.getsize(path))
        for path in _licenses(installed or [beside])
    ]
    return tuple(sorted([*files, *licenses], key=lambda each: each.name))


def _walk(folder: str) -> Iterator[tuple[str, str, int]]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if each not in _LEFT_OUT)
        for name in sorted(files):
            path = os.path.join(parent, name)
            if not name.endswith((".pyc", ".pyo")) and os.path.isfile(path):
                inside = relative_name(path, folder)
                yield inside, path, os.path.getsize(path)


def _installed(beside: str, distribution: str) -> list[str]:
    """Return the folder that says what pip has installed, where it has; of a clone there is none."""
    with os.scandir(beside) as entries:
        return sorted(
            each.path
            for each in entries
            if each.name.startswith(f"{distribution}-") and each.name.endswith(".dist-info") and each.is_dir()
        )


def _recorded(place: str) -> Iterator[str]:
    """Yield the names of the files that were installed."""
    try:
        with open(os.path.join(place, "RECORD"), encoding="utf-8", newline="") as file:
            yield from (row[0] for row in csv.reader(file) if row)
    except OSError:
        return


def _licenses(places: Sequence[str]) -> Iterator[str]:
    for place in places:
        for folder in (place, os.path.join(place, "licenses")):
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
                path = os.path.join(folder, name)
                if name.startswith(_LICENSES) and os.path.isfile(path):
                    yield path
