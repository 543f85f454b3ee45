"""Disks on which files share blocks, made in a file and mounted, and how much is written on them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ("xfs", "btrfs")
# Of the file, which takes no more than is written: mkfs makes no smaller ones.
_SIZE = 1 << 30


class NoDiskError(Exception):
    """The machine makes or mounts no such disk: no root, no loop device, no mkfs."""


@contextlib.contextmanager
def sharing_disk(kind: str, folder: Path) -> Iterator[Path]:
    """Give a folder on a new disk of a kind; what lies in it goes with it."""
    image, mount = folder / f"{kind}-image", folder / kind
    mount.mkdir()
    image.touch()
    os.truncate(image, _SIZE)
    try:
        subprocess.run([f"mkfs.{kind}", "-q", image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", image, mount], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        image.unlink()
        raise NoDiskError(f"{kind}: {error}") from error
    try:
        yield mount
    finally:
        subprocess.run(["umount", "--lazy", mount], check=True)
        image.unlink()


def used(folder: Path) -> int:
    """Return how many bytes of its disk are taken, once everything is on it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.sync()
    finally:
        os.close(descriptor)
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize
