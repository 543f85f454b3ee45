"""A case of a vector: an archive, in pieces that repeat, and what is to be found in it."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Json: TypeAlias = dict[str, Any]
Pieces: TypeAlias = "Sequence[bytes | tuple[bytes, int]]"


def case(
    title: str,
    archive: bytes | Pieces,
    code: str | None,
    member: str | None = None,
    *,
    error: str = "UnsafeArchiveError",
    file: str = "m.mar",
    **more: Any,
) -> Json:
    """Make a case; ``code`` None is for an archive that is fine."""
    expected = (
        {} if code is None else {"error": error, "code": code, **({} if member is None else {"member": member})}
    )
    pieces = [archive] if isinstance(archive, bytes) else archive
    found = [_piece(data, times) for piece in pieces for data, times in _runs(piece) if data]
    return {"title": title, "file": file, "archive": found, **more, "expected": expected}


def _runs(piece: bytes | tuple[bytes, int]) -> Iterator[tuple[bytes, int]]:
    """Take runs of one byte out of bytes: a tar is little else."""
    if isinstance(piece, tuple):
        yield piece
        return
    at = 0
    for run in re.finditer(rb"(.)\1{47,}", piece, re.DOTALL):
        yield piece[at : run.start()], 1
        yield run[1], len(run[0])
        at = run.end()
    yield piece[at:], 1


def _piece(data: bytes, times: int) -> Json:
    text = {"base64": base64.b64encode(data).decode()}
    return text if times == 1 else {**text, "times": times}


def archive_of(case: Json) -> bytes:
    """Return the bytes of a case."""
    return b"".join(base64.b64decode(piece["base64"]) * piece.get("times", 1) for piece in case["archive"])


def tgz_case(
    title: str, archive: bytes | Pieces, code: str | None, member: str | None = None, **more: Any
) -> Json:
    return case(title, archive, code, member, **{"file": "m.tar.gz", **more})


def broken_case(title: str, archive: bytes | Pieces, code: str, member: str | None = None, **more: Any) -> Json:
    return case(title, archive, code, member, **{"error": "ArchiveError", **more})


# What git leaves in a clone where Git LFS is not installed.
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"7" * 64 + b"\nsize 247105259\n"
