from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import marpack
from tests.property.strategies import plan_arguments


@pytest.mark.parametrize("how", ["path", "file"])
@settings(deadline=None)
@given(arguments=plan_arguments())
def test_what_is_packed_is_extracted(how: str, arguments: dict[str, Any]) -> None:
    plan = marpack.plan_archive(**arguments)
    expected = {**arguments["extra_files"], "MAR-INF/MANIFEST.json": plan.manifest_text.encode()}
    with tempfile.TemporaryDirectory() as folder:
        source: Any = marpack.write_archive(plan, Path(folder, plan.file_name)).path
        if how == "file" and plan.archive_format != "no-archive":
            source = io.BytesIO(Path(source).read_bytes())
        with marpack.open_archive(source) as archive:
            # A name and its own in another case, a drive: what is allowed to pack, and asked for to unpack.
            codes = {issue.code for issue in archive.issues}
            assert codes <= {"case-collision", "name-drive"}
            assert {name: archive.read(name) for name in expected} == expected
            if "name-drive" in codes:
                return
            target = Path(folder, "extracted")
            names = archive.extract(target, case_sensitive=True)
            assert archive.verify() == archive.issues
        assert set(names) == set(expected)
        found = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
        assert {name: path.read_bytes() for name, path in found.items()} == expected
