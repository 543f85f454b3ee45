"""The vectors of the specification: load them, act them out, describe what came of it (spec/README.md).

``python -m tests.support.vectors dump`` writes the expectations of archives and manifests anew, never from
marpack: from the official tool where a vector names it as its oracle, else from ``zipfile``,
``tarfile`` and the members that the vector lists.
"""

from __future__ import annotations

from tests.support.vectors.clauses import CITATION, CLAUSES, LETTERS, TEXTS, codes, section
from tests.support.vectors.description import describe, hexadecimal
from tests.support.vectors.expectations import built_hostile, expected
from tests.support.vectors.files import (
    DUMPED,
    FOLDERS,
    FORMATS,
    HOSTILE,
    MANIFEST,
    SPEC,
    WORKFLOW_MANIFEST,
    Json,
    Vector,
    by_name,
    each_case,
    finite,
    load,
    text_of,
    unique,
)
from tests.support.vectors.oracles import make_by_oracle, records_by_zipfile, run_archiver
from tests.support.vectors.worlds import build_world, content_of, manifest_of, pack, tool_of

__all__ = [
    "CITATION",
    "CLAUSES",
    "DUMPED",
    "FOLDERS",
    "FORMATS",
    "HOSTILE",
    "LETTERS",
    "MANIFEST",
    "SPEC",
    "TEXTS",
    "WORKFLOW_MANIFEST",
    "Json",
    "Vector",
    "build_world",
    "built_hostile",
    "by_name",
    "codes",
    "content_of",
    "describe",
    "each_case",
    "expected",
    "finite",
    "hexadecimal",
    "load",
    "make_by_oracle",
    "manifest_of",
    "pack",
    "records_by_zipfile",
    "run_archiver",
    "section",
    "text_of",
    "tool_of",
    "unique",
]
