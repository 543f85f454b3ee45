"""What ``marpack inspect`` and ``marpack.inspect_archive`` tell of an archive, whatever is in it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

import marpack
from marpack.cli import main
from tests.support import archives
from tests.support.archives import CLEAR, HOSTILE, MANIFEST, TEXT, evil_pickle, packed, zipped
from tests.support.inspections import Capture, inspected, saved

# A DeprecationWarning, and from torch 2.14 on a FutureWarning.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")


def test_what_a_person_reads(folder: Path, capsys: Capture) -> None:
    packed(folder, metadata={"git": "4f2", "n": [1, None]}, extra_files={"labels/a.json": b"{}" * 500, "e": b""})
    state = saved({"w": torch.ones(2, 3)})
    packed(folder, "m", serialized_file={"weights.pt": state}, metadata={"git": "4f2", "n": [1, None]}, force=True)
    assert main(["inspect", "m.mar"]) == 0
    out, err = capsys.readouterr()
    with zipfile.ZipFile("m.mar") as archive:
        sizes = {info.filename: (info.file_size, info.compress_size) for info in archive.infolist()}
    size, compressed = (sum(pair[number] for pair in sizes.values()) for number in (0, 1))
    assert out.splitlines() == [
        f"m.mar: model archive, zip, 4 members, {Path('m.mar').stat().st_size:,} bytes",
        "",
        "MAR-INF/MANIFEST.json",
        "  createdOn             13/09/2020 12:26:40",
        "  runtime               python",
        "  model.modelName       m",
        "  model.serializedFile  weights.pt",
        "  model.handler         handler.py",
        "  model.modelVersion    1.0",
        "  archiverVersion       0.12.0",
        "  metadata.git          4f2",
        "  metadata.n            [1, null]",
        "",
        "           size           packed  ratio  method    mode  name",
        *(
            f"{sizes[name][0]:>15,}  {sizes[name][1]:>15,}  {100 * sizes[name][1] / sizes[name][0]:>4.0f}%"
            f"  deflated  {mode}  {name}"
            for name, mode in [
                ("handler.py", "0644"),
                ("weights.pt", "0644"),
                ("labels/a.json", "0644"),
                (MANIFEST, "0600"),
            ]
        ),
        f"{size:>15,}  {compressed:>15,}  {100 * compressed / size:>4.0f}%                  in all",
        "",
        "weights.pt (serializedFile): state_dict, a state_dict of 1 tensor",
        "  imports collections.OrderedDict, torch.FloatStorage, torch._utils._rebuild_tensor_v2",
        "  torch.load(weights_only=True) does not refuse it",
        "  its record version says format version 3",
        "What a pickle imports is read from its bytes. It does not say what loading it would do.",
    ]
    assert err == ""


def test_tree(folder: Path, capsys: Capture) -> None:
    zipped(folder / "m.mar", [("a/b/c/", b""), ("a/x", b"12"), ("a/b/y", b"1"), ("z", b"")])
    assert main(["inspect", "m.mar", "--tree"]) == 0
    out = capsys.readouterr().out
    assert out[out.index("\n\nz") :].splitlines() == [
        "",
        "",
        "z  0",
        "MAR-INF/",
        f"  MANIFEST.json  {len(TEXT)}",
        "a/",
        "  x  2",
        "  b/",
        "    y  1",
        "    c/",
        f"{len(TEXT) + 3} bytes in all",
    ]


@pytest.mark.parametrize("form", ["default", "zip-store", "auto", "tgz", "no-archive"])
def test_every_form(form: Any, folder: Path, capsys: Capture) -> None:
    state = saved({"w": torch.ones(300, 400), "b": torch.zeros(3, dtype=torch.int64)})
    path = packed(folder, serialized_file={"weights.pt": state}, archive_format=form)
    told = inspected(path, capsys)
    whole = inspected(path, capsys, "--digest")
    assert told["form"] == {"tgz": "tgz", "no-archive": "folder"}.get(form, "zip")
    assert told["kind"] == "model"
    assert told["manifest"]["model"]["modelName"] == "m"
    assert told["references"] == {"handler": "handler.py", "serializedFile": "weights.pt"}
    assert told["issues"] == []
    assert told["contents_size"] == sum(member["size"] for member in told["members"])
    assert {member["name"] for member in told["members"]} == {
        "handler.py",
        "weights.pt",
        "labels/a.json",
        MANIFEST,
    }
    for member in told["members"]:
        if member["name"] != "weights.pt":
            assert member["weights"] is None
            continue
        assert member["size"] == len(state)
        assert member["weights"]["kind"] == "state_dict"
        assert member["weights"]["keys"] == [
            {"name": "w", "shape": [300, 400], "dtype": "float32", "plain": False},
            {"name": "b", "shape": [3], "dtype": "int64", "plain": False},
        ]
        assert member["weights"]["weights_only_refuses"] is False
    # With digests the same is told, from what was read for them.
    sums = {member["name"]: member["sha256"] for member in whole["members"]}
    assert sums["weights.pt"] == hashlib.sha256(state).hexdigest()
    assert sums["labels/a.json"] == hashlib.sha256(b"{}" * 500).hexdigest()
    assert whole["sha256"] == (hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None)
    for member in whole["members"]:
        member["sha256"] = None
    assert whole | {"sha256": None} == told


def test_digests_for_people(folder: Path, capsys: Capture) -> None:
    path = packed(folder)
    assert main(["inspect", "m.mar", "--digest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"{'sha256':>15}  {hashlib.sha256(b'weights').hexdigest()}" in lines
    assert f"{'sha256':>15}  {hashlib.sha256(path.read_bytes()).hexdigest()}  m.mar" in lines
    assert main(["inspect", "m.mar", "--digest", "--tree"]) == 0
    assert f"weights.pt  7  sha256 {hashlib.sha256(b'weights').hexdigest()}" in capsys.readouterr().out


def test_workflow(folder: Path, capsys: Capture) -> None:
    plan = marpack.plan_workflow(
        workflow_name="w",
        spec_file={"w.yaml": b"models:\n  m:\n    url: m.mar\ndag:\n  m: []\n"},
        handler={"h.py": b"x = 1\n"},
    )
    marpack.write_archive(plan, "w.war")
    told = inspected("w.war", capsys)
    assert (told["kind"], told["manifest_name"]) == ("workflow", "WAR-INF/MANIFEST.json")
    assert told["manifest"]["workflow"]["workflowName"] == "w"
    assert told["references"] == {"specFile": "w.yaml", "handler": "h.py"}
    assert main(["inspect", "w.war"]) == 0
    assert "workflow.specFile" in capsys.readouterr().out


def test_nothing_hostile_reaches_the_terminal(folder: Path, capsys: Capture) -> None:
    values = {
        "model": {"modelName": HOSTILE, HOSTILE: [HOSTILE], "serializedFile": HOSTILE},
        "metadata": {"\0": 1},
    }
    pickled = b"\x80\x02c" + f"os{CLEAR}".encode() + b"\nsys tem\n."
    members = [("b\x1bb.pkl", pickled), (HOSTILE, evil_pickle()), (f"{CLEAR}/{CLEAR}.json", b"1")]
    zipped(folder / "m.mar", members, manifest=json.dumps(values))
    for words in ([], ["--tree"], ["--digest"], ["--json"]):
        assert main(["inspect", "m.mar", *words]) == 0
        for text in capsys.readouterr():
            assert "".join(text.split("\n")).isprintable()
            assert "x1b" in text or "u001b" in text or not text
    told = inspected("m.mar", capsys)
    assert HOSTILE in {member["name"] for member in told["members"]}
    assert told["manifest"]["model"]["modelName"] == HOSTILE
    (folder / f"{CLEAR}.mar").write_bytes((folder / "m.mar").read_bytes())
    assert main(["inspect", f"{CLEAR}.mar"]) == 0
    assert CLEAR not in capsys.readouterr().out
    assert main(["inspect", f"{CLEAR}-gone.mar"]) == 1
    assert CLEAR not in capsys.readouterr().err


def test_long_values_are_cut_for_people_alone(folder: Path, capsys: Capture) -> None:
    values = {"model": {"modelName": "m" * 5000}, "metadata": {f"k{number}": number for number in range(500)}}
    zipped(folder / "m.mar", [], manifest=json.dumps(values))
    assert main(["inspect", "m.mar"]) == 0
    out = capsys.readouterr().out
    assert f"{'m' * 300}... (5,000 characters)" in out
    assert "301 more values" in out
    assert inspected("m.mar", capsys)["manifest"] == values


def test_issues_are_warnings(folder: Path, capsys: Capture) -> None:
    zipped(folder / "m.mar", [("../up.py", b"1"), ("a", b"1"), ("A", b"2")])
    assert main(["inspect", "m.mar"]) == 0
    out, err = capsys.readouterr()
    assert "../up.py" in out
    traversal, case = err.splitlines()
    assert traversal == "marpack: warning: m.mar: ../up.py: leads out of a folder by '..' [name-traversal]"
    assert re.fullmatch(r"marpack: warning: m\.mar: A: .*'a'.* \[case-collision]", case)
    assert [issue["code"] for issue in inspected("m.mar", capsys)["issues"]] == [
        "name-traversal",
        "case-collision",
    ]


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        (None, "no-manifest"),
        ("{", "bad-manifest"),
        ('{"a": 1, "a": 2}', "bad-manifest"),
        ('{"metadata": ' + '{"a":' * 150 + "1" + "}" * 151, "bad-manifest"),
    ],
)
def test_a_manifest_that_is_none(manifest: str | None, code: str, folder: Path, capsys: Capture) -> None:
    zipped(folder / "m.mar", [("w.pt", b"x")], manifest=manifest)
    told = inspected("m.mar", capsys)
    assert told["manifest"] is None
    assert [issue["code"] for issue in told["issues"]] == [code]
    assert main(["inspect", "m.mar"]) == 0
    out, err = capsys.readouterr()
    assert "w.pt" in out
    assert f"[{code}]" in err


@pytest.mark.parametrize("kind", [b"weights" * 1000, None])
def test_damaged_contents(kind: bytes | None, folder: Path, capsys: Capture) -> None:
    data = kind or saved({"w": torch.randn(500)})
    zipped(folder / "m.mar", [("w.pt", data)])
    damaged = bytearray((folder / "m.mar").read_bytes())
    damaged[60 if kind else 900] ^= 0xFF
    (folder / "m.mar").write_bytes(damaged)
    told = inspected("m.mar", capsys, "--digest")
    assert len(told["issues"]) == 1
    assert told["issues"][0]["argument"] == "w.pt"
    assert (told["members"][0]["sha256"], told["members"][0]["weights"]) == (None, None)
    assert told["members"][1]["sha256"]
    assert told["sha256"] == hashlib.sha256(damaged).hexdigest()


def test_a_member_that_its_own_header_describes_otherwise(folder: Path, capsys: Capture) -> None:
    zipped(folder / "m.mar", [("w.pt", b"1"), ("v.pt", b"2")])
    data = (folder / "m.mar").read_bytes()
    (folder / "m.mar").write_bytes(data.replace(b"w.pt", b"u.pt", 1))
    told = inspected("m.mar", capsys)
    assert [issue["code"] for issue in told["issues"]] == ["zip-local-name"]
    assert [member["weights"] is None for member in told["members"]] == [True, False, True]


def test_more_than_the_limits_is_not_read(folder: Path, capsys: Capture) -> None:
    zipped(folder / "m.mar", [("w.pt", evil_pickle()), ("x", bytes(5000))])
    told = inspected("m.mar", capsys, "--digest", "--max-size", "5000")
    assert [issue["code"] for issue in told["issues"]] == ["too-large"]
    assert not any(member["weights"] or member["sha256"] for member in told["members"])
    assert told["sha256"] is None
    assert main(["inspect", "m.mar", "--max-members", "2"]) == 1
    assert "more than the limit of 2" in capsys.readouterr().err
    for bad in (["--max-size", "x"], ["--max-ratio", "0"], ["--max-members", "-1"]):
        assert main(["inspect", "m.mar", *bad]) == 2
    assert inspected("m.mar", capsys, "--max-size", "8k", "--max-ratio", "7")["issues"] == []


@pytest.mark.parametrize("words", [["gone.mar"], ["-"], ["h.mar"], ["h.tar.gz"], ["m.zip"]])
def test_what_is_no_archive(words: list[str], folder: Path, capsys: Capture) -> None:
    (folder / "h.mar").write_bytes(b"hello")
    (folder / "h.tar.gz").write_bytes(b"hello")
    shutil.copy(packed(folder), "m.zip")
    assert main(["inspect", *words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("marpack: error: ")
    assert len(err.splitlines()) == 1


def test_from_an_open_file(folder: Path) -> None:
    path = packed(folder)
    with path.open("rb") as file, marpack.open_archive(file) as archive:
        inspection = marpack.inspect_archive(archive, digest=True)
    assert inspection.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert inspection.to_json() == json.dumps(inspection.asdict(), indent=2)


@pytest.mark.parametrize("digests", [False, True])
@pytest.mark.parametrize("form", ["default", "zip-store", "tgz", "no-archive"])
def test_progress_adds_up(form: Any, digests: bool, folder: Path) -> None:
    state = saved({"w": torch.randn(300_000)})
    path = packed(folder, serialized_file={"weights.pt": state}, archive_format=form)
    counted: list[int] = []
    with marpack.open_archive(path) as archive:
        marpack.inspect_archive(archive, digest=digests, progress=counted.append)
        sizes = sum(entry.size for entry in archive.members)
    assert sum(counted) == sizes + (archive.size if digests and form != "no-archive" else 0)
    assert min(counted) > 0


def test_the_schema_closed_is_one_that_refuses() -> None:
    with pytest.raises(Exception, match="is a required property"):
        archives.check_json("{}", "inspect")
