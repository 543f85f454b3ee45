"""What the rules about Python sources find in a model whose files are held in memory."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

from marpack.checks.frame.subject import Settings, Subject
from marpack.checks.rules import constructor, entry_call, entry_point, handler_name, imports, model, source_syntax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marpack.findings import Finding, Issue

# One that this Python can stand for.
SERVER = min((3, 11), sys.version_info[:2])

RULES = [
    rule
    for module in (handler_name, entry_point, entry_call, constructor, source_syntax, imports, model)
    for rule in module.RULES
]


class Members:
    """The files of an archive, held in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)

    @property
    def sizes(self) -> Mapping[str, int]:
        return {name: len(data) for name, data in self._files.items()}

    @property
    def problems(self) -> Sequence[Issue]:
        return ()

    @property
    def present(self) -> Sequence[str]:
        return ()

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self._files[name])


def subject_of(files: Mapping[str, bytes], *, python: tuple[int, int] = SERVER) -> Subject:
    return Subject(
        Members(files),
        path="m.mar",
        file_name="m.mar",
        form="zip",
        settings=Settings(python=python, target="torchserve"),
    )


def findings(subject: Subject) -> list[Finding]:
    return [finding for rule in RULES for finding in rule.findings(subject)]


def of_files(files: Mapping[str, str | bytes], python: tuple[int, int] = SERVER, **model: object) -> list[Finding]:
    """Return what is found in a model of these files, whose handler is handler.py unless said otherwise."""
    manifest = {"runtime": "python", "model": {"modelName": "m", "handler": "handler.py", **model}}
    members = {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}
    return findings(subject_of(members | {"MAR-INF/MANIFEST.json": json.dumps(manifest).encode()}, python=python))


def brief(found: Sequence[Finding]) -> list[str]:
    return sorted(f"{finding.severity}:{finding.code}" for finding in found)
