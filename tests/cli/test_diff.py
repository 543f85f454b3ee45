"""What ``marpack diff`` and ``marpack.diff_archives`` tell, and how the command ends."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from tests.support import official
from tests.support.archives import CLEAR, HOSTILE, MANIFEST, T, check_json, packed, tarred, zipped

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return tmp_path


def diff(old: Path | str, new: Path | str, capsys: Capture, *words: str) -> Any:
    """Compare for programs and for people, who are told as many things."""
    capsys.readouterr()
    status = main(["diff", str(old), str(new), "--json", *words])
    out, err = capsys.readouterr()
    assert err == ""
    told = check_json(out, "diff")
    listed = told["manifest"] + told["members"] + told["packing"]
    assert (status, told["different"]) == ((1, True) if listed else (0, False))
    assert main(["diff", str(old), str(new), *words]) == status
    assert len(capsys.readouterr().out.splitlines()) == len(listed) + 1
    return told


@pytest.mark.parametrize("numbers", [("2.1", "2.10"), ("1e3", "1000.0"), ("1.0", "1")])
def test_numbers_that_are_equal_and_two_versions_to_the_server(
    numbers: tuple[str, str], folder: Path, capsys: Capture
) -> None:
    """Gson takes a number for the text that it is spelled as."""
    for name, number in zip("ab", numbers, strict=True):
        manifest = f'{{"model": {{"modelName": "m", "modelVersion": {number}}}}}'
        zipped(folder / f"{name}.mar", [("handler.py", b"")], manifest=manifest)
    assert main(["diff", "a.mar", "b.mar"]) == 1
    assert f"model.modelVersion: {numbers[0]} -> {numbers[1]}" in " ".join(capsys.readouterr().out.split())
    assert main(["inspect", "b.mar"]) == 0
    assert f"model.modelVersion {numbers[1]}" in " ".join(capsys.readouterr().out.split())


FORMS = ["default", "zip-store", "tgz", "no-archive"]


@pytest.mark.parametrize("old", FORMS)
@pytest.mark.parametrize("new", FORMS)
def test_every_form_with_every_other(old: Any, new: Any, folder: Path, capsys: Capture) -> None:
    one = packed(folder / "a", archive_format=old)
    same = packed(folder / "b", archive_format=new)
    assert not diff(one, same, capsys)["different"]
    assert not diff(one, same, capsys, "--contents")["different"]
    other = packed(
        folder / "b",
        version="2.0",
        serialized_file={"weights.pt": b"WEIGHTS"},
        extra_files={"new.json": b"{}"},
        metadata={"git": "4f2"},
        archive_format=new,
        force=True,
    )
    told = diff(one, other, capsys)
    assert told["manifest"] == [
        {"change": "changed", "key": ["model", "modelVersion"], "old": "1.0", "new": "2.0"},
        {"change": "added", "key": ["metadata"], "old": None, "new": {"git": "4f2"}},
    ]
    assert told["members"] == [
        {"change": "removed", "name": "labels/a.json", "old_size": 1000, "new_size": None},
        {"change": "added", "name": "new.json", "old_size": None, "new_size": 2},
        {"change": "changed", "name": "weights.pt", "old_size": 7, "new_size": 7},
    ]
    back = diff(other, one, capsys)
    assert [change["change"] for change in back["members"]] == ["added", "removed", "changed"]
    assert {change["change"] for change in back["manifest"]} == {"changed", "removed"}


def test_what_a_person_reads(folder: Path, capsys: Capture) -> None:
    packed(folder / "a", metadata={"git": {"commit": "1", "clean": True}})
    packed(
        folder / "b",
        metadata={"git": {"commit": "2"}, "n": None},
        serialized_file={"weights.pt": b"more weights"},
        handler={"handler.py": b"def handle(data, context): return None\n"},
        extra_files={"b.json": b"1"},
        timestamp=T + 60,
    )
    assert main(["diff", "a/m.mar", "b/m.mar"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        'manifest  createdOn: "13/09/2020 12:26:40" -> "13/09/2020 12:27:40"',
        'manifest  metadata.git.commit: "1" -> "2"',
        "manifest  metadata.git.clean: removed, true",
        "manifest  metadata.n: added, null",
        "added     b.json (1 byte)",
        "changed   handler.py (39 bytes as before)",
        "removed   labels/a.json (1,000 bytes)",
        "changed   weights.pt (7 -> 12 bytes)",
        "a/m.mar -> b/m.mar: 8 differences",
    ]
    assert err == ""
    assert main(["diff", "a/m.mar", "a/m.mar"]) == 0
    assert capsys.readouterr().out == "a/m.mar -> a/m.mar: no differences\n"


def test_with_an_official_archive(folder: Path, capsys: Capture) -> None:
    official.require_official()
    world = folder / "world"
    official.write_file(world / "h.py", b"x = 1\n")
    official.write_file(world / "w.pt", os.urandom(3000))
    words = ["--model-name", "m", "--version", "1", "--handler", "h.py", "--serialized-file", "w.pt"]
    outcome = official.run_official(words, world, timestamp=T)
    assert outcome.status == 0
    for form in FORMS:
        ours = marpack.pack(
            model_name="m",
            version="1",
            handler=world / "h.py",
            serialized_file=world / "w.pt",
            archive_format=form,  # type: ignore[arg-type]
            timestamp=T,
            export_path=folder,
            force=True,
        )
        assert not diff(outcome.world / "m.mar", ours.path, capsys)["different"]
        assert not diff(outcome.world / "m.mar", ours.path, capsys, "--contents")["different"]


def test_packing_only_when_asked_for(folder: Path, capsys: Capture) -> None:
    values = json.dumps({"model": {"modelName": "m"}})
    with zipfile.ZipFile("a.mar", "w") as archive:
        for name, data in (("x", b"1"), ("y", b"2" * 50), (MANIFEST, values.encode())):
            archive.writestr(zipfile.ZipInfo(name), data)
    with zipfile.ZipFile("b.mar", "w") as archive:
        archive.writestr(zipfile.ZipInfo("d/"), b"")
        for name, data in (("y", b"2" * 50), ("x", b"1"), (MANIFEST, values.replace(": ", ":").encode())):
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o640 << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED if name == "y" else zipfile.ZIP_STORED)
    assert not diff("a.mar", "b.mar", capsys)["different"]
    told = diff("a.mar", "b.mar", capsys, "--all")
    assert told["manifest"] == told["members"] == []
    assert [(change["matter"], change["member"], change["old"], change["new"]) for change in told["packing"]] == [
        ("manifest-text", MANIFEST, values, values.replace(": ", ":")),
        ("folders", "d", "", "entry"),
        ("order", "", "x", "y"),
        ("mode", MANIFEST, "0600", "0640"),
        ("mode", "x", "0600", "0640"),
        ("compression", "y", "stored", "deflated"),
        ("mode", "y", "0600", "0640"),
    ]
    assert not diff("a.mar", "a.mar", capsys, "--all")["different"]
    packed(folder, archive_format="tgz")
    packed(folder)
    assert diff("m.mar", "m.tar.gz", capsys, "--all")["packing"][0]["matter"] == "form"


def _same_crc(data: bytes, crc: int) -> bytes:
    """Return data with four bytes behind it that give it the CRC-32 (by its linearity)."""
    rows = [zlib.crc32(data + (1 << bit).to_bytes(4, "little")) ^ zlib.crc32(data + bytes(4)) for bit in range(32)]
    wanted = zlib.crc32(data + bytes(4)) ^ crc
    basis: dict[int, tuple[int, int]] = {}
    for bit, row in enumerate(rows):
        value, bits = row, 1 << bit
        while value and value.bit_length() in basis:
            other, others = basis[value.bit_length()]
            value, bits = value ^ other, bits ^ others
        basis[value.bit_length()] = value, bits
    found = 0
    while wanted:
        other, others = basis[wanted.bit_length()]
        wanted, found = wanted ^ other, found ^ others
    return data + found.to_bytes(4, "little")


def test_contents_of_one_crc(folder: Path, capsys: Capture) -> None:
    old = b"honest weights...."
    new = _same_crc(b"evil weights..", zlib.crc32(old))
    assert (zlib.crc32(new), len(new)) == (zlib.crc32(old), len(old))
    zipped(folder / "a.mar", [("w.pt", old)])
    zipped(folder / "b.mar", [("w.pt", new)])
    tarred(folder / "b.tar.gz", [("w.pt", new)])
    assert not diff("a.mar", "b.mar", capsys)["different"]
    assert [change["name"] for change in diff("a.mar", "b.mar", capsys, "--contents")["members"]] == ["w.pt"]
    assert [change["name"] for change in diff("a.mar", "b.tar.gz", capsys)["members"]] == ["w.pt"]


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ('{"metadata": {"n": 1}}', '{"metadata": {"n": true}}', [["metadata", "n"]]),
        ('{"metadata": {"n": 1}}', '{"metadata": {"n": 1.0}}', [["metadata", "n"]]),
        ('{"metadata": {"a": 1, "b": 2}}', '{"metadata": {"b": 2, "a": 1}}', []),
        ('{"metadata": {"a": {}}}', '{"metadata": {"a": []}}', [["metadata", "a"]]),
        ('{"metadata": {"a": null}}', '{"metadata": {}}', [["metadata", "a"]]),
        ('{"x.y": 1, "x": {"y": 1}}', '{"x.y": 2, "x": {"y": 3}}', [["x.y"], ["x", "y"]]),
        ("{", '{"metadata": {}}', None),
        ("{", "[", None),
        ("{", "{", []),
        ('{"a": ' * 150 + "1" + "}" * 150, '{"a": ' * 150 + "2" + "}" * 150, None),
    ],
)
def test_manifests(old: str, new: str, changes: Any, folder: Path, capsys: Capture) -> None:
    """By value; those that cannot be read are members as others are."""
    zipped(folder / "a.mar", [], manifest=old)
    zipped(folder / "b.mar", [], manifest=new)
    told = diff("a.mar", "b.mar", capsys)
    if changes is None:
        assert told["manifest"] == []
        assert [(change["change"], change["name"]) for change in told["members"]] == [("changed", MANIFEST)]
    else:
        assert told["members"] == []
        assert [change["key"] for change in told["manifest"]] == changes


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_every_member_of_one_name_counts(folder: Path, capsys: Capture) -> None:
    zipped(folder / "a.mar", [("x", b"1"), ("x", b"2")])
    zipped(folder / "b.mar", [("x", b"2")])
    zipped(folder / "c.mar", [("x", b"3"), ("x", b"2")])
    for other in ("b.mar", "c.mar"):
        for words in ([], ["--contents"]):
            assert [change["name"] for change in diff("a.mar", other, capsys, *words)["members"]] == ["x"]
    assert not diff("a.mar", "a.mar", capsys, "--contents", "--all")["different"]


def test_a_model_and_a_workflow(folder: Path, capsys: Capture) -> None:
    packed(folder)
    plan = marpack.plan_workflow(
        workflow_name="w", spec_file={"w.yaml": b"models:\n  m:\n    url: m.mar\ndag:\n  m: []\n"}, timestamp=T
    )
    marpack.write_archive(plan, "w.war")
    told = diff("m.mar", "w.war", capsys)
    assert {MANIFEST, "WAR-INF/MANIFEST.json"} <= {change["name"] for change in told["members"]}
    assert ["workflow"] in [change["key"] for change in told["manifest"]]


@pytest.mark.parametrize(
    "words",
    [
        ["m.mar", "gone.mar"],
        ["gone.mar", "m.mar"],
        ["m.mar", "-"],
        ["m.mar", "h.mar"],
        ["m.mar", "m.mar", "--max-size", "10"],
        ["m.mar", "damaged.mar", "--contents"],
        ["m.mar"],
        ["m.mar", "m.mar", "m.mar"],
        ["m.mar", "m.mar", "--nonsense"],
    ],
)
def test_trouble(words: list[str], folder: Path, capsys: Capture) -> None:
    path = packed(folder, archive_format="zip-store")
    (folder / "h.mar").write_bytes(b"hello")
    data = path.read_bytes()
    (folder / "damaged.mar").write_bytes(data.replace(b"{}{}", b"{}[]", 1))
    assert main(["diff", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "marpack: error: " in err or "marpack diff: error: " in err


def test_nothing_hostile_reaches_the_terminal(folder: Path, capsys: Capture) -> None:
    old = json.dumps({"model": {"modelName": HOSTILE, HOSTILE: 1}, "metadata": {CLEAR: {HOSTILE: [HOSTILE]}}})
    new = json.dumps({"model": {"modelName": CLEAR}, "x": "y" * 5000})
    zipped(folder / f"{CLEAR}.mar", [(HOSTILE, b"1"), (f"{CLEAR}b", b"1")], manifest=old)
    zipped(folder / "b.mar", [(f"{CLEAR}b", b"2"), ("x\x07", b"")], manifest=new)
    for words in ([], ["--json"], ["--all"]):
        assert main(["diff", f"{CLEAR}.mar", "b.mar", *words]) == 1
        for text in capsys.readouterr():
            assert "".join(text.split("\n")).isprintable()
            assert "--json" in words or max(map(len, text.split("\n"))) < 1000


def test_as_a_value(folder: Path) -> None:
    one, other = packed(folder / "a"), packed(folder / "b", version="2.0")
    counted: list[int] = []
    with marpack.open_archive(one) as old, marpack.open_archive(other) as new:
        difference = marpack.diff_archives(old, new, contents=True, progress=counted.append)
        assert difference
        assert difference.manifest == (
            marpack.typing.ManifestChange(change="changed", key=("model", "modelVersion"), old="1.0", new="2.0"),
        )
        assert (difference.members, difference.packing) == ((), ())
        assert sum(counted) == 2 * (7 + 39 + 1000)
        assert json.loads(difference.to_json()) == difference.asdict()
        assert not marpack.diff_archives(old, old)
