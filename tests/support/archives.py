"""Archives to be read: whole ones, made by marpack, and others, made by hand."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import jsonschema

import marpack

SPEC = Path(__file__).parents[2] / "spec"
MANIFEST = "MAR-INF/MANIFEST.json"
TEXT = json.dumps({"model": {"modelName": "m", "modelVersion": "1.0"}})
T = 1_600_000_000

# A name and a value that would clear a terminal, and one that would be read backwards.
CLEAR = "\x1b[2J"
HOSTILE = f"a{CLEAR}\r\u202eb"


def check_json(text: str, schema: str) -> Any:
    """Return the JSON of a command, which its schema must know every key of."""
    document = json.loads(text)
    stated = json.loads((SPEC / f"{schema}.schema.json").read_text("ascii"))
    jsonschema.Draft202012Validator.check_schema(stated)
    jsonschema.Draft202012Validator(_closed(stated)).validate(document)
    return document


def _closed(schema: Any) -> Any:
    """Return a schema that refuses keys which it does not list: readers ignore them, marpack writes none."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(item) for key, item in schema.items()}
    if "properties" in schema and "required" in schema:
        assert set(schema["required"]) == set(schema["properties"])
        closed["additionalProperties"] = False
    return closed


def packed(folder: Path, name: str = "m", **changes: Any) -> Path:
    """Pack a small model, and return where it lies."""
    arguments: dict[str, Any] = {
        "model_name": name,
        "version": "1.0",
        "handler": {"handler.py": b"def handle(data, context): return data\n"},
        "serialized_file": {"weights.pt": b"weights"},
        "extra_files": {"labels/a.json": b"{}" * 500},
        "timestamp": T,
        "export_path": folder,
    } | changes
    return Path(marpack.pack(**arguments).path)


def zipped(path: Path, members: list[tuple[str, bytes]], *, manifest: str | None = TEXT) -> Path:
    """Write a zip with whatever names, and a manifest unless that is None."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*members, *([] if manifest is None else [(MANIFEST, manifest.encode())])]:
            info = zipfile.ZipInfo("x", (2020, 1, 1, 0, 0, 0))
            info.filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def tarred(path: Path, members: list[tuple[str, bytes]], level: int = 9) -> Path:
    """Write a gzip'd tar of a model, below a folder as the archiver does."""
    with tarfile.open(path, "w:gz", compresslevel=level) as archive:
        for name, data in [*members, (MANIFEST, TEXT.encode())]:
            info = tarfile.TarInfo(f"m/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


class Calls:
    """Unpickles as a call of ``os.system``."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("exit 7",)


def evil_pickle() -> bytes:
    """Return a pickle that runs a command when it is loaded."""
    return pickle.dumps(Calls(), protocol=4)


def finally_in_finally(depth: int) -> str:
    """Return a Python text that compiles to twice as much for each level."""
    levels = "".join(f"{' ' * level}try:0\n{' ' * level}finally:\n" for level in range(depth))
    return f"{levels}{' ' * depth}0\n"
