"""A bill of what is in an archive, in CycloneDX 1.6: its files, its weights, and what it asks for.

Only what its bytes say is stated (G16): which packages will be installed, which data a model has seen, and under
which licence it is, they do not say.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from marpack import __version__
from marpack.archive.inspection.inspect import InspectedMember, Inspection, inspect_archive
from marpack.archive.read.archive import Archive
from marpack.archive.read.open import ArchiveSource, file_name_of, opened
from marpack.archive.result import Progress
from marpack.checks.python.requirement_lines import LONGEST_FILE, RequirementLine, requirement_lines
from marpack.display import hidden
from marpack.errors import ArchiveError
from marpack.signing.statement import json_text

_ROOT = "model"
# One version, as it is written; a "*" stands for several.
_EXACT = re.compile(r"\s*==(?!=)\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)\s*,?\s*")


def bill_of_materials(archive: ArchiveSource, *, progress: Progress | None = None) -> str:
    """Return the bill of an archive as JSON text, the same each time for the same bytes and marpack.

    ``archive`` is open, or a path, a URL or an open binary file, as ``open_archive`` takes them; all of it is
    read, and nothing of it is imported or unpickled. Raises ``UnsafeArchiveError``, ``LimitError`` and
    ``ArchiveError`` for an archive that others would read otherwise, or that is damaged.
    """
    with opened(archive) as source:
        source.refuse(case_sensitive=True)
        inspection = inspect_archive(source, digest=True, progress=progress)
        for issue in inspection.issues:
            raise ArchiveError(source.path, issue.message, code=issue.code, member=issue.argument or None)
        lines = _requirements(source, inspection)
        name = file_name_of(source)
    return json_text(_document(name, inspection, lines))


def _requirements(archive: Archive, inspection: Inspection) -> list[RequirementLine]:
    name = inspection.references.get("requirementsFile")
    return [] if name is None or name not in archive else requirement_lines(archive.read(name, limit=LONGEST_FILE))


def _document(name: str, inspection: Inspection, lines: list[RequirementLine]) -> dict[str, Any]:
    files = [_file(member, inspection) for member in inspection.members]
    libraries = list(_libraries(lines))
    parts = [*files, *libraries]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "marpack", "version": __version__}]},
            "component": _model(name, inspection, lines),
        },
        "components": parts,
        "dependencies": [
            {"ref": _ROOT, "dependsOn": sorted(part["bom-ref"] for part in parts)},
            *({"ref": part["bom-ref"]} for part in parts),
        ],
        # What the requirements bring along is known when they are installed.
        "compositions": [{"aggregate": "incomplete", "dependencies": [_ROOT]}],
    }
    # Of the document's own bytes: another document has another.
    digest = hashlib.sha256(json.dumps(document).encode()).digest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{_uuid(digest)}",
        **document,
    }


def _uuid(digest: bytes) -> uuid.UUID:
    """Return a UUID of bytes that are given (RFC 9562, version 8)."""
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF000 << 64) | 0x8000 << 64
    return uuid.UUID(int=number & ~(0xC000 << 48) | 0x8000 << 48)


def _model(name: str, inspection: Inspection, lines: list[RequirementLine]) -> dict[str, Any]:
    values = inspection.manifest or {}
    told = values.get("model" if inspection.kind == "model" else "workflow")
    told = told if isinstance(told, Mapping) else {}
    kind = "machine-learning-model" if inspection.kind == "model" else "application"
    component: dict[str, Any] = {
        "type": kind,
        "bom-ref": _ROOT,
        "name": _text(told.get("modelName" if inspection.kind == "model" else "workflowName")) or name or _ROOT,
    }
    if version := _text(told.get("modelVersion")):
        component["version"] = version
    if inspection.sha256 is not None:
        component["hashes"] = _hashes(inspection.sha256)
    properties = [_property("form", inspection.form), _property("size", inspection.size)]
    properties += [
        _property(key, text)
        for key in ("handler", "serializedFile", "modelFile")
        if (text := _text(told.get(key)))
    ]
    if runtime := _text(values.get("runtime")):
        properties.append(_property("runtime", runtime))
    properties += [_property("requirements-line", hidden(line.text)) for line in lines if line.name is None]
    component["properties"] = properties
    return component


def _file(member: InspectedMember, inspection: Inspection) -> dict[str, Any]:
    name = member.archived.name
    roles = [key for key, each in inspection.references.items() if each == name]
    properties = [_property("size", member.archived.size), *(_property("role", role) for role in roles)]
    if (weights := member.weights) is not None:
        properties += [_property("weights", weights.kind), _property("weights-detail", weights.detail)]
        if weights.torch_versions is not None:
            properties.append(_property("torch", weights.torch_versions))
        properties += [_property("pickle-import", each) for each in sorted(set(weights.globals))]
        if not weights.globals_complete:
            properties.append(_property("pickle-imports-complete", "false"))
    found: dict[str, Any] = {"type": "file", "bom-ref": f"file:{name}", "name": name, "properties": properties}
    if member.sha256 is not None:
        found["hashes"] = _hashes(member.sha256)
    return found


def _libraries(lines: list[RequirementLine]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.name is None:
            continue
        found: dict[str, Any] = {
            "type": "library",
            "bom-ref": f"requirement:{line.number}:{line.name}",
            "name": line.name,
        }
        exact = _EXACT.fullmatch(line.clauses)
        if exact is not None and line.readable:
            found["version"] = exact[1]
            found["purl"] = f"pkg:pypi/{line.name}@{quote(exact[1], safe='')}"
        found["properties"] = [_property("requirement", hidden(line.text))]
        yield found


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]


def _property(name: str, value: object) -> dict[str, str]:
    return {"name": f"marpack:{name}", "value": str(value)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
