"""The vectors of settings and snapshots, their schemas, and what marpack finds in a case of them."""

from __future__ import annotations

import base64
import json
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import marpack
from marpack import ModelSnapshot, ServerConfig
from marpack.config.settings.keys import KEYS
from tests.support import vectors
from tests.support.official import write_file
from tests.support.vectors import MANIFEST, SPEC, Json, each_case, text_of

CASES = {
    folder: [case for vector in vectors.load(folder) for case in vector.cases()]
    for folder in vectors.FOLDERS
    if folder not in vectors.DUMPED
}
SCHEMAS = {
    name: json.loads((SPEC / f"{name}.schema.json").read_text("ascii")) for name in ("snapshot", "settings")
}
SNAPSHOT_SCHEMA = jsonschema.Draft202012Validator(SCHEMAS["snapshot"])


def cases(folder: str, *keys: str) -> pytest.MarkDecorator:
    """Run a test once for each case of a folder that has, or expects, all of ``keys``."""
    chosen = [(name, case) for name, case in CASES[folder] if set(keys) <= {*case, *case.get("expected", {})}]
    assert len(chosen) > 1
    return each_case(chosen)


def bytes_of(case: Json) -> bytes:
    return base64.b64decode(case["base64"]) if "base64" in case else text_of(case["text"]).encode("latin-1")


def settings_of(case: Json) -> Json:
    return {KEYS[key].attribute: value for key, value in case["settings"].items()}


def build_store(archives: Json, store: Path) -> list[Path]:
    """Make the archives of a case: each from what its manifest says of the model, or of nothing at all."""
    paths = [store / name for name in archives]
    for path, model in zip(paths, archives.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        if model is None:
            path.write_bytes(b"not an archive")
        elif not path.suffix:
            write_file(path / MANIFEST, json.dumps({"model": model}).encode())
        else:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(MANIFEST, json.dumps({"model": model}))
    return paths


def manifests_of(case: Json) -> dict[str, marpack.Manifest]:
    return {
        name: marpack.Manifest.from_json(json.dumps({"model": model})) for name, model in case["archives"].items()
    }


def find(case: Json, folder: Path) -> tuple[marpack.Finding, ...]:
    """Return the findings of a case."""
    told = ("torchserve_version", "target", "environ", "protocol_version", "service_name")
    known: Json = {key: case[key] for key in told if key in case}
    folder.mkdir(exist_ok=True)
    try:
        if "settings" in case:
            ServerConfig(**settings_of(case))
            return ()
        if case["clauses"][0].startswith("S"):
            if "text" not in case:
                build(case, folder)
                return ()
            archives = manifests_of(case) if "archives" in case else None
            return marpack.lint_snapshot(text_of(case["text"]), archives)
        if "archives" in case:
            build_store(case["archives"], folder)
            known["model_store"] = folder
        return marpack.lint_config(bytes_of(case), **known)
    except marpack.ConfigError as error:
        return error.findings


def build(case: Json, folder: Path) -> ModelSnapshot:
    """Build a snapshot from archives."""
    return ModelSnapshot.from_archives(build_store(case["archives"], folder), **case.get("arguments", {}))


def assert_findings(case: Json, expected: list[list[Any]], folder: Path) -> None:
    width = max([len(each) for each in expected], default=3)
    found = [[finding.code, finding.key, finding.line, finding.severity][:width] for finding in find(case, folder)]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
