"""What ``marpack inspect`` and ``marpack.inspect_archive`` tell."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

import marpack
from marpack.archive.inspection.kinds import WeightsKind
from marpack.cli import main
from tests.archive.inspection.test_onnx import model, tensor
from tests.checks.cases.weights_torch import program
from tests.checks.rules.test_weights_torch import ARRAY, NEWER, UINT16
from tests.support import archives
from tests.support.archives import (
    CLEAR,
    HOSTILE,
    MANIFEST,
    SPEC,
    TEXT,
    check_json,
    evil_pickle,
    packed,
    tarred,
    zipped,
)

# A DeprecationWarning, and from torch 2.14 on a FutureWarning.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")

JIT: Any = torch.jit  # has no types
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def saved(value: object, **how: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **how)
    return buffer.getvalue()


def inspected(path: Path | str, capsys: Capture, *words: str) -> Any:
    capsys.readouterr()
    assert main(["inspect", str(path), "--json", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return check_json(out, "inspect")


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


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(x)
        return result


def _scripted() -> bytes:
    buffer = io.BytesIO()
    JIT.save(JIT.script(Net()), buffer)
    return buffer.getvalue()


def _safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


@pytest.mark.parametrize("suffix", [".mar", ".tar.gz"])
def test_kinds_are_told_by_bytes(suffix: str, folder: Path, capsys: Capture) -> None:
    kinds = {
        "script": (_scripted(), "torchscript"),
        "state": (saved(Net().state_dict()), "state_dict"),
        "legacy": (saved(Net().state_dict(), _use_new_zipfile_serialization=False), "state_dict"),
        "checkpoint": (saved({"epoch": 3, "model": Net().state_dict()}), "checkpoint"),
        "module": (saved(Net()), "module"),
        "tensors": (_safetensors(), "safetensors"),
        "evil.txt": (evil_pickle(), "pickle"),
        "x.so": (b"not a library", "unknown"),
        "x.py": (b"not = 'weights'\n", None),
        "x.jar": (zipped(folder / "x.jar", [], manifest="{}").read_bytes(), None),
        "empty": (b"", None),
    }
    make: Any = zipped if suffix == ".mar" else tarred
    path = make(folder / f"m{suffix}", [(name, data) for name, (data, _) in kinds.items()])
    for words in ([], ["--digest"]):
        told = {member["name"]: member["weights"] for member in inspected(path, capsys, *words)["members"]}
        assert {name: weights and weights["kind"] for name, weights in told.items()} == {
            name: kind for name, (_, kind) in kinds.items()
        } | {MANIFEST: None}
        assert told["legacy"]["legacy"]
        assert told["evil.txt"]["globals"] == ["posix.system"]
        assert told["checkpoint"]["holds"] == ["model"]
        assert told["module"]["weights_only_refuses"]


def test_a_pickle_is_reported_and_not_loaded(folder: Path, capsys: Capture) -> None:
    zipped(folder / "m.mar", [("hidden.json", evil_pickle())])
    assert main(["inspect", "m.mar"]) == 0
    out = capsys.readouterr().out
    assert "hidden.json: pickle, " in out
    assert "  imports posix.system\n" in out
    assert "torch.load(weights_only=True) refuses it" in out
    assert not re.search(r"\bsafe\b", out)


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


def test_weights_that_are_deflated_are_read_once_and_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = saved({f"w{number}": torch.zeros(1 << 20) for number in range(25)})
    path = packed(folder, serialized_file={"weights.pt": state}, archive_format="default", deflate="parallel")
    read = 0
    with marpack.open_archive(path, limits=marpack.Limits(ratio=10_000)) as archive:
        reader = type(archive.open("weights.pt"))
        take = reader._take

        def counting(self: Any, size: int) -> bytes:
            nonlocal read
            data: bytes = take(self, size)
            read += len(data)
            return data

        monkeypatch.setattr(reader, "_take", counting)
        tracemalloc.start()
        inspection = marpack.inspect_archive(archive)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    weights = next(member.weights for member in inspection.members if member.weights)
    assert weights.keys
    assert len(weights.keys) == 25
    assert read < len(state) + 10_000
    assert peak < 48 << 20 < len(state)


def test_a_place_in_the_middle_is_read_anew(folder: Path) -> None:
    """The directory of the weights comes before more than is kept; both are found all the same."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as inner:
        inner.writestr("m/filler", bytes(40 << 20))
        inner.writestr("m/data.pkl", evil_pickle())
        inner.writestr("m/more", bytes(40 << 20))
        inner.writestr("m/version", "3")
    for make, name in ((zipped, "m.mar"), (tarred, "m.tar.gz")):
        path = make(folder / name, [("w.pt", buffer.getvalue())])
        with marpack.open_archive(path, limits=marpack.Limits(ratio=10_000)) as archive:
            weights = marpack.inspect_archive(archive, digest=True).members[0].weights
        assert weights
        assert weights.globals == ("posix.system",)


