"""A plan: a frozen value that fully determines the bytes of an archive."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise

from marpack.archive.entry import BytesSource, Compression, Entry
from marpack.archive.layout import (
    ARCHIVE_FORMATS,
    DEFLATES,
    SUFFIXES,
    ArchiveFormat,
    Deflate,
    check_member_name,
    check_model_name,
    compression_for,
    member_order,
    parents,
    printable,
)
from marpack.archive.manifest import MANIFEST_NAME, Manifest

__all__ = ["ArchivePlan", "Owner"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Whom the members of a tgz belong to (the other forms do not say)."""

    uid: int = 0
    gid: int = 0
    user: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        numbers: tuple[object, ...] = (self.uid, self.gid)
        names: tuple[object, ...] = (self.user, self.group)
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise ValueError(f"uid and gid are whole numbers from 0 on, not {numbers}")
        if not all(isinstance(name, str) and name.isprintable() for name in names):
            raise ValueError(f"user and group are names, not {names}")

    @classmethod
    def current(cls) -> Owner:
        """Return the user who runs this process, as the archiver's temporary files would belong to."""
        try:
            import grp
            import pwd
        except ImportError:  # Windows
            return cls()
        uid, gid = os.geteuid(), os.getegid()
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = ""
        try:
            group = grp.getgrgid(gid).gr_name
        except KeyError:
            group = ""
        return cls(uid=uid, gid=gid, user=user, group=group)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivePlan:
    """Everything that an archive will be, before its contents are read.

    ``entries`` are the members in the order of the archive but for the manifest, which every form writes
    last from ``manifest_text``. ``timestamp`` is the time of packing in seconds since the epoch. ``deflate`` is
    how what is compressed is compressed.
    ``warnings`` are for the caller to show. ``str(plan)`` lists it all.
    """

    model_name: str
    archive_format: ArchiveFormat
    manifest_text: str
    entries: tuple[Entry, ...]
    timestamp: int
    owner: Owner
    warnings: tuple[str, ...] = ()
    deflate: Deflate = "zlib"

    def __post_init__(self) -> None:
        if self.archive_format not in ARCHIVE_FORMATS:
            raise ValueError(f"the form {self.archive_format!r} is not one of {', '.join(ARCHIVE_FORMATS)}")
        if self.deflate not in DEFLATES:
            raise ValueError(f"the method {self.deflate!r} is not one of {', '.join(DEFLATES)}")
        names = [entry.name for entry in self.entries]
        problem = check_model_name(self.model_name, self.archive_format)
        problem = problem or next(filter(None, map(check_member_name, names)), None)
        if problem:
            raise ValueError(problem)
        keys = list(map(member_order, names))
        if any(one >= other for one, other in pairwise(keys)):
            raise ValueError("the entries of a plan are unique and in the order of member_order()")
        folders = {parent for name in names for parent in parents(name)}
        if clash := folders.intersection(names):
            raise ValueError(f"{min(clash)!r} cannot be both a file and a folder")
        only = {"default": Compression.DEFLATED, "zip-store": Compression.STORED}.get(self.archive_format)
        if only is not None and any(entry.compression is not only for entry in self.entries):
            raise ValueError(f"the members of {self.archive_format} are all {only.name.lower()}")

    @property
    def manifest(self) -> Manifest:
        """The values of ``manifest_text``."""
        return Manifest.from_json(self.manifest_text)

    @property
    def members(self) -> tuple[Entry, ...]:
        """All members in order: ``entries``, and the manifest last."""
        source = BytesSource(data=self.manifest_text.encode())
        manifest = Entry(
            name=MANIFEST_NAME,
            source=source,
            size=source.size,
            mode=None,
            mtime_ns=self.timestamp * 10**9,
            compression=compression_for(MANIFEST_NAME, self.archive_format, weights=False),
            origin="the manifest",
        )
        return (*self.entries, manifest)

    @property
    def file_name(self) -> str:
        """The name that a model store expects: the model's, with the suffix of the form."""
        return self.model_name + SUFFIXES[self.archive_format]

    @property
    def size(self) -> int:
        """The sum of the members' contents in bytes, uncompressed."""
        return sum(entry.size for entry in self.members)

    def __str__(self) -> str:
        members = self.members
        head = f"{self.file_name}: {len(members)} members, {self.size:,} bytes before compression"
        return "\n".join([head, *(f"{entry.size:>15,}  {printable(entry.name)}" for entry in members)])
