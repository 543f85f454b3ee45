"""The files of weights that are checked: what each is, told once for all rules, and who names them."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from marpack.archive.inspection.block_reader import BlockReader, can_jump
from marpack.archive.inspection.kinds import Weights
from marpack.archive.inspection.pickles import Budget
from marpack.archive.inspection.weights import describe_weights
from marpack.archive.read.limits import LIMIT_CODES
from marpack.archive.read.member_reader import MemberReader
from marpack.checks.frame.contents import MemberFile
from marpack.checks.frame.subject import Subject
from marpack.checks.python.nodes import N

# What is called like weights, by the names that their makers give them.
_SUFFIXES: Final = (
    *(
        ".bin",
        ".ckpt",
        ".joblib",
        ".npy",
        ".onnx",
        ".pickle",
        ".pkl",
        ".pt",
        ".pt2",
        ".pth",
        ".safetensors",
        ".tar",
    ),
)
# More files of weights nobody packs; the rest is not looked into.
_MOST_FILES: Final = 100
# Of what is compressed, and no serialized file, so much is inflated: of one, and of a tgz in all.
_LONGEST_INFLATED: Final = 64 << 20
_MOST_INFLATED: Final = 256 << 20


@dataclass
class _Descriptions:
    """What is known of the files of a subject, and what looking at the others may cost."""

    budget: Budget = field(default_factory=Budget)
    known: dict[str, Weights] = field(default_factory=dict)


def describe(subject: Subject, name: str) -> Weights:
    """Return what a member is; raises ``ArchiveError`` for a damaged one."""
    kept = subject.once(_descriptions)
    if name not in kept.known:
        size = subject.names[name]
        with subject.contents.open(name) as file:
            contents = BlockReader(file, size, jumps=_jumps(subject, file))
            kept.known[name] = describe_weights(contents, size, budget=kept.budget)
    return kept.known[name]


def _jumps(subject: Subject, file: MemberFile) -> bool:
    return not isinstance(file, MemberReader) or can_jump(subject.form, file.member)


def _descriptions(subject: Subject) -> _Descriptions:
    return _Descriptions()


def may_be_read(subject: Subject) -> bool:
    """Tell whether an archive keeps its limits: else all of it might have to be inflated to find an end."""
    return not any(issue.code in LIMIT_CODES for issue in subject.contents.problems)


def serialized_file(subject: Subject) -> str | None:
    """Return the member that the manifest names as the serialized file."""
    name = subject.file("serializedFile")
    return name if name in subject.names else None


def weights_files(subject: Subject) -> list[str]:
    """Return the members that are, or are called like, weights: the serialized file first."""
    if not may_be_read(subject):
        return []
    first = serialized_file(subject)
    others = [name for name in subject.names if name.lower().endswith(_SUFFIXES) and name != first]
    cheap = [name for name in others[:_MOST_FILES] if _is_cheap(subject, name)]
    return [first, *cheap] if first is not None else cheap


def _is_cheap(subject: Subject, name: str) -> bool:
    """Tell whether the end of a member, where formats have their directories, is read without all before it."""
    if subject.form == "tgz":
        return sum(subject.names.values()) <= _MOST_INFLATED
    if subject.names[name] <= _LONGEST_INFLATED:
        return True
    with subject.contents.open(name) as file:
        return _jumps(subject, file)


def is_named(subject: Subject, name: str) -> bool:
    """Tell whether a source that loading the model reads has a text that names a file, or its ending."""
    base = posixpath.basename(name)
    suffix = posixpath.splitext(base)[1]
    texts = subject.once(source_texts)
    return any(base in text or (suffix and text in {suffix, f"*{suffix}"}) for text in texts)


def source_texts(subject: Subject) -> frozenset[str]:
    """Return all texts that stand in the sources that loading the model runs."""
    return frozenset(node.value for node in nodes_of(subject, ast.Constant) if isinstance(node.value, str))


def trees(subject: Subject) -> list[ast.Module]:
    """Return the sources of the modules that loading the model runs, taken apart."""
    return [space.tree for space in subject.worker.spaces]


def nodes_of(subject: Subject, kind: type[N]) -> Iterator[N]:
    """Yield all nodes of a kind in those sources."""
    return (node for space in subject.worker.spaces for node in space.nodes.of(kind))


def imported_modules(subject: Subject) -> frozenset[str]:
    """Return the top-level modules that those sources import."""
    spaces = subject.worker.spaces
    return frozenset((item.module or "").partition(".")[0] for space in spaces for item in space.imports)


def source_names(subject: Subject) -> frozenset[str]:
    """Return all names and attributes that stand in those sources, defined or used."""
    return subject.once(_source_names)


def _source_names(subject: Subject) -> frozenset[str]:
    found = {node.id for node in nodes_of(subject, ast.Name)}
    found.update(node.attr for node in nodes_of(subject, ast.Attribute))
    found.update(node.name for node in nodes_of(subject, ast.FunctionDef))
    found.update(node.name for node in nodes_of(subject, ast.ClassDef))
    for alias in nodes_of(subject, ast.alias):
        found.update((alias.name, *alias.name.split(".")))
    found.update(node.arg for node in nodes_of(subject, ast.keyword) if node.arg is not None)
    return frozenset(found)
