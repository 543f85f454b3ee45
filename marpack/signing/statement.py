"""What is stated of a model: the SHA-256 of each of its files, as OpenSSF Model Signing has it. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from marpack.archive.names import name_issue
from marpack.frozen import frozen

# G1.
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
# G4: of a single file, and of nothing else.
WHOLE = "."
# So many files are no model any more, and a signature states no more (G10).
MOST_FILES = 100_000
# G6: what no version of the format's own tool signs unless it is told to.
GIT_NAMES = (".git", ".gitattributes", ".github", ".gitignore")

_SHA256 = re.compile(r"[0-9a-f]{64}")


@frozen
class Resource:
    """A file of a model: its ``name`` below the model's folder, and its SHA-256 in hexadecimal digits."""

    name: str
    sha256: str

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"a SHA-256 has 64 hexadecimal digits in lower case, not {self.sha256!r}")
        if problem := resource_name_problem(self.name):
            raise ValueError(f"{self.name!r} {problem}")


@frozen
class Statement:
    """The files of a model, and which paths in its folder are not looked at.

    ``name`` is that of the file or folder, for people: nothing is held against it. ``resources`` are in the order
    of the format (G3), ``ignored`` are paths below the folder, with all that lies in them, sorted.
    """

    name: str
    resources: tuple[Resource, ...]
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts = [each.name.split("/") for each in self.resources]
        for one, other in pairwise(parts):
            if one >= other:
                problem = "is there twice" if one == other else "is not in its place: see Statement.of"
                raise ValueError(f"{'/'.join(other)!r} {problem}")
        if len(parts) > 1 and [WHOLE] in parts:
            raise ValueError("a file as a whole stands alone")
        for path in self.ignored:
            if path == WHOLE or resource_name_problem(path):
                raise ValueError(f"{path!r} is no path below a folder that could be ignored")

    @classmethod
    def of(cls, name: str, resources: Sequence[Resource], ignored: Sequence[str] = ()) -> Statement:
        """Bring resources and paths into their order; raise ``ValueError`` for a name that is there twice."""
        ordered = tuple(sorted(resources, key=lambda each: each.name.split("/")))
        return cls(name=name, resources=ordered, ignored=tuple(sorted(set(ignored))))

    @property
    def is_of_one_file(self) -> bool:
        """Whether it is of a file as a whole, such as an archive, and not of the files in one or in a folder."""
        return len(self.resources) == 1 and self.resources[0].name == WHOLE

    @property
    def root(self) -> str:
        """The SHA-256 that stands for all of it: of the resources' own, one after another, in their order (G3)."""
        return hashlib.sha256(b"".join(bytes.fromhex(each.sha256) for each in self.resources)).hexdigest()

    def ignores(self, name: str) -> bool:
        """Tell a path that the statement says nothing of."""
        return any(name == each or name.startswith(f"{each}/") for each in self.ignored)

    def asdict(self) -> dict[str, Any]:
        """Return the in-toto Statement as JSON values."""
        serialization: dict[str, Any] = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
        if self.ignored:
            serialization["ignore_paths"] = list(self.ignored)
        return {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": self.name, "digest": {"sha256": self.root}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "serialization": serialization,
                "resources": [
                    {"name": each.name, "algorithm": "sha256", "digest": each.sha256} for each in self.resources
                ],
            },
        }

    def to_json(self) -> str:
        """Return the statement as JSON text in ASCII, the same each time (G7)."""
        return json_text(self.asdict())


def json_text(document: dict[str, Any]) -> str:
    """Return a document as JSON text in ASCII with a line feed at its end."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def resource_name_problem(name: str) -> str | None:
    """Return what is wrong with the name of a file below a model's folder, None for a plain one.

    A backslash, or a drive, is part of a name where the files lie; what leads out of the folder is not (G5).
    """
    if name == WHOLE:
        return None
    issue = name_issue(name)
    return None if issue is None or issue.code in ("name-backslash", "name-drive") else issue.message
