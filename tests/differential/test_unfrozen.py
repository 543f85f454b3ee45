"""The real commands, unpatched, each in a process of its own: equal but for order and the time of packing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

import marpack
from tests.conftest import require
from tests.support.official import FORMATS, write_file

ARGV = [
    "--model-name=m",
    "-v1.0",
    "--model-file=src/model.py",
    "--serialized-file=w.pt",
    "--handler=src/h:entry",
    "--extra-files=folder,*.json,src/*.txt",
    "-rreq",
    "-cconf.yaml",
    "--export-path=out",
    "--archive-format",
]
MANIFEST = "MAR-INF/MANIFEST.json"
#: Their members are dated by the time of packing.
ROLES = {"model.py", "w.pt", "h.py", "req", "conf.yaml", MANIFEST}


def build(world: Path) -> None:
    (world / "out").mkdir(parents=True)
    names = [
        "src/model.py",
        "w.pt",
        "src/h.py",
        "req",
        "conf.yaml",
        "a.json",
        "ü.json",
        "src/note.txt",
        "folder/x",
    ]
    folders = ["sub", ".git", "__pycache__", "__MACOSX", "b"]
    names += [f"folder/{folder}/{name}" for folder in folders for name in ("1", ".2", "deep/3")]
    for number, name in enumerate(names):
        content = name.encode() * 1000 * (number % 3)
        mode = [0o644, 0o600, 0o755][number % 3]
        write_file(world / name, content, mode=mode, mtime_ns=1_234_567_890_123_456_789)


def run(command: list[str], world: Path) -> None:
    (world / "tmp").mkdir()
    root = str(Path(marpack.__file__).parents[1])
    environment = os.environ | {"TMPDIR": str(world / "tmp"), "TZ": "UTC", "PYTHONPATH": root}
    environment.pop("SOURCE_DATE_EPOCH", None)
    done = subprocess.run(command, cwd=world, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def zip_values(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[-1] == MANIFEST
        values = []
        for info in archive.infolist():
            slots = {name: getattr(info, name, None) for name in zipfile.ZipInfo.__slots__ if name[0] != "_"}
            content = archive.read(info)
            # These follow from the order.
            slots.pop("header_offset")
            slots.pop("orig_filename")
            if info.filename in ROLES:
                slots.pop("date_time")
                assert info.date_time > (2020,)  # the time of packing, not the input's
            if info.filename == MANIFEST:
                content = without_time(content)
                slots.pop("CRC")
                slots.pop("compress_size")
            values.append(slots | {"content": content})
        assert archive.comment == b""
    return sorted(values, key=lambda value: str(value["filename"]))


def tar_values(path: Path) -> list[dict[str, Any]]:
    values = []
    with tarfile.open(path) as archive:
        assert archive.getnames()[-1] == f"m/{MANIFEST}"
        for info in archive:
            name = info.name.removeprefix("m/")
            fields: dict[str, Any] = {**info.get_info(), "pax": dict(info.pax_headers)}
            fields.pop("chksum")
            file = archive.extractfile(info)
            assert file is not None
            content = file.read()
            if name == MANIFEST:
                content = without_time(content)
            elif name in ROLES:
                fields.pop("mtime")
                fields["pax"].pop("mtime", None)
            values.append(fields | {"content": content})
    head = path.read_bytes()
    fixed = {"name": "gzip header", "head": head[:4] + head[8 : head.index(b"\0", 10)]}
    return [fixed, *sorted(values, key=lambda value: str(value["name"]))]


def folder_values(path: Path) -> list[dict[str, Any]]:
    values = []
    for file in sorted(path.rglob("*")):
        content = file.read_bytes() if file.is_file() else b""
        if file.name == "MANIFEST.json":
            content = without_time(content)
        values.append({"name": file.relative_to(path), "mode": file.stat().st_mode, "content": content})
    return values


def without_time(manifest: bytes) -> bytes:
    lines = manifest.splitlines(keepends=True)
    assert b"createdOn" in lines[1]
    assert json.loads(manifest)["createdOn"]
    return b"".join(lines[:1] + lines[2:])


READ = {"default": zip_values, "zip-store": zip_values, "tgz": tar_values, "no-archive": folder_values}


@pytest.mark.parametrize("archive_format", FORMATS)
def test_equivalent(tmp_path: Path, archive_format: str) -> None:
    archiver = Path(sys.executable).with_name("torch-model-archiver")
    require(archiver.exists(), "torch-model-archiver")
    found = {}
    commands = {
        "official": [str(archiver)],
        "marpack": [sys.executable, "-m", "marpack", "pack", "--check", "off"],
    }
    for tool, command in commands.items():
        build(tmp_path / tool)
        run([*command, *ARGV, archive_format], tmp_path / tool)
        found[tool] = READ[archive_format](tmp_path / tool / "out" / f"m{FORMATS[archive_format]}")
    assert len(found["official"]) >= 14
    for theirs, ours in zip(found["official"], found["marpack"], strict=True):
        assert ours == theirs
