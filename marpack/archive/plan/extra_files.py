"""Extra files: comma lists, wildcards, folders flattened or kept, mappings (A4, A5)."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from marpack.archive.names import is_excluded_folder, is_pattern, member_name_problem
from marpack.archive.plan.inputs import Inputs, SourceLike

__all__ = ["ExtraFiles", "Tree", "add_extra_files", "tree"]

ExtraFiles: TypeAlias = "str | os.PathLike[str] | Tree | Mapping[str, SourceLike] | Iterable[ExtraFiles]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A folder that keeps its shape inside the archive; see ``tree``."""

    folder: str
    prefix: str


def tree(folder: str | os.PathLike[str], *, prefix: str | os.PathLike[str] | None = None) -> Tree:
    """Keep a folder together: an item for ``extra_files``, which flattens a folder named by its path.

    ``prefix`` is where it goes in the archive, by default the folder's own name; ``""`` is the root.
    Sub-folders named ``__pycache__`` or ``__MACOSX`` or beginning with a dot are left out, files never, not
    even ``.env`` or ``*.pyc`` (A5).
    """
    path = os.fsdecode(folder)
    own_name = os.path.basename(os.path.abspath(path))
    return Tree(folder=path, prefix=own_name if prefix is None else os.fsdecode(prefix))


def add_extra_files(inputs: Inputs, value: object) -> None:
    """Add extra files in every form they come in."""
    try:
        _add_extra_files(inputs, value)
    except RecursionError:
        inputs.issue("bad-value", "extra_files", "lists are nested too deeply: give one list")


def _add_extra_files(inputs: Inputs, value: object) -> None:
    if isinstance(value, str):
        for item in value.split(","):
            _add_comma_item(inputs, item)
    elif isinstance(value, os.PathLike):
        _add_path(inputs, os.fsdecode(value))
    elif isinstance(value, Tree):
        _add_tree(inputs, value)
    elif isinstance(value, Mapping):
        for name, source in value.items():
            if isinstance(name, str):
                inputs.add("extra_files", name, source, keep_time=True)
            else:
                inputs.issue("bad-type", "extra_files", f"the name {name!r} must be a str")
    elif _is_iterable(value):
        for part in value:
            if isinstance(part, str):
                _add_item(inputs, part)
            else:
                _add_extra_files(inputs, part)
    else:
        inputs.issue(
            "bad-type",
            "extra_files",
            f"cannot take {type(value).__name__}: contents need a name, give {{'name': contents}}",
        )


def _add_comma_item(inputs: Inputs, item: str) -> None:
    """Add one item of the archiver's comma list; blanks around it are not part of it (D-05)."""
    if not os.path.lexists(item):
        item = item.strip()
    if item:
        _add_item(inputs, item)


def _add_item(inputs: Inputs, item: str) -> None:
    # D-06: a file of exactly that name is meant before a wildcard is.
    if os.path.lexists(item) or not is_pattern(item):
        _add_path(inputs, item)
        return
    try:
        found = sorted(glob.glob(item))
    except (ValueError, RecursionError) as error:
        inputs.issue("bad-value", "extra_files", f"the pattern {item!r} cannot be searched for: {error}")
        return
    if not found:
        inputs.warnings.append(f"no file matches the pattern {item!r} of extra_files")
    for path in found:
        _add_path(inputs, path)


def _add_path(inputs: Inputs, path: str) -> None:
    """Add a file under its own name, or a folder's contents at the root (A4)."""
    if os.path.isdir(path):
        _add_folder(inputs, path, "")
    else:
        inputs.add_regular_file("extra_files", os.path.basename(path), path, keep_time=True)


def _add_tree(inputs: Inputs, item: Tree) -> None:
    prefix = item.prefix.rstrip("/")
    if prefix and (problem := member_name_problem(prefix, inputs.manifest_name)):
        inputs.issue("bad-member-name", "extra_files", problem)
    elif os.path.isdir(item.folder):
        _add_folder(inputs, item.folder, f"{prefix}/" if prefix else "")
    elif os.path.lexists(item.folder):
        inputs.issue("not-a-file", "extra_files", f"tree() needs a folder, and {item.folder!r} is none")
    else:
        inputs.issue("missing-file", "extra_files", f"the folder {item.folder!r} does not exist: correct the path")


def _add_folder(inputs: Inputs, top: str, prefix: str) -> None:
    # Not by recursion: a path can be deeper than Python's stack.
    waiting: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(top, prefix, frozenset())]
    while waiting:
        folder, prefix, above = waiting.pop()
        try:
            status = os.stat(folder)
            with os.scandir(folder) as listing:
                found = sorted(listing, key=lambda item: item.name)
        except OSError as error:
            inputs.issue("unreadable", "extra_files", f"cannot list the folder {folder!r}: {error.strerror}")
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            inputs.issue("not-a-file", "extra_files", f"{folder!r} is a link to a folder that holds it")
            continue
        for item in found:
            if not _is_folder(item):
                inputs.add_regular_file("extra_files", prefix + item.name, item.path, keep_time=True)
            elif not is_excluded_folder(item.name):
                waiting.append((item.path, f"{prefix}{item.name}/", above | {identity}))


def _is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    contents = isinstance(value, (bytes, bytearray, memoryview)) or hasattr(value, "read")
    return isinstance(value, Iterable) and not contents


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link that cannot be followed is reported as a file that cannot be read
        return False
