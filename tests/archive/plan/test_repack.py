"""Another archive of one that exists: what is not changed stays as it is, to the byte."""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import json
import os
import re
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ArchiveError, PlanError, SourceChangedError, UnsafeArchiveError, cli, open_archive
from marpack.archive.plan.repack import plan_repack
from marpack.archive.read.archive import container_of
from marpack.disk import range_copy
from tests.support.official import TIMESTAMP, require_official, run_official, write_file
from tests.support.sharing import used

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marpack.archive.forms import ArchiveFormat

FORMS: tuple[ArchiveFormat, ...] = ("default", "zip-store", "auto", "tgz", "no-archive")
SUFFIXES = {"tgz": ".tar.gz", "no-archive": ""}
HANDLER = b"def handle(data, context): return data\n"
NOISE = os.urandom(1 << 16)
LARGE_NOISE = NOISE * 33 + b"odd"
MANIFEST_TEXT = json.dumps({"model": {"modelName": "m", "handler": "base_handler", "serializedFile": "w.pt"}})
# Large enough to be written as a large member is, and to compress well.
TEXT = b"the same again, and again\n" * 100_000


def packed(folder: Path, form: ArchiveFormat, weights: bytes = NOISE, **arguments: Any) -> Path:
    result = marpack.pack(
        model_name="m",
        version="1.0",
        handler={"handler.py": HANDLER},
        serialized_file={"weights.pt": weights},
        extra_files={"words/all.txt": TEXT, "words/few.txt": b"few\n"},
        archive_format=form,
        timestamp=TIMESTAMP,
        export_path=folder,
        **arguments,
    )
    return folder / os.path.basename(result.path)


def contents(path: Path) -> dict[str, bytes]:
    with open_archive(path) as archive:
        assert archive.verify() == ()
        return {entry.name: archive.read(entry.name) for entry in archive.members}


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


def damaged(path: Path, name: str) -> None:
    """Change a byte in the middle of a member."""
    with open_archive(path) as archive, container_of(archive).region(archive[name]) as region:
        assert region
        place = region.offset + archive[name].compressed_size // 2
    data = bytearray(path.read_bytes())
    data[place] ^= 0x55
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["words/all.txt", "weights.pt"])  # deflated, stored
def test_damage_is_carried_on_with_the_crc_that_shows_it(name: str, tmp_path: Path) -> None:
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    damaged(path, name)
    new = tmp_path / "new.mar"
    with open_archive(path) as archive:
        with pytest.raises(ArchiveError):
            marpack.write_archive(plan_repack(archive, version="2", verify=True), new)
        assert not new.exists()
        marpack.write_archive(plan_repack(archive, version="2"), new)
        before = archive[name]
    with open_archive(new) as archive:
        assert archive[name].crc32 == before.crc32
        assert [issue.argument for issue in archive.verify()] == [name]


@pytest.mark.parametrize("form", ["tgz", "no-archive", "default"])
def test_damage_is_found_where_nothing_would_show_it_any_more(form: ArchiveFormat, tmp_path: Path) -> None:
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    damaged(path, "weights.pt")
    with open_archive(path) as archive:
        plan = plan_repack(archive, version="2", archive_format=form)
        with pytest.raises(ArchiveError) as caught:
            marpack.write_archive(plan, tmp_path / f"new{SUFFIXES.get(form, '.mar')}")
    assert caught.value.code == "crc"
    assert os.listdir(tmp_path) == [path.name]


# ---------------------------------------------------------------------------- what it is made from is written to


def overwritten(path: Path) -> None:
    """Have the same bytes written once more, later by the clock by which disks say when."""
    before = path.stat().st_mtime_ns
    while path.stat().st_mtime_ns == before:
        path.write_bytes(path.read_bytes())


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("member", ["weights.pt", "words/all.txt"])  # stored, deflated
@pytest.mark.parametrize("change", [overwritten, cut_off])
def test_an_archive_that_is_written_to_is_not_carried_on(
    change: Callable[[Path], None], member: str, tmp_path: Path
) -> None:
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    with open_archive(path) as archive:
        put = {each.name: b"" for each in archive.members[:-1] if each.name != member}
        plan = plan_repack(archive, version="2", put=put)
        change(path)
        with pytest.raises(SourceChangedError, match=re.escape(str(path))):
            marpack.write_archive(plan, tmp_path / "new.mar")
    assert os.listdir(tmp_path) == [path.name]


