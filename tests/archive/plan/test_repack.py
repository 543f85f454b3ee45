"""Another archive of one that exists: what is not changed stays as it is, to the byte."""

from __future__ import annotations

import itertools
import json
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import PlanError, UnsafeArchiveError, open_archive
from marpack.archive.plan.repack import plan_repack
from tests.support.official import TIMESTAMP, require_official, run_official, write_file
from tests.support.repacked import FORMS, HANDLER, LARGE_NOISE, NOISE, SUFFIXES, TEXT, contents, packed

if TYPE_CHECKING:
    from pathlib import Path

    from marpack.archive.forms import ArchiveFormat


def tree(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize("form", FORMS)
def test_without_changes_it_is_the_same_archive(form: ArchiveFormat, tmp_path: Path) -> None:
    path = packed(tmp_path, form)
    (tmp_path / "out").mkdir()
    with open_archive(path) as archive:
        plan = plan_repack(archive)
        result = marpack.write_archive(plan, tmp_path / "out" / path.name, digest=True)
        if form != "no-archive":
            assert b"".join(marpack.iter_archive(plan)) == path.read_bytes()
    again = tmp_path / "out" / path.name
    assert (tree(again) == tree(path)) if path.is_dir() else (again.read_bytes() == path.read_bytes())
    assert result.members[0].sha256


@pytest.mark.parametrize("form", ["default", "zip-store", "tgz"])
def test_an_archive_of_the_official_tool_comes_back_unchanged(form: str, tmp_path: Path) -> None:
    require_official()
    for name, data in {"h.py": HANDLER, "w.pt": LARGE_NOISE, "x/a.txt": TEXT, "x/b/c.txt": b"c"}.items():
        write_file(tmp_path / name, data)
    options = ["--model-name", "m", "--version", "1", "--handler", "h.py", "--serialized-file", "w.pt"]
    run_official([*options, "--extra-files", "x", "--archive-format", form], tmp_path, TIMESTAMP)
    path = tmp_path / f"m{SUFFIXES.get(form, '.mar')}"
    with open_archive(path) as archive:
        assert b"".join(marpack.iter_archive(plan_repack(archive))) == path.read_bytes()


@pytest.mark.parametrize(("old", "new"), list(itertools.product(FORMS, FORMS)))
def test_every_form_becomes_every_other(old: ArchiveFormat, new: ArchiveFormat, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    path = packed(tmp_path / "old", old)
    with open_archive(path) as archive:
        plan = plan_repack(archive, archive_format=new)
        target = tmp_path / "new" / plan.file_name
        marpack.write_archive(plan, target)
    assert contents(target) == contents(path)
    # The same as if it had been packed so at once, but for times, which folders and zips hold otherwise.
    with open_archive(target) as one, open_archive(packed(tmp_path, new)) as other:
        assert [(each.name, each.size, each.compression, each.crc32) for each in one.members] == [
            (each.name, each.size, each.compression, each.crc32) for each in other.members
        ]


def test_what_is_deflated_is_not_deflated_again(tmp_path: Path) -> None:
    path = packed(tmp_path, "default", deflate="parallel")
    with open_archive(path) as archive:
        sizes = {entry.name: entry.compressed_size for entry in archive.members}
        kept = marpack.write_archive(plan_repack(archive, version="2.0"), tmp_path / "kept.mar")
        anew = marpack.write_archive(plan_repack(archive, deflate="zlib"), tmp_path / "anew.mar")
    assert {entry.name: entry.compressed_size for entry in kept.members[:-1]} == dict(list(sizes.items())[:-1])
    assert [entry.compressed_size for entry in anew.members] != list(sizes.values())
    assert contents(tmp_path / "anew.mar") == contents(path)


def test_changes(tmp_path: Path) -> None:
    path = packed(tmp_path, "default", metadata={"git": "1"})
    (tmp_path / "new.pt").write_bytes(b"new")
    with open_archive(path) as archive:
        plan = plan_repack(
            archive,
            model_name="other",
            version="2.0",
            put={"weights.pt": tmp_path / "new.pt", "more/added.json": b"{}"},
            drop=["words"],
        )
        assert plan.file_name == "other.mar"
        marpack.write_archive(plan, tmp_path / plan.file_name)
    found = contents(tmp_path / "other.mar")
    manifest = json.loads(found.pop("MAR-INF/MANIFEST.json"))
    assert found == {"weights.pt": b"new", "handler.py": HANDLER, "more/added.json": b"{}"}
    before = json.loads(contents(path)["MAR-INF/MANIFEST.json"])
    before["model"] |= {"modelName": "other", "modelVersion": "2.0"}
    assert manifest == before
    with zipfile.ZipFile(tmp_path / "other.mar") as other:
        assert other.namelist()[-1] == "MAR-INF/MANIFEST.json"
        assert len(set(other.namelist())) == len(other.namelist())


@pytest.mark.parametrize("form", FORMS)
def test_reproducible_is_as_if_packed_so(form: ArchiveFormat, tmp_path: Path) -> None:
    for name in ("old", "new", "out"):
        (tmp_path / name).mkdir()
    path = packed(tmp_path / "old", form)
    wanted = marpack.pack(
        model_name="m",
        version="1.0",
        handler={"handler.py": HANDLER},
        serialized_file={"weights.pt": NOISE},
        extra_files={"words/all.txt": TEXT, "words/few.txt": b"few\n"},
        archive_format=form,
        reproducible=True,
        export_path=tmp_path / "new",
    )
    with open_archive(path) as archive:
        plan = plan_repack(archive, reproducible=True)
        marpack.write_archive(plan, tmp_path / "out" / path.name)
    one, other = tmp_path / "out" / path.name, tmp_path / "new" / os.path.basename(wanted.path)
    assert (tree(one) == tree(other)) if one.is_dir() else (one.read_bytes() == other.read_bytes())


def test_in_its_own_place(tmp_path: Path) -> None:
    path = packed(tmp_path, "default")
    before = contents(path)
    with open_archive(path) as archive:
        marpack.write_archive(plan_repack(archive, version="9"), path, force=True)
    after = contents(path)
    assert {**after, "MAR-INF/MANIFEST.json": b""} == {**before, "MAR-INF/MANIFEST.json": b""}
    assert json.loads(after["MAR-INF/MANIFEST.json"])["model"]["modelVersion"] == "9"


def test_unknown_keys_and_the_text_itself_stay(tmp_path: Path) -> None:
    text = '{"model": {"modelName": "m", "handler": "base_handler", "mine": [1]}, "x": {"y": 1}}'
    path = tmp_path / "m.mar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", text)
    with open_archive(path) as opened:
        assert plan_repack(opened).manifest_text == text
        changed = json.loads(plan_repack(opened, version="2").manifest_text)
    assert changed == {**json.loads(text), "model": {**json.loads(text)["model"], "modelVersion": "2"}}


def test_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    with open_archive(packed(tmp_path, "default")) as archive, pytest.raises(PlanError) as error:
        plan_repack(
            archive,
            model_name="no name",
            put={"../x": b"", "gone": tmp_path / "gone"},
            drop=["weights.pt", "absent", "MAR-INF/MANIFEST.json"],
            archive_format="rar",  # type: ignore[arg-type]
        )
    assert sorted({issue.argument for issue in error.value.issues}) == [
        "archive_format",
        "drop",
        "model_name",
        "put",
    ]
    assert len(error.value.issues) == 7


def test_what_is_unsafe_is_not_carried_on(tmp_path: Path) -> None:
    path = tmp_path / "m.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo("m/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with open_archive(path) as archive, pytest.raises(UnsafeArchiveError, match="link"):
        plan_repack(archive)


def test_a_workflow(tmp_path: Path) -> None:
    plan = marpack.plan_workflow(
        workflow_name="w", spec_file={"w.yaml": b"models: {}\n"}, handler={"h.py": b"\n"}, timestamp=TIMESTAMP
    )
    path = tmp_path / plan.file_name
    marpack.write_archive(plan, path)
    with open_archive(path) as archive:
        assert b"".join(marpack.iter_archive(plan_repack(archive))) == path.read_bytes()
        renamed = plan_repack(archive, model_name="v")
        assert renamed.file_name == "v.war"
        assert json.loads(renamed.manifest_text)["workflow"]["workflowName"] == "v"
        with pytest.raises(PlanError, match="version"):
            plan_repack(archive, version="1")


def test_a_form_that_is_asked_for_decides_the_methods(tmp_path: Path) -> None:
    """Also where the archive looks as if it had that form already."""
    path = tmp_path / "m.mar"
    manifest = json.dumps({"model": {"modelName": "m", "handler": "h.py", "serializedFile": "w.pt"}})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("h.py", HANDLER, zipfile.ZIP_STORED)
        archive.writestr("w.pt", NOISE)
        archive.writestr("MAR-INF/MANIFEST.json", manifest)
    with open_archive(path) as opened:
        kept = {entry.name: entry.compression for entry in plan_repack(opened).files}
        chosen = {entry.name: entry.compression for entry in plan_repack(opened, archive_format="auto").files}
    assert kept == {"h.py": marpack.typing.Compression.STORED, "w.pt": marpack.typing.Compression.DEFLATED}
    assert chosen == {"h.py": marpack.typing.Compression.DEFLATED, "w.pt": marpack.typing.Compression.STORED}


def test_the_handler_cannot_be_dropped(tmp_path: Path) -> None:
    with open_archive(packed(tmp_path, "default")) as archive, pytest.raises(PlanError, match="calls handler"):
        plan_repack(archive, drop=["handler.py"])


@pytest.mark.parametrize("name", ["handler.py/x", "words"])
def test_a_file_and_a_folder_of_one_name(name: str, tmp_path: Path) -> None:
    with open_archive(packed(tmp_path, "default")) as archive:
        with pytest.raises(PlanError, match="one would be a folder of the other"):
            plan_repack(archive, put={name: b"x"})
        plan = plan_repack(archive, put={"words": b"x"}, drop=["words"])
    assert "words" in [entry.name for entry in plan.files]
