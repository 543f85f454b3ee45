"""From an archive to a folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.archive.names import parents
from marpack.archive.sources import CHUNK_SIZE
from marpack.disk.atomic import replacing_folder
from marpack.disk.space import free_space
from marpack.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marpack.archive.member import ArchiveMember
    from marpack.archive.read.container import Container
    from marpack.archive.result import Progress


def extract(
    container: Container,
    folder: str,
    wanted: Sequence[ArchiveMember] | None,
    *,
    marker: str,
    force: bool,
    progress: Progress | None,
) -> tuple[str, ...]:
    """Write the members below a new folder; their names have been found harmless.

    With ``force`` the folder may replace one that holds the ``marker``.
    """
    folder = folder.rstrip(os.sep) or folder
    members = container.members if wanted is None else wanted
    chosen = frozenset(members)
    total = sum(member.size for member in members)
    with replacing_folder(folder, force=force, marker=marker, may_be_empty=True) as building:
        free = free_space(building)
        if free is not None and total > free:
            raise TargetError(folder, f"has room for {free:,} bytes, and the members hold {total:,}")
        made: set[str] = set()
        if wanted is None:
            for name in container.folders:
                _make(building, [*parents(name), name], made)
        for member, reader in container.contents(chosen):
            _make(building, parents(member.name), made)
            with open(os.path.join(building, member.name), "xb") as file:
                while data := reader.read1(CHUNK_SIZE):
                    file.write(data)
                    if progress:
                        progress(len(data))
    return tuple(member.name for member in container.members if member in chosen)


def _make(root: str, folders: Sequence[str], made: set[str]) -> None:
    for folder in folders:
        if folder not in made:
            os.mkdir(os.path.join(root, folder))
            made.add(folder)
