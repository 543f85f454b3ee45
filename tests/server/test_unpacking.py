"""TorchServe's own classes unpack from an archive what marpack extracts, to the byte, or marpack refuses it."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ArchiveError
from tests.conftest import require
from tests.support import hostile, vectors
from tests.support.java import Java, JavaError, server_classes, units
from tests.support.mutations import MUTATED, mutated
from tests.support.official import require_official, run_official
from tests.support.vectors import HOSTILE, Json, each_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.typing import ArchiveFormat

CASES = [case for vector in vectors.load(HOSTILE) for case in vector.cases() if "archive" in case[1]]
FILES = {
    "model.py": b"class Model: ...\n" * 50,
    "weights.pt": random.Random(0).randbytes(70_000),
    "empty": b"",
    "folder/sub-folder/config.json": b"{}",
    "größe/日本語.txt": "größe".encode(),
    "a name with blanks": b"x" * 100_000,
    # Stored, and above 1 MiB: in `auto` its header is filled up (Z9).
    "large.bin": bytes(1_200_000),
}
MUTATIONS = 400


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Java]:
    # Names are the locale's business in Java.
    with server_classes(tmp_path_factory, pytestconfig, {"LC_ALL": "C.UTF-8"}) as java:
        yield java


def unpack(server: Java, archive: Path, folder: Path) -> dict[str, bytes]:
    """Let the server unpack; raises ``JavaError``. Nothing may lie beside the folder."""
    folder.mkdir(parents=True)
    server.ask("unpack", units(os.fspath(archive)), units(os.fspath(folder)))
    return tree(folder)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def both(server: Java, archive: Path, folder: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    folder.mkdir(exist_ok=True)
    with marpack.open_archive(archive) as opened:
        assert opened.verify() == ()
        opened.extract(folder / "marpack")
    return tree(folder / "marpack"), unpack(server, archive, folder / "server")


# ---------------------------------------------------------------------------------------------- whole archives


@pytest.mark.parametrize("deflate", ["zlib", "parallel", "fast"])
@pytest.mark.parametrize("form", ["default", "zip-store", "auto", "tgz"])
def test_what_marpack_packs(form: ArchiveFormat, deflate: Any, server: Java, tmp_path: Path) -> None:
    plan = marpack.plan_archive(
        model_name="m", handler="base_handler", extra_files=FILES, archive_format=form, deflate=deflate
    )
    result = marpack.write_archive(plan, tmp_path / plan.file_name)
    ours, theirs = both(server, Path(result.path), tmp_path)
    assert ours == theirs == {**FILES, hostile.MANIFEST: plan.manifest_text.encode()}


@pytest.mark.parametrize("form", ["default", "zip-store", "tgz"])
def test_what_the_official_tool_packs(
    form: str, server: Java, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_official()
    monkeypatch.chdir(tmp_path)
    for name, data in FILES.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    options = ["--model-name=m", "--version=1", "--handler=base_handler", f"--archive-format={form}"]
    outcome = run_official([*options, "--extra-files=in", "--export-path=."], tmp_path, 1_700_000_000)
    assert outcome.status == 0, outcome.stderr
    [archive] = [path for path in tmp_path.iterdir() if path.is_file()]
    ours, theirs = both(server, archive, tmp_path / "out")
    assert ours == theirs
    assert {name: ours[name] for name in FILES} == FILES


@pytest.mark.parametrize("options", ["cfM", "cfM0"])
def test_what_the_jdk_packs(options: str, server: Java, tmp_path: Path) -> None:
    """Deflated, it has descriptors; and there are entries for folders."""
    require(shutil.which("jar"), "a JDK's jar")
    files = {**FILES, hostile.MANIFEST: hostile.TEXT}
    for name, data in files.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "in" / "nothing").mkdir()
    archive = tmp_path / "m.mar"
    subprocess.run(
        ["jar", options, archive, "-C", tmp_path / "in", "."], check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    data = archive.read_bytes()
    assert (data.count(b"PK\7\x08") > len(files) / 2) == (options == "cfM")
    ours, theirs = both(server, archive, tmp_path / "out")
    assert ours == theirs == files
    assert (tmp_path / "out" / "marpack" / "nothing").is_dir()


@pytest.mark.parametrize("force_zip64", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_zipfile_packs(method: int, force_zip64: bool, server: Java, tmp_path: Path) -> None:
    archive = tmp_path / "m.mar"
    files = {**FILES, hostile.MANIFEST: hostile.TEXT}
    with zipfile.ZipFile(archive, "w", method) as packed:
        for name, data in files.items():
            with packed.open(zipfile.ZipInfo(name), "w", force_zip64=force_zip64) as member:
                member.write(data)
    ours, theirs = both(server, archive, tmp_path / "out")
    assert ours == theirs == files


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_tarfile_packs(form: int, server: Java, tmp_path: Path) -> None:
    archive = tmp_path / "m.tar.gz"
    files = {**FILES, hostile.MANIFEST: hostile.TEXT, f"{'d' * 90}/{'n' * 90}": b"long"}
    with tarfile.open(archive, "w:gz", format=form, encoding="utf-8") as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(f"m/{name}")
            info.size, info.mtime = len(data), 1.5 if form == tarfile.PAX_FORMAT else 1
            info.uid, info.uname = (3_000_000 if form != tarfile.USTAR_FORMAT else 3), "größe"
            packed.addfile(info, io.BytesIO(data))
    ours, theirs = both(server, archive, tmp_path / "out")
    assert ours == theirs == files


def test_what_tar_packs(server: Java, tmp_path: Path) -> None:
    require(shutil.which("tar"), "tar")
    files = {**FILES, hostile.MANIFEST: hostile.TEXT}
    for name, data in files.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    archive = tmp_path / "m.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", tmp_path / "in", "."], check=True)
    ours, theirs = both(server, archive, tmp_path / "out")
    assert ours == theirs == files


# ---------------------------------------------------------------------------------------------- hostile archives


@each_case(CASES)
def test_the_server_does_what_the_vector_says(case: Json, server: Java, tmp_path: Path) -> None:
    """What marpack takes, the server unpacks to the same files; what it does with the rest is recorded."""
    path = tmp_path / case["file"]
    path.write_bytes(hostile.archive_of(case))
    folder = tmp_path / "server" / "out"
    theirs: dict[str, bytes] | None
    try:
        theirs = unpack(server, path, folder)
    except JavaError:
        theirs = None
    names = [name.encode("utf-8", "backslashreplace").decode() for name in theirs or ()]
    shown = "refuses" if theirs is None else sorted(names)
    beside = [found.name for found in folder.parent.iterdir() if found != folder]
    assert {"server": shown, "beside": beside} == {"server": case.get("server"), "beside": case.get("beside", [])}
    try:
        with marpack.open_archive(path) as archive:
            archive.extract(tmp_path / "ours")
    except ArchiveError:
        return
    assert tree(tmp_path / "ours") == theirs


@pytest.mark.parametrize("name", MUTATED)
def test_mutated_archives(name: str, server: Java, tmp_path: Path) -> None:
    """Whatever marpack takes of archives that have been changed at random, the server takes, and as the same."""
    path = tmp_path / name
    taken = 0
    for seed in range(MUTATIONS):
        path.write_bytes(mutated(name, random.Random(f"{name} {seed}")))
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        try:
            with marpack.open_archive(path) as archive:
                archive.extract(ours)
        except ArchiveError:
            continue
        taken += 1
        try:
            assert unpack(server, path, theirs) == tree(ours), f"seed {seed}"
        except JavaError as error:
            pytest.fail(f"seed {seed}: the server refuses it: {error}")
        finally:
            shutil.rmtree(ours)
            shutil.rmtree(theirs)
    assert MUTATIONS > taken > 0


def test_a_gzip_that_gzip_makes(server: Java, tmp_path: Path) -> None:
    path = tmp_path / "m.tar.gz"
    tar = gzip.decompress(hostile.tarred(hostile.tar_member("m/a", b"1")))
    with gzip.GzipFile(path, "wb") as file:
        file.write(tar)
    ours, theirs = both(server, path, tmp_path / "out")
    assert ours == theirs == {"a": b"1", hostile.MANIFEST: hostile.TEXT}
