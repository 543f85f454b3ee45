"""The folder that a worker finds a model in, made of an archive as the server makes it (J67)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from marpack.archive.manifest import MANIFEST_NAME
from marpack.archive.read.archive import Archive, container_of
from marpack.archive.read.folder_container import FolderContainer
from marpack.errors import ArchiveError, LimitError, UnsafeArchiveError
from marpack.running.registration_errors import NO_NAME, bad_request, no_members, not_unpacked

_MANIFESTS = os.path.dirname(MANIFEST_NAME)
_MEMBER = b"PK\3\4"


@contextmanager
def as_registered(file_name: str = "") -> Iterator[None]:
    """Say in a server's words what is wrong with an archive that is opened and unpacked in this block.

    ``NotServedError`` takes the place of an ``ArchiveError`` for what the server does not unpack either. Others
    stay, and so do ``UnsafeArchiveError`` and ``LimitError``: the server takes some of what they refuse.
    ``file_name`` is the archive's, where it has another than its path.
    """
    try:
        yield
    except LimitError:
        raise
    except ArchiveError as error:
        name = file_name or os.path.basename(error.path)
        if _is_empty_to_the_server(error.path, name):
            raise no_members(error) from error
        refused = None if isinstance(error, UnsafeArchiveError) else not_unpacked(error, name)
        if refused is None:
            raise
        raise refused from error


def _is_empty_to_the_server(path: str, name: str) -> bool:
    """Tell whether a file is a zip by its name and does not begin with a member."""
    try:
        with open(path, "rb") as file:
            return name.endswith(".mar") and file.read(len(_MEMBER)) != _MEMBER
    except OSError:  # it lies behind a URL
        return False


def unpack(archive: Archive, scratch: str) -> str:
    """Return the model's folder below ``scratch``: unpacked, or a link to a model's folder, as the server's.

    What is installed for a model goes into its folder, or beside its link. Raises what ``Archive.extract`` raises,
    and ``NotServedError`` for a folder of which the server sees but the one that the manifest is in.
    """
    container = container_of(archive)
    if not isinstance(container, FolderContainer):
        folder = os.path.join(scratch, "model")
        try:
            archive.extract(folder, case_sensitive=True)
        except OSError as error:
            if error.filename is None:  # as of a disk that is full: it is not the archive's
                error.filename = folder
            raise
        return folder
    if os.listdir(container.root) == [_MANIFESTS]:
        raise bad_request(NO_NAME).of(archive.path, f"there is nothing beside {_MANIFESTS}")
    parent = os.path.join(scratch, "linked")
    os.mkdir(parent)
    link = os.path.join(parent, os.path.basename(container.root) or "model")
    os.symlink(container.root, link)
    return link
