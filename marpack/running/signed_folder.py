"""A model's folder that has to be signed: a copy, which nobody else changes, is looked at and run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from marpack.archive.read.archive import Archive, container_of
from marpack.archive.read.folder_container import FolderContainer

if TYPE_CHECKING:
    from marpack.signing import RequiredSignature


def private_copy(archive: Archive, signature: RequiredSignature, scratch: str) -> str:
    """Copy a model's folder below ``scratch``, but for the signature where it lies in it; return the copy's path.

    A folder of which the model's is the only one is copied with it. Raises what ``Archive.extract`` raises.
    """
    from marpack.signing.attested import name_below

    container = container_of(archive)
    if not isinstance(container, FolderContainer):
        raise TypeError("only a folder is copied")
    outer = os.path.join(scratch, "signed", os.path.basename(os.path.realpath(archive.path)) or "model")
    inner = os.path.relpath(container.root, os.path.realpath(archive.path))
    target = os.path.normpath(os.path.join(outer, inner))
    os.makedirs(os.path.dirname(target))
    own = name_below(container.root, os.fspath(signature.signature))
    names = [member.name for member in archive.members if member.name != own]
    archive.extract(target, names if own in archive else None, case_sensitive=True)
    return outer
