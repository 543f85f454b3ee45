"""What this process has mapped, as Linux tells it."""

from __future__ import annotations

from pathlib import Path


def mapped_at(address: int) -> tuple[str, int]:
    """Return the file that is mapped at an address, and the place in it; ``""`` for memory of the process."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        bounds, _, offset, _, inode, *path = line.split(maxsplit=5)
        start, end = (int(bound, 16) for bound in bounds.split("-"))
        if start <= address < end:
            return (path[0], address - start + int(offset, 16)) if inode != "0" else ("", address)
    raise AssertionError(f"nothing is mapped at {address:#x}")
