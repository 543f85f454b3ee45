from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile
from calendar import timegm
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import marpack
from marpack.archive.sources import BytesSource
from tests.property.strategies import contents, member_names, model_names
from tests.support.official import require_official, run_official, write_file

T = 1_600_000_000
FORMATS: list[marpack.typing.ArchiveFormat] = ["default", "zip-store", "tgz"]
MANIFEST = "MAR-INF/MANIFEST.json"


def official_archive(model_name: str, archive_format: str, files: dict[str, bytes], mode: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder)
        for name, data in files.items():
            write_file(world / "files" / name, data, mode=mode, mtime_ns=1_234_567_890_123_456_789)
        (world / "out").mkdir()
        argv = ["--model-name", model_name, "--version", "1", "--handler", "base_handler", "--export-path", "out"]
        outcome = run_official(
            [*argv, "--extra-files", "files" if files else "", "--archive-format", archive_format], world, T
        )
        assert outcome.status == 0, outcome.stderr
        [path] = (world / "out").iterdir()
        return path.read_bytes()


def rewritten(model_name: str, archive_format: marpack.typing.ArchiveFormat, archive: bytes) -> bytes:
    """Read a plan off the archive's own directory and write it again."""
    plan = read_tgz(archive) if archive_format == "tgz" else read_zip(archive)
    owner, entries, manifest = plan
    return b"".join(
        marpack.iter_archive(
            marpack.ArchivePlan(
                model_name=model_name,
                archive_format=archive_format,
                manifest_text=manifest.decode(),
                files=tuple(entries),
                timestamp=T,
                owner=owner,
            )
        )
    )


def read_zip(archive: bytes) -> tuple[marpack.Owner, list[marpack.Member], bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        *members, manifest = file.infolist()
        assert manifest.filename == MANIFEST
        entries = [
            marpack.Member(
                name=info.filename,
                source=BytesSource(data=file.read(info)),
                size=info.file_size,
                mode=info.external_attr >> 16 & 0o7777,
                mtime_ns=timegm((*info.date_time, 0, 0, 0)) * 10**9,
                compression=marpack.typing.Compression(info.compress_type),
                origin=info.filename,
            )
            for info in members
        ]
        return marpack.Owner(), entries, file.read(manifest)


def read_tgz(archive: bytes) -> tuple[marpack.Owner, list[marpack.Member], bytes]:
    entries: list[marpack.Member] = []
    owner = marpack.Owner()
    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        for info in file:
            opened = file.extractfile(info)
            assert opened is not None
            data = opened.read()
            name = info.name.partition("/")[2]
            if name == MANIFEST:
                return owner, entries, data
            owner = marpack.Owner(uid=info.uid, gid=info.gid, user=info.uname, group=info.gname)
            entries.append(
                marpack.Member(
                    name=name,
                    source=BytesSource(data=data),
                    size=len(data),
                    mode=info.mode,
                    mtime_ns=int(Decimal(info.pax_headers["mtime"]) * 10**9),
                    compression=marpack.typing.Compression.DEFLATED,
                    origin=name,
                )
            )
    raise AssertionError("no manifest")


def not_excluded(name: str) -> bool:
    """Leave out what the official tool leaves out of a folder."""
    folders = name.split("/")[:-1]
    return not any(folder.startswith(".") or folder in {"__pycache__", "__MACOSX"} for folder in folders)


@given(
    model_name=model_names,
    archive_format=st.sampled_from(FORMATS),
    files=st.dictionaries(member_names.filter(not_excluded), contents, max_size=3),
    mode=st.sampled_from([0o644, 0o600, 0o755, 0o4755]),
)
def test_official_archive_comes_back_unchanged(
    model_name: str, archive_format: marpack.typing.ArchiveFormat, files: dict[str, bytes], mode: int
) -> None:
    require_official()
    # One folder cannot hold a file and a folder of one name.
    files = {
        name: data
        for name, data in files.items()
        if not any(f"{other}/" in f"{name}/" for other in files if other != name)
    }
    archive = official_archive(model_name, archive_format, files, mode)
    assert rewritten(model_name, archive_format, archive) == archive