def test_an_archive_that_is_replaced_is_carried_on_as_it_was(tmp_path: Path) -> None:
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    before = contents(path)
    with open_archive(path) as archive:
        plan = plan_repack(archive)
        other = packed(tmp_path, "zip-store", weights=b"other", force=True)
        assert other == path
        marpack.write_archive(plan, tmp_path / "new.mar")
    assert contents(tmp_path / "new.mar") == before


def test_an_archive_that_is_closed(tmp_path: Path) -> None:
    """Its descriptor may be another file's by then."""
    with open_archive(packed(tmp_path, "auto", weights=LARGE_NOISE)) as archive:
        plan = plan_repack(archive, version="2", put={"handler.py": b""}, drop=["words"])
    with pytest.raises(ValueError, match="closed"):
        marpack.write_archive(plan, tmp_path / "new.mar")


# ------------------------------------------------------------------------------------- what is stored, and where


def place_of(path: Path, name: str) -> int:
    with open_archive(path) as archive, container_of(archive).region(archive[name]) as region:
        assert region
        return region.offset


@pytest.mark.parametrize("source", ["path", "file", "memory"])
def test_stored_members_begin_at_a_block_from_then_on(source: str, tmp_path: Path) -> None:
    """An archive of ``auto`` that is of before, or of another tool."""
    path = tmp_path / "m.mar"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("w.pt", LARGE_NOISE)
        made.writestr("MAR-INF/MANIFEST.json", MANIFEST_TEXT, zipfile.ZIP_DEFLATED)
    with path.open("rb") as file:
        sources: dict[str, Any] = {"path": path, "file": file, "memory": io.BytesIO(path.read_bytes())}
        marpack.write_archive(plan_repack(sources[source]), tmp_path / "new.mar", threads=2)
    assert place_of(path, "w.pt") % 4096
    assert place_of(tmp_path / "new.mar", "w.pt") % 4096 == 0
    assert contents(tmp_path / "new.mar") == contents(path)


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="a system whose kernel copies nothing")
@pytest.mark.parametrize("most", [0, 300_001])
def test_the_kernel_copies_as_far_as_it_can(most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system may copy less than is asked for, nothing, or not at all."""
    path = packed(tmp_path, "auto", weights=LARGE_NOISE)
    copy = os.copy_file_range
    copied: list[int] = []

    def copy_file_range(source: int, target: int, count: int, *offsets: int) -> int:
        if len(copied) == 2:
            raise OSError(errno.EXDEV, "not between these")
        copied.append(copy(source, target, min(count, most), *offsets) if most else 0)
        return copied[-1]

    monkeypatch.setattr(os, "copy_file_range", copy_file_range)
    monkeypatch.setattr(range_copy, "clone_range", lambda *_: 0)
    marpack.write_archive(plan_repack(path), tmp_path / "new.mar")
    assert sum(copied) == 2 * most
    assert (tmp_path / "new.mar").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("verify", [False, True])
def test_blocks_are_shared(verify: bool, sharing_folder: Path) -> None:
    weights = NOISE * 100 + b"odd"
    path = packed(sharing_folder, "auto", weights=weights)
    before = used(sharing_folder)
    with open_archive(path) as archive:
        plan = plan_repack(archive, version="2", drop=["words/few.txt"], verify=verify)
        result = marpack.write_archive(plan, sharing_folder / "new.mar", digest=True)
    assert used(sharing_folder) - before < 1 << 20
    data = (sharing_folder / "new.mar").read_bytes()
    assert data == b"".join(marpack.iter_archive(plan_repack(sharing_folder / "new.mar")))
    assert result.sha256 == hashlib.sha256(data).hexdigest()
    sums = {member.name: member.sha256 for member in result.members}
    assert sums["weights.pt"] == hashlib.sha256(weights).hexdigest()
    assert contents(sharing_folder / "new.mar")["weights.pt"] == weights


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


# ------------------------------------------------------------------------------------------ command line


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = packed(tmp_path, "default")
    (tmp_path / "new.pt").write_bytes(b"new")
    words = ["repack", str(path), "--model-name", "n", "-v", "2", "--put", f"weights.pt={tmp_path}/new.pt"]
    assert cli.main([*words, "--drop", "words", "--archive-format", "tgz", "--json", "--check", "off"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["path"] == str(tmp_path / "n.tar.gz")
    assert set(contents(tmp_path / "n.tar.gz")) == {"weights.pt", "handler.py", "MAR-INF/MANIFEST.json"}


def test_the_command_replaces_the_archive_when_it_is_forced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = packed(tmp_path, "default")
    before = path.read_bytes()
    assert cli.main(["repack", str(path), "-v", "2", "--check", "off"]) == 1
    assert "already exists" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert cli.main(["repack", str(path), "-v", "2", "--force", "--check", "off"]) == 0
    assert json.loads(contents(path)["MAR-INF/MANIFEST.json"])["model"]["modelVersion"] == "2"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["gone.mar"], "gone.mar"),
        (["m.mar", "--drop", "absent"], "--drop: 'absent' is not in the archive"),
        (["m.mar", "--model-name", "a b"], "--model-name: the model name 'a b' is not allowed"),
        (["m.mar", "--put", "a=gone"], "--put: "),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    packed(tmp_path, "default")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["repack", *words, "-o", "new.mar", "--check", "off"]) == 1
    assert says in capsys.readouterr().err
    assert not (tmp_path / "new.mar").exists()


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


def test_the_command_takes_each_name_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = packed(tmp_path, "default")
    words = ["repack", str(path), "--put", f"n={path}", "--put", f"n={path}", "-o", str(tmp_path / "new.mar")]
    assert cli.main(words) == 2
    assert "'n' is given twice" in capsys.readouterr().err


def test_nothing_of_an_archive_reaches_the_terminal_raw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.mar"
    manifest = json.dumps({"model": {"modelName": "m", "handler": "\x1b[31mh\x1b[2J.py"}})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", manifest)
    assert cli.main(["repack", str(path), "-v", "2", "--check", "error", "--force"]) == 1
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "handler" in shown.err


@pytest.mark.parametrize("name", ["handler.py/x", "words"])
def test_a_file_and_a_folder_of_one_name(name: str, tmp_path: Path) -> None:
    with open_archive(packed(tmp_path, "default")) as archive:
        with pytest.raises(PlanError, match="one would be a folder of the other"):
            plan_repack(archive, put={name: b"x"})
        plan = plan_repack(archive, put={"words": b"x"}, drop=["words"])
    assert "words" in [entry.name for entry in plan.files]


def test_a_tar_is_read_once_by_all_threads(tmp_path: Path) -> None:
    """Each thread that deflates ahead would begin the tar anew."""
    files = {f"{number}.txt": TEXT for number in range(6)}
    plan = marpack.plan_archive(model_name="m", handler={"h.py": HANDLER}, extra_files=files, archive_format="tgz")
    marpack.write_archive(plan, tmp_path / plan.file_name)

    class Counting:
        def __init__(self, data: bytes) -> None:
            self._file = io.BytesIO(data)
            self.count = 0

        def read(self, size: int, /) -> bytes:
            self.count += 1
            return self._file.read(size)

        def seek(self, offset: int, whence: int = 0, /) -> int:
            return self._file.seek(offset, whence)

        def tell(self) -> int:
            return self._file.tell()

    source = Counting((tmp_path / plan.file_name).read_bytes())
    with open_archive(source) as archive:
        indexing = source.count
        marpack.write_archive(plan_repack(archive, archive_format="default"), tmp_path / "m.mar", threads=4)
    assert source.count - indexing < 2 * indexing + 10
    assert contents(tmp_path / "m.mar").keys() == files.keys() | {"h.py", "MAR-INF/MANIFEST.json"}
