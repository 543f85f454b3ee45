"""Pointers of Git LFS: what is one, and what each reader of archives says of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import marpack
from marpack.archive.git_lfs import begins_pointer, pointed_size
from tests.checks.cases.case import HANDLER, Archive
from tests.support.checking import codes, found

OID = b"oid sha256:" + b"7f" * 32 + b"\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\n" + OID + b"size 247105259\n"


@pytest.mark.parametrize(
    "data",
    [
        POINTER,
        POINTER.rstrip(),
        POINTER.replace(b"\n", b"\r\n"),
        POINTER.replace(b"git-lfs", b"hawser"),
        POINTER.replace(b"oid", b"ext-0-foo sha256:" + b"a" * 64 + b"\noid", 1),
    ],
)
def test_a_pointer_is_one(data: bytes) -> None:
    assert begins_pointer(data[:64])
    assert pointed_size(data) == 247105259


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"version 1\n",
        b"version https://git-lfs.github.com/spec/v1",
        b"# version https://git-lfs.github.com/spec/v1\n" + OID + b"size 1\n",
        b" " + POINTER,
        b"version https://git-lfs.github.com/spec/v1\nis the first line of a pointer\n",
        POINTER + b"and more\n",
        POINTER.replace(OID, b""),
        POINTER.replace(OID, b"oid sha256:7\n"),
        POINTER.replace(b"247105259", b"-1"),
        POINTER + b"\n" * 1024,
        b"version https://git-lfs.github.com/spec/v1\n" + b"ext-0-a b\n" * 200 + OID,
    ],
)
def test_what_only_speaks_of_one_is_none(data: bytes) -> None:
    assert pointed_size(data) is None


@pytest.mark.parametrize("name", ["m.mar", "m.tar.gz", "m.war", "m"])
def test_an_archive_that_is_one_is_called_so(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(POINTER)
    with pytest.raises(marpack.ArchiveError, match=r"pointer of Git LFS.*247,105,259.*git lfs pull") as raised:
        marpack.open_archive(path)
    assert raised.value.code == "git-lfs"
    [finding] = marpack.check(path)
    assert (finding.code, finding.severity) == ("container-structure", "error")
    assert "git lfs pull" in finding.fix
    assert "again" not in finding.fix
    with pytest.raises(marpack.ArchiveError, match="pointer of Git LFS"):
        marpack.open_archive(io.BytesIO(POINTER))


def test_any_member_that_is_one_is_found(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"handler.py": HANDLER, "a/words.json": POINTER, "net.onnx": POINTER}
    for form in ("zip", "tgz", "folder"):
        archive = Archive(files=files, form="zip" if form == "zip" else "tgz" if form == "tgz" else "folder")
        path = tmp_path / archive.file_name("m")
        for name, data in archive.members("m").items() if form == "folder" else ():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
        if form != "folder":
            path.write_bytes(archive.data("m"))
        said = {each.member: each.severity for each in marpack.check(path) if each.code == "git-lfs-pointer"}
        assert said == {"a/words.json": "warning", "net.onnx": "warning"}, form


def test_inputs_that_are_pointers_are_found_before_they_are_packed(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(POINTER)
    (tmp_path / "words.txt").write_bytes(POINTER)
    options = {"model_name": "m", "handler": {"handler.py": HANDLER.encode()}, "export_path": tmp_path}
    plan = marpack.plan_archive(model_name="m", handler="image_classifier", serialized_file=tmp_path / "net.pt")
    assert codes(plan)["git-lfs-pointer"] == "error"
    result = marpack.pack(**options, extra_files=str(tmp_path / "words.txt"), check="warn")  # type: ignore[arg-type]
    assert [each.code for each in result.findings] == ["git-lfs-pointer"]
    with pytest.raises(marpack.CheckError, match="git lfs pull"):
        marpack.pack(
            model_name="n",
            handler="image_classifier",
            serialized_file=tmp_path / "net.pt",
            export_path=tmp_path,
            check="error",
        )


def test_what_a_handler_surely_loads_is_an_error_and_what_only_looks_like_a_pointer_nothing() -> None:
    text = "import torch\nclass Handler:\n    def initialize(self, context):\n"
    text += "        self.net = torch.load('net.pt')\n"
    text += "    def handle(self, data, context):\n        return [1] * len(data)\n"
    archive = Archive(files={"handler.py": text, "net.pt": POINTER})
    assert [(each.code, each.severity) for each in found(archive)] == [("git-lfs-pointer", "error")]
    files: dict[str, str | bytes] = {"handler.py": HANDLER, "about.txt": POINTER + b"is a pointer of Git LFS\n"}
    assert found(Archive(files=files)) == ()
