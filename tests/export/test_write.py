"""What an export is as a folder: whole, the same bytes always, and its parts as they were packed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from marpack.errors import ArchiveExistsError, MarpackError, TargetError
from marpack.export import packages, plan_export, write_export
from marpack.export.targets import TARGETS
from tests.conftest import full_disk
from tests.export.exports import DIGITS, SECRET, digits, files, speaks
from tests.support.archives import MANIFEST, packed
from tests.support.object_store import Page, WebServer

Capture = pytest.CaptureFixture[str]


def written(source: Path, folder: Path, to: str = "ray", **options: Any) -> dict[str, bytes]:
    write_export(plan_export(source, to=to, **{"with_marpack": False} | options), folder)
    return files(folder)


@pytest.mark.parametrize("target", TARGETS)
def test_the_models_files_are_as_they_were_packed(target: str, tmp_path: Path) -> None:
    found = written(digits(tmp_path), tmp_path / "out", target)
    with marpack.open_archive(tmp_path / "digits.mar") as archive:
        below = "model/models/digits/1.0/" if target == "sagemaker-ray" else "models/digits/1.0/"
        for member in archive.members:
            assert found[below + member.name] == archive.read(member.name)
    assert found[f"{below}digits.pt"] == (DIGITS / "digits.pt").read_bytes()
    assert f"{below}{MANIFEST}" in found


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_inputs_make_the_same_bytes(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = digits(tmp_path)
    with_marpack = target == "ray"
    first = written(path, tmp_path / "one", target, with_marpack=with_marpack)
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "digits.mar"
    moved.write_bytes(path.read_bytes())
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HOME", "/nowhere")
    os.utime(moved, (1, 1))
    plan = plan_export(Path("digits.mar"), to=target, with_marpack=with_marpack)
    write_export(plan, "two", threads=1)
    assert files(tmp_path / "elsewhere" / "two") == first


def test_what_sagemaker_takes_is_what_lies_beside_it(tmp_path: Path) -> None:
    found = written(digits(tmp_path), tmp_path / "out", "sagemaker-ray", with_marpack=True)
    with tarfile.open(tmp_path / "out" / "model.tar.gz", "r:gz") as archive:
        members = archive.getmembers()
        packed_files = {each.name: archive.extractfile(each) for each in members if each.isfile()}
        inside = {name: file.read() for name, file in packed_files.items() if file is not None}
    beside = {name.removeprefix("model/"): data for name, data in found.items() if name.startswith("model/")}
    assert inside == beside
    assert {"config.yaml", "deployment.py", "code/requirements.txt", "marpack/__init__.py"} <= inside.keys()
    assert {(each.mtime, each.uid, each.gid, each.uname) for each in members} == {(0, 0, 0, "")}
    assert {each.mode for each in members} == {0o644, 0o755}


def test_marpack_goes_with_it(tmp_path: Path) -> None:
    found = written(digits(tmp_path), tmp_path / "out", with_marpack=True)
    assert (
        found["marpack/running/worker.py"]
        == Path(marpack.__file__).with_name("running").joinpath("worker.py").read_bytes()
    )
    assert not any("__pycache__" in name for name in found)
    assert b"marpack" not in found["requirements.txt"]
    assert b"marpack==" in written(tmp_path / "digits.mar", tmp_path / "without")["requirements.txt"]
    assert any(name.startswith("marpack-licenses/LICENSE") for name in found)


def server_at(folder: Path, *, version: str = "0.12.0", license_: bool = True) -> Path:
    """Write what an installed TorchServe looks like, as far as it is copied."""
    site = folder / "site"
    for name, text in {
        "ts/__init__.py": "",
        "ts/version.txt": version,
        "ts/utils/util.py": "x = 1\n",
        "ts/frontend/model-server.jar": "java",
        "ts/stray.jsa": "put there since",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    info = site / f"torchserve-{version}.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("ts/__init__.py,,\nts/version.txt,,\nts/utils/util.py,,\nts/frontend/x.jar,,\n")
    if license_:
        (info / "LICENSE").write_text("Apache License")
    return site


def test_the_python_part_of_torchserve_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = server_at(tmp_path)
    found = packages._package(str(site / "ts"), "ts", "torchserve")
    assert [each.name for each in found] == [
        "ts-licenses/LICENSE",
        "ts/__init__.py",
        "ts/utils/util.py",
        "ts/version.txt",
    ]
    monkeypatch.setattr(packages, "server_python", lambda _: packages_python(site, (0, 12, 0)))
    exported = written(digits(tmp_path), tmp_path / "out", with_ts=True)
    assert exported["ts/utils/util.py"] == b"x = 1\n"
    assert b"torchserve" not in exported["requirements.txt"].replace(b"TorchServe", b"")
    assert b"psutil" in exported["requirements.txt"]
    monkeypatch.setattr(packages, "server_python", lambda _: packages_python(site, (0, 9, 0)))
    with pytest.raises(MarpackError, match=r"TorchServe 0.9.0 is installed there, and 0.12.0"):
        plan_export(tmp_path / "digits.mar", to="ray", with_ts=True)
    bare = server_at(tmp_path / "bare", license_=False)
    monkeypatch.setattr(packages, "server_python", lambda _: packages_python(bare, (0, 12, 0)))
    with pytest.raises(MarpackError, match="no licence"):
        plan_export(tmp_path / "digits.mar", to="ray", with_ts=True)


def test_what_others_left_in_a_clone_is_not_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this one all goes that its repository has."""
    git = ["git", "-C", str(Path(marpack.__file__).parents[1]), "ls-files", "marpack"]
    tracked = subprocess.run(git, capture_output=True, text=True).stdout.split("\n")[:-1]
    if tracked:  # else it is installed
        assert {each.name for each in packages.own_package()} >= set(tracked)
    folder = tmp_path / "marpack"
    (folder / "archive").mkdir(parents=True)
    for name in ("__init__.py", "py.typed", "archive/forms.py"):
        (folder / name).touch()
    for name in (".forms.py.swp", ".#forms.py", "forms.py~", "forms.py.orig", "notes.txt", "archive/a.mar"):
        (folder / name).touch()
    monkeypatch.setattr(marpack, "__file__", str(folder / "__init__.py"))
    assert [each.name for each in packages.own_package()] == [
        "marpack/__init__.py",
        "marpack/archive/forms.py",
        "marpack/py.typed",
    ]


