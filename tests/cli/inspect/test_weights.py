"""What is told of weights, which are known by their bytes and loaded by nobody."""

from __future__ import annotations

import io
import json
import re
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
from tests.checks.cases.weights import ALLOWED_LATER, ALLOWED_ONCE
from tests.checks.cases.weights import saved as with_pickle
from tests.checks.cases.weights_torch import program
from tests.checks.rules.test_weights_torch import ARRAY, NEWER, UINT16
from tests.support.archives import MANIFEST, SPEC, evil_pickle, packed, tarred, zipped
from tests.support.inspections import Capture, inspected, saved

# A DeprecationWarning, and from torch 2.14 on a FutureWarning.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")

JIT: Any = torch.jit  # has no types


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


@pytest.mark.parametrize(
    ("pickled", "bounds", "words"),
    [
        (ALLOWED_ONCE, ("2.14", "2.14"), "allows it in torch 2.14 alone, for builtins.ValueError"),
        (
            ALLOWED_LATER,
            ("2.14", None),
            "refuses it before torch 2.14, for torch.bcomplex32; torch 2.14 and newer allow it",
        ),
    ],
)
def test_which_torch_allows_a_pickle(
    pickled: bytes, bounds: tuple[str, str | None], words: str, folder: Path, capsys: Capture
) -> None:
    path = zipped(folder / "m.mar", [("w.pt", with_pickle(pickled))])
    assert main(["inspect", "m.mar"]) == 0
    assert f"  torch.load(weights_only=True) {words}\n" in capsys.readouterr().out
    [told, _] = inspected(path, capsys)["members"]
    assert (told["weights"]["weights_only_from"], told["weights"]["weights_only_to"]) == bounds


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
