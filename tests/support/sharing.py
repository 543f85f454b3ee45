"""A file system whose files share blocks: an XFS in a file, mounted for as long as a process of the tests lives.

``mkfs.xfs`` is seldom installed where tests run, so what it made is kept: ``xfs.xz`` has the blocks of it that are
not empty, each after its offset. ``python -m tests.support.sharing`` makes them anew, without what kernels before
5.10 cannot mount.
"""

from __future__ import annotations

import contextlib
import itertools
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHAT = "a file system that shares blocks, which root mounts on Linux"
_KEPT = Path(__file__).with_name("xfs.xz")
_SIZE = 300 << 20  # mkfs.xfs makes none that is smaller; 220 MiB are free
_BLOCK = 4096
_OFFSET = struct.Struct("<Q")
_OPTIONS = "-m reflink=1,bigtime=0,inobtcount=0,rmapbt=0 -i nrext64=0"

# It is unmounted when its input ends: whenever the process that holds the other end does, killed or not.
_GUARD = 'cat > /dev/null; umount "$1" || umount --lazy "$1"'


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """Mount a new file system below ``folder``; where this machine cannot, skip and say why; in CI, root fails."""
    image, place = folder / "xfs.img", folder / "xfs"
    _unpack(image)
    place.mkdir()
    # Several processes may mount theirs, which all have one UUID.
    options = "loop,nouuid,nodev,nosuid"
    mount = ["mount", "-t", "xfs", "-o", options, str(image), str(place)]
    if sys.platform != "linux" or os.geteuid():  # nobody else may, and a CI need not run as root
        pytest.skip(f"needs {_WHAT}")
    require(shutil.which("mount"), f"{_WHAT}, but there is no mount here")
    done = subprocess.run(mount, capture_output=True, text=True)
    require(done.returncode == 0, f"{_WHAT}, but mount said: {' '.join(done.stderr.split())}")
    guard = ["sh", "-c", _GUARD, "guard", str(place)]
    with subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True):
        yield place
    assert not place.is_mount()
    image.unlink()


def used(folder: Path) -> int:
    """Return how many bytes of the file system are taken, once all that was written lies there."""
    subprocess.run(["sync", "--file-system", folder], check=True)
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def _unpack(image: Path) -> None:
    data = lzma.decompress(_KEPT.read_bytes())
    step = _OFFSET.size + _BLOCK
    with image.open("wb") as file:
        for start in range(0, len(data), step):
            [offset] = _OFFSET.unpack_from(data, start)
            file.seek(offset)
            file.write(data[start + _OFFSET.size : start + step])
        file.truncate(_SIZE)


def _make() -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(_SIZE)
        subprocess.run(["mkfs.xfs", "-q", "-f", *_OPTIONS.split(), file.name], check=True)
        blocks = itertools.takewhile(bool, iter(lambda: file.read(_BLOCK), None))
        kept = [_OFFSET.pack(number * _BLOCK) + block for number, block in enumerate(blocks) if block.strip(b"\0")]
    _KEPT.write_bytes(lzma.compress(b"".join(kept), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    _make()
