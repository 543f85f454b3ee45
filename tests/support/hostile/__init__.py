"""Archives that must not be unpacked, and how they are made (spec/README.md, ``archive/invalid/hostile``).

Built from the tables of the formats' fields, without any library that could refuse or correct them, and deflated
without zlib, so that the bytes are the same everywhere.
"""

from __future__ import annotations

from tests.support.hostile.all_vectors import vectors
from tests.support.hostile.case import archive_of
from tests.support.hostile.tgz_bytes import USTAR, gzipped, pax, tar_member, tarred
from tests.support.hostile.zip_bytes import (
    CENTRAL,
    END,
    END_64,
    LOCAL,
    LOCATOR,
    MANIFEST,
    RECORDS,
    TEXT,
    Member,
    deflated,
    descriptor,
    record,
    zip64,
    zipped,
)

__all__ = [
    "CENTRAL",
    "END",
    "END_64",
    "LOCAL",
    "LOCATOR",
    "MANIFEST",
    "RECORDS",
    "TEXT",
    "USTAR",
    "Member",
    "archive_of",
    "deflated",
    "descriptor",
    "gzipped",
    "pax",
    "record",
    "tar_member",
    "tarred",
    "vectors",
    "zip64",
    "zipped",
]
