"""The ``no-archive`` form: a folder that the server reads in place (spec/archive.md, N clauses)."""

from __future__ import annotations

import os

from marpack.archive.names import parents
from marpack.archive.plan.plan import Plan
from marpack.archive.result import Progress, WrittenMember
from marpack.archive.sources import CHUNK_SIZE
from marpack.archive.write.file_copy import copy_contents
from marpack.archive.write.member_contents import MemberContents


def write_folder(
    plan: Plan, folder: str, *, threads: int, digest: bool = False, progress: Progress | None = None
) -> list[WrittenMember]:
    """Write the members below ``folder``, which is empty; the manifest last."""
    written = []
    made: set[str] = set()
    for member in plan.members:
        for parent in parents(member.name):
            if parent not in made:
                os.mkdir(os.path.join(folder, parent))
                made.add(parent)
        path = os.path.join(folder, member.name)
        contents = MemberContents(member, digest=digest, progress=progress)
        try:
            with open(path, "x+b") as file:
                if member.size <= CHUNK_SIZE or not copy_contents(contents, file, threads=threads):
                    file.writelines(contents)
            written.append(contents.written())
        finally:
            contents.abandon()
        if member.mode is not None:  # N3: the manifest has the mode of any new file
            os.chmod(path, member.mode)
        os.utime(path, ns=(member.mtime_ns, member.mtime_ns))
    return written
