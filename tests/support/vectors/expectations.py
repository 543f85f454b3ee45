"""The expectations of archives and manifests, made anew by their oracles."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support import hostile
from tests.support.vectors.description import describe
from tests.support.vectors.files import DUMPED, HOSTILE, MANIFEST, SPEC, Json, layout, load
from tests.support.vectors.oracles import make_by_oracle, records_by_zipfile
from tests.support.vectors.worlds import build_world


def expected(data: Json, folder: Path) -> Json:
    """Return a vector's data with the expectation that its oracle makes now."""
    if "records" in data:
        records = [
            {**case, "expected": records_by_zipfile(case.get("member"), case.get("directory"))}
            for case in data["records"]
        ]
        return data | {"records": records}
    if data.get("oracle") is None:
        return data
    build_world(data, folder)
    path = make_by_oracle(data, folder)
    if "text" in data:
        return data | {"text": (path / MANIFEST).read_text("ascii").split("\n")}
    return data | {"expected": describe(path)}


def built_hostile() -> dict[str, Json]:
    """Return the vectors of hostile archives as they are built now, with the recorded answers of the server."""
    before = {vector.path.stem: vector.data for vector in load(HOSTILE)}
    return hostile.vectors(before.get)


def dump() -> int:
    """Write the expectations anew, and return the status of a command."""
    changed = 0
    for name, data in built_hostile().items():
        (SPEC / "vectors" / HOSTILE / f"{name}.json").write_text(layout(data) + "\n", "ascii")
    for vector in [vector for folder in DUMPED for vector in load(folder)]:
        with tempfile.TemporaryDirectory() as folder:
            text = vector.text(expected(vector.data, Path(folder) / "world"))
        if text != vector.path.read_text("ascii"):
            vector.path.write_text(text, "ascii")
            print(f"changed: {vector.name}")
            changed += 1
    print(f"{changed} vectors changed")
    return 0
