"""The plan of a model as a value: its times, modes and owners, its manifest, and what it prints."""

from __future__ import annotations

import dataclasses
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack import plan_archive
from tests.support.archives import T


def test_warnings_of_what_the_server_does_not_load() -> None:
    assert "'..'" in plan_archive(model_name="a..b", handler="handler.py").warnings[0]
    plan = plan_archive(model_name="m", handler="base_handler", archive_format="no-archive")
    assert "another form" in plan.warnings[0]


def test_empty_is_absent() -> None:
    plan = plan_archive(
        model_name="m",
        handler="",
        version="",
        model_file="",
        serialized_file=None,
        extra_files="",
        requirements_file=[],
    )
    assert plan.files == ()
    assert '"handler": ""' in plan.manifest_text
    assert "modelVersion" not in plan.manifest_text


def test_times_and_modes(folder: Path) -> None:
    (folder / "w.pt").chmod(0o4755)
    when = datetime(2020, 9, 13, 14, 26, 40, 999_999, tzinfo=timezone(timedelta(hours=2)))
    plan = plan_archive(
        model_name="m", handler="handler.py", serialized_file="w.pt", extra_files="labels.json", timestamp=when
    )
    assert plan.timestamp == T
    assert {entry.name: (entry.mode, entry.mtime_ns // 10**9) for entry in plan.files} == {
        "handler.py": (0o644, T),
        "labels.json": (0o644, T),
        "w.pt": (0o4755, T),
    }
    fixed = plan_archive(model_name="m", handler="base_handler", serialized_file="w.pt", reproducible=True)
    assert [(entry.mode, entry.mtime_ns) for entry in fixed.files] == [(0o644, 315532800 * 10**9)]
    assert fixed.manifest.created_on == "01/01/1980 00:00:00"
    assert fixed.owner == marpack.Owner(uid=0, gid=0, user="", group="")


def test_owners() -> None:
    bad: list[dict[str, Any]] = [{"uid": -1}, {"gid": "0"}, {"user": None}, {"group": "a\0"}, {"user": "\ud800"}]
    for arguments in bad:
        with pytest.raises(ValueError, match="are"):
            marpack.Owner(**arguments)


def test_reproducible_takes_nothing_from_the_machine(folder: Path) -> None:
    def built() -> bytes:
        plan = plan_archive(
            model_name="m",
            handler="handler.py",
            extra_files="pkg",
            reproducible=True,
            archive_format="tgz",
            timestamp=T,
        )
        return b"".join(marpack.iter_archive(plan))

    before = built()
    for path in folder.rglob("*"):
        os.utime(path, (T + 999, T + 999))
        if path.is_file():
            path.chmod(0o600)
    assert built() == before


def test_metadata_goes_under_its_own_key() -> None:
    plan = plan_archive(model_name="m", handler="base_handler", metadata={"git": "abc", "ü": [1, None]})
    assert plan.manifest.metadata == {"git": "abc", "ü": [1, None]}
    assert plan.manifest_text.isascii()


def test_plan_prints_what_it_will_pack() -> None:
    plan = plan_archive(model_name="m", handler="handler.py", serialized_file="w.pt")
    text = str(plan)
    manifest = len(plan.manifest_text)
    assert text.splitlines()[0] == f"m.mar: 3 members, {22 + manifest} bytes before compression"
    assert [line.split()[-1] for line in text.splitlines()[1:]] == ["handler.py", "w.pt", "MAR-INF/MANIFEST.json"]


def test_plan_is_a_value_that_validates_itself() -> None:
    plan = plan_archive(model_name="m", handler="handler.py", serialized_file="w.pt", timestamp=T)
    assert plan == plan_archive(model_name="m", handler="handler.py", serialized_file="w.pt", timestamp=T)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.model_name = "n"  # type: ignore[misc]
    with pytest.raises(ValueError, match="order"):
        dataclasses.replace(plan, files=plan.files[::-1])
    with pytest.raises(ValueError, match="order"):
        dataclasses.replace(plan, files=plan.files[:1] * 2)
    with pytest.raises(ValueError, match=r"'\.\.' part"):
        dataclasses.replace(plan, files=(dataclasses.replace(plan.files[0], name="../x"),))
    with pytest.raises(ValueError, match="model name"):
        dataclasses.replace(plan, model_name="")
    with pytest.raises(ValueError, match="form 'foo'"):
        dataclasses.replace(plan, archive_format="foo")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="all stored"):
        dataclasses.replace(plan, archive_format="zip-store")
    below = dataclasses.replace(plan.files[0], name="w.pt/x")
    with pytest.raises(ValueError, match="both a file and a folder"):
        dataclasses.replace(plan, files=(plan.files[1], below))
    bad: list[dict[str, Any]] = [{"size": -1}, {"size": 1 << 63}, {"mode": 0o120777}, {"compression": 12}]
    for change in bad:
        with pytest.raises(ValueError, match=r"size|mode|compression"):
            dataclasses.replace(plan.files[0], **change)
