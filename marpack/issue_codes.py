"""The codes of what is wrong with an archive, or with what one is to be made of (spec/archive.md). Pure.

An ``Issue`` is also made from a rule's finding, whose codes are many more: its ``code`` is any ``str``. What makes
issues in ``archive`` takes these; those that ``Issue`` and errors are given directly, tests/spec compares.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

# fmt: off
# A12: of a plan's inputs.
PlanCode: TypeAlias = Literal[
    "bad-member-name", "bad-metadata", "bad-model-name", "bad-timestamp", "bad-type", "bad-value",
    "bad-workflow-name", "collision", "export-path", "missing-file", "not-a-file", "unreadable",
]
# spec/scan.schema.json: of an archive among many, beside the next ones.
ScanCode: TypeAlias = Literal["failed", "unreadable", "worker-lost"]
# G14: of a signature.
SignatureCode: TypeAlias = Literal["signature-file", "signature-key", "signature-mismatch"]
# R11: of an archive that is read.
ReadCode: TypeAlias = Literal[
    "bad-manifest", "case-collision", "crc", "deflate", "device", "digest", "duplicate", "encrypted",
    "file-and-folder", "folder-or-file", "git-lfs", "gzip", "gzip-members", "gzip-trailing", "gzip-truncated",
    "link", "manifest-too-large", "missing-file", "name-absolute", "name-backslash", "name-dot", "name-drive",
    "name-empty", "name-encoding", "name-long", "name-nul", "name-traversal", "no-manifest", "no-member",
    "not-a-file", "size-lies", "tar", "tar-header", "tar-trailing", "tar-truncated", "tar-type", "too-large",
    "too-many-members", "wrong-form", "zip-descriptor", "zip-directory", "zip-disks", "zip-end", "zip-extra",
    "zip-gap", "zip-local-header", "zip-local-name", "zip-method", "zip-name-flag", "zip-no-end",
    "zip-no-header", "zip-other-name", "zip-overlap", "zip-prepended", "zip-stored-descriptor", "zip-trailing",
    "zip-truncated", "zip-two-ends",
]
# fmt: on