def packages_python(site: Path, version: tuple[int, ...]) -> Any:
    from marpack.running.server_python import ServerPython

    return ServerPython(executable=sys.executable, package=str(site / "ts"), version=version)


def test_a_folder_that_is_there_stays(tmp_path: Path) -> None:
    plan = plan_export(digits(tmp_path), to="ray", with_marpack=False)
    out = tmp_path / "out"
    write_export(plan, out)
    before = files(out)
    with pytest.raises(ArchiveExistsError):
        write_export(plan, out)
    (out / "mine").write_text("x")
    write_export(plan, out, force=True)
    assert files(out) == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("x")
    with pytest.raises(TargetError, match=r"no export\.json, so it is nothing that could be replaced"):
        write_export(plan, other, force=True)
    assert files(other) == {"mine": b"x"}


def test_it_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = packed(tmp_path, archive_format="zip-store")
    data = bytearray(path.read_bytes())
    at = data.index(b"weights", data.index(b"weights.pt") + 10)
    data[at] ^= 1
    path.write_bytes(data)
    before = sorted(os.listdir(tmp_path))
    plan = plan_export(path, to="ray", with_marpack=False)
    with pytest.raises(marpack.ArchiveError, match="CRC"):
        write_export(plan, tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == before


def test_hostile_archives_are_refused_when_planned(tmp_path: Path) -> None:
    from tests.support.archives import zipped

    path = zipped(tmp_path / "m.mar", [("../up.py", b"")])
    with pytest.raises(marpack.UnsafeArchiveError):
        plan_export(path, to="ray")


def test_a_full_disk_leaves_nothing(tmp_path: Path, capsys: Capture) -> None:
    path = digits(tmp_path)
    before = sorted(os.listdir(tmp_path))
    with full_disk(10_000):
        assert main(["export", str(path), "--to", "ray", "-o", str(tmp_path / "out"), "--without-marpack"]) == 1
    assert sorted(os.listdir(tmp_path)) == before
    assert "cannot be made" in capsys.readouterr().err


def test_the_example_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    page = (Path(__file__).parents[2] / "docs" / "leaving-torchserve.md").read_text("utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    digits(tmp_path)
    exec(compile(example, "docs/leaving-torchserve.md", "exec"), {})
    assert "carried the handler, handler.py" in capsys.readouterr().out
    assert (tmp_path / "digits-on-ray" / "EXPORT.md").is_file()


def test_forms_of_one_archive_are_one_export(tmp_path: Path) -> None:
    speaks(tmp_path)
    with marpack.open_archive(tmp_path / "speaks.mar") as archive:
        for form, name in (("no-archive", "speaks"), ("tgz", "speaks.tar.gz")):
            marpack.write_archive(marpack.plan_repack(archive, archive_format=form), tmp_path / name)  # type: ignore[arg-type]
    first = written(tmp_path / "speaks.mar", tmp_path / "one")
    for number, name in enumerate(("speaks", "speaks.tar.gz")):
        found = written(tmp_path / name, tmp_path / f"out{number}")
        assert found.keys() == first.keys()
        different = {name for name in found if found[name] != first[name]}
        assert different == {"export.json"}  # which names the archive


def test_a_link_out_of_a_folder_is_refused(tmp_path: Path) -> None:
    speaks(tmp_path)
    with marpack.open_archive(tmp_path / "speaks.mar") as archive:
        archive.extract(tmp_path / "speaks")
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "speaks" / "link.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(marpack.UnsafeArchiveError, match=r"link\.txt' is a link that leads out"):
        plan_export(tmp_path / "speaks", to="ray")


def test_an_archive_behind_a_url(tmp_path: Path, web: WebServer) -> None:
    path = digits(tmp_path)
    first = written(path, tmp_path / "one")
    web.pages["/a/digits.mar?key=hunter2"] = Page(path.read_bytes())
    plan = plan_export(f"http://{web.host}/a/digits.mar?key=hunter2", to="ray", with_marpack=False, download=True)
    write_export(plan, tmp_path / "two")
    assert files(tmp_path / "two") == first
