"""Extra files: paths, folders flattened or kept, mappings, and the archiver's own lists (A4, A5)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from marpack.archive.names import is_excluded_folder, is_pattern, member_name_problem
from marpack.archive.plan.contents import SourceLike, is_bytes, is_path
from marpack.archive.plan.inputs import ABSENT, Inputs
from marpack.frozen import frozen, frozen_in_order

ExtraFiles: TypeAlias = (
    "str | os.PathLike[str] | Tree | Patterns | Mapping[str, SourceLike] | Iterable[ExtraFiles]"
)
"""What lies beside the model: a file; a folder, whose files are taken without it, or by ``tree`` with it;
``{name in the archive: where its bytes come from}``; or several of these."""


@frozen
class Tree:
    """A folder that keeps its shape inside the archive; see ``tree``."""

    folder: str
    prefix: str


@frozen_in_order
class Patterns:
    """Paths, folders and wildcards that begin at ``folder``, as the archiver's ``--extra-files`` has them.

    For the command line, and for settings that are written so; ``given`` is a comma list or a list (A4).
    """

    given: str | tuple[str, ...]
    folder: str = ""

    def items(self) -> list[str]:
        """Return the items: of a comma list without empty ones, and without the blanks around them (D-05)."""
        if not isinstance(self.given, str):
            return list(self.given)
        items = [item if os.path.lexists(self.path(item)) else item.strip() for item in self.given.split(",")]
        return list(filter(None, items))

    def paths(self, item: str) -> list[str]:
        """Return what an item means, none for a wildcard without a match."""
        # D-06: a file of exactly that name is meant before a wildcard is.
        if os.path.lexists(self.path(item)) or not is_pattern(item):
            return [self.path(item)]
        import glob  # slow to import, and needed for wildcards only

        return [self.path(found) for found in sorted(glob.glob(item, root_dir=self.folder or None))]

    def path(self, item: str) -> str:
        """Return where an item lies that is no wildcard."""
        return os.path.join(self.folder, item)


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
    if isinstance(value, str) and not os.path.lexists(value) and ("," in value or is_pattern(value)):
        message = f"{ABSENT}, and is no comma list or wildcard, as on the command line: give a list of paths"
        inputs.issue("missing-file", "extra_files", f"{value!r} {message}")
    elif is_path(value):
        _add_path(inputs, os.fsdecode(value))
    elif isinstance(value, Patterns):
        _add_patterns(inputs, value)
    elif isinstance(value, Tree):
        _add_tree(inputs, value)
    elif isinstance(value, Mapping):
        for name, source in value.items():
            if isinstance(name, str):
                inputs.add("extra_files", name, source, keep_time=True)
            else:
                inputs.issue("bad-type", "extra_files", f"the name {name!r} must be a str")
    elif isinstance(value, Iterable) and not is_bytes(value) and not hasattr(value, "read"):
        for part in value:
            _add_extra_files(inputs, part)
    else:
        message = f"cannot take {type(value).__name__}: contents need a name, give {{'name': contents}}"
        inputs.issue("bad-type", "extra_files", message)


def _add_patterns(inputs: Inputs, patterns: Patterns) -> None:
    for item in patterns.items():
        try:
            paths = patterns.paths(item)
        except (ValueError, RecursionError) as error:
            inputs.issue("bad-value", "extra_files", f"the pattern {item!r} cannot be searched for: {error}")
            continue
        if not paths:
            inputs.warnings.append(f"no file matches the pattern {item!r} of extra_files")
        for path in paths:
            _add_path(inputs, path)


def _add_path(inputs: Inputs, path: str) -> None:
    """Add a file under its own name, or a folder's contents at the root (A4)."""
    if os.path.isdir(path):
        _add_folder(inputs, path, "")
    else:
        inputs.add_path("extra_files", os.path.basename(path), path, keep_time=True)


def _add_tree(inputs: Inputs, item: Tree) -> None:
    prefix = item.prefix.rstrip("/")
    if prefix and (problem := member_name_problem(prefix, inputs.manifest_name)):
        inputs.issue("bad-member-name", "extra_files", problem)
    elif os.path.isdir(item.folder):
        _add_folder(inputs, item.folder, f"{prefix}/" if prefix else "")
    elif os.path.lexists(item.folder):
        inputs.issue("not-a-file", "extra_files", f"tree() needs a folder, and {item.folder!r} is none")
    else:
        inputs.issue("missing-file", "extra_files", f"the folder {item.folder!r} {ABSENT}: correct the path")


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
                inputs.add_path("extra_files", prefix + item.name, item.path, keep_time=True)
            elif not is_excluded_folder(item.name):
                waiting.append((item.path, f"{prefix}{item.name}/", above | {identity}))


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link that cannot be followed is reported as a file that cannot be read
        return False