def test_the_schema_knows_the_kinds() -> None:
    schema = json.loads((SPEC / "inspect.schema.json").read_text("ascii"))
    assert schema["$defs"]["weights"]["properties"]["kind"]["enum"] == list(get_args(WeightsKind))


def test_the_schema_closed_is_one_that_refuses() -> None:
    with pytest.raises(Exception, match="is a required property"):
        archives.check_json("{}", "inspect")


def test_what_reads_a_file_and_what_it_keeps_elsewhere_is_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx = model(tensor("net.onnx.data"), tensor("more.bin"))
    files = {"new.pt": UINT16, "old.pt2": program("7.3"), "array.pt": ARRAY, "net.onnx": onnx, "script.pt": NEWER}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    path = packed(folder, extra_files=[folder / name for name in files])
    assert main(["inspect", str(path)]) == 0
    shown = capsys.readouterr().out
    for line in (
        "  read by torch 2.3 and newer, for torch.uint16",
        "  read by torch 2.5, for 'schema version 7'",
        "  imports what numpy has from 1.26.1 on",
        "  keeps tensors in net.onnx.data, more.bin",
        "  read by torch 2.4 and newer, for 'aten::rms_norm'",
    ):
        assert line in shown.splitlines(), line
    told = {member["name"]: member["weights"] for member in inspected(path, capsys)["members"]}
    assert (told["old.pt2"]["torch_from"], told["old.pt2"]["torch_to"]) == ("2.5", "2.5")
    assert told["net.onnx"]["parts"] == ["net.onnx.data", "more.bin"]


class Resized(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


class Gelu(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.gelu(x)


class Added(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


def test_which_torch_reads_what_torch_has_just_written(folder: Path, capsys: Capture) -> None:
    """The record and its version are as torch wrote them; what a given torch lacks is what is newer."""
    written: dict[str, dict[str, int]] = {}
    for net in (Resized(), Gelu(), Added()):
        name = f"{type(net).__name__}.pt"
        JIT.script(net).save(folder / name)
        with zipfile.ZipFile(folder / name) as file:
            records = {
                each.partition("/")[2]: int(file.read(each)) for each in file.namelist() if "version" in each
            }
            written[name] = records
    torch.save(Added().state_dict(), folder / "state.pt")
    marpack.pack(
        model_name="m", handler="base_handler", extra_files=[folder / name for name in (*written, "state.pt")]
    )
    members = {each["name"]: each["weights"] for each in inspected("m.mar", capsys)["members"] if each["weights"]}
    for name, records in written.items():
        assert {members[name]["format_record"]: members[name]["format_version"]} == records
    assert members["Gelu.pt"]["format_version"] > members["Added.pt"]["format_version"]
    assert members["Gelu.pt"]["torch_needs"] == [{"name": "format version 10", "torch": "1.12"}]
    assert members["Added.pt"]["torch_needs"] == []
    needs = members["Resized.pt"]["torch_needs"]
    assert needs[0]["torch"] == members["Resized.pt"]["torch_from"]
    assert main(["inspect", "m.mar", "--torch", "1.10"]) == 0
    shown = capsys.readouterr().out
    assert "  its record .data/version says format version 10" in shown
    assert "  torch 1.10 lacks 'format version 10 (torch 1.12)'" in shown
    assert needs[0]["name"] in shown
    assert main(["inspect", "m.mar", "--torch", "2.99"]) == 0
    assert "lacks" not in capsys.readouterr().out
