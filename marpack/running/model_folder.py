"""The folder that a worker finds a model in, made of an archive as the server makes it (spec/worker.md)."""

from __future__ import annotations

import os

from marpack.archive.read.archive import Archive


def unpack(archive: Archive, scratch: str) -> str:
    """Return the model's folder below ``scratch``: unpacked, or for a model's folder a link to it, as the server's."""
    folder = os.path.join(scratch, "model")
    if archive.form == "folder":
        os.symlink(os.path.abspath(archive.path), folder)
    else:
        archive.extract(folder, case_sensitive=True)
    return folder
