from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

import marpack
from tests.property.strategies import plan_arguments


def expected_members(plan: marpack.ArchivePlan, arguments: dict[str, Any]) -> dict[str, bytes]:
    return {**arguments["extra_files"], "MAR-INF/MANIFEST.json": plan.manifest_text.encode()}


@given(arguments=plan_arguments(("default", "zip-store", "auto")))
def test_zip(arguments: dict[str, Any]) -> None:
    plan = marpack.plan_archive(**arguments)
    with zipfile.ZipFile(io.BytesIO(b"".join(marpack.iter_archive(plan)))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*(entry.name for entry in plan.files), "MAR-INF/MANIFEST.json"]
        read = {name: archive.read(name) for name in archive.namelist()}
    assert read == expected_members(plan, arguments)


@given(arguments=plan_arguments(("tgz",)))
def test_tgz(arguments: dict[str, Any]) -> None:
    plan = marpack.plan_archive(**arguments)
    with tarfile.open(fileobj=io.BytesIO(b"".join(marpack.iter_archive(plan)))) as archive:
        read = {}
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            read[member.name] = file.read()
    prefix = f"{plan.model_name}/"
    assert read == {prefix + name: data for name, data in expected_members(plan, arguments).items()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(arguments=plan_arguments(("no-archive",)))
def test_no_archive(tmp_path: Path, arguments: dict[str, Any]) -> None:
    plan = marpack.plan_archive(**arguments)
    folder = Path(marpack.write_archive(plan, tmp_path / "model", force=True).path)
    read = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert read == expected_members(plan, arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
