"""Models of torch in memory, packed as torch itself would have saved them."""

from __future__ import annotations

import gc
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

import marpack
from marpack.archive.forms import ArchiveFormat
from marpack.archive.plan.torch_models import StateDictSource
from marpack.archive.sources import StreamSource
from tests.support.planned_models import read
from tests.support.torch_files import saved
from tests.support.torch_states import BASE, JIT, STATES, Net, entry, issue, plan, script

# A DeprecationWarning, and from torch 2.14 on a FutureWarning.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")

COMPILE: Any = torch.compile  # says nothing of modules


@pytest.mark.parametrize("state", STATES)
def test_bytes_are_those_of_torch_save(state: str) -> None:
    state_dict = STATES[state]()
    member = entry(state_dict or torch.nn.ReLU())
    assert isinstance(member.source, StateDictSource)
    assert member.size == len(saved(state_dict))
    assert [read(member), read(member)] == [saved(state_dict)] * 2


@pytest.mark.parametrize("archive_format", get_args(ArchiveFormat))
def test_every_form(archive_format: ArchiveFormat, tmp_path: Path) -> None:
    module = Net()
    plans = [plan(module, archive_format=archive_format) for _ in range(2)]
    results = [marpack.write_archive(plan, tmp_path / f"{n}-{plan.file_name}") for n, plan in enumerate(plans)]
    weights = [member(Path(result.path), "model.pt") for result in results]
    assert weights == [saved(module.state_dict())] * 2
    assert results[0].members == results[1].members
    loaded = torch.load(io.BytesIO(weights[0]), weights_only=True)
    assert loaded.keys() == module.state_dict().keys()
    assert torch.equal(loaded["first.weight"], module.first.weight)
    assert plans[0].manifest.model.serialized_file == "model.pt"
    if archive_format != "no-archive":
        assert b"".join(marpack.iter_archive(plans[0])) == Path(results[0].path).read_bytes()
        assert Path(results[0].path).read_bytes() == Path(results[1].path).read_bytes()


def member(archive: Path, name: str) -> bytes:
    if archive.is_dir():
        return (archive / name).read_bytes()
    if archive.name.endswith(".tar.gz"):
        with tarfile.open(archive) as tar:
            file = tar.extractfile(f"m/{name}")
            assert file
            return file.read()
    with zipfile.ZipFile(archive) as zip_file:
        return zip_file.read(name)


def test_what_is_a_model_and_what_is_a_name() -> None:
    module = Net()
    state_dict = module.state_dict()
    models: list[tuple[Any, str, dict[str, Any]]] = [
        (module, "model.pt", state_dict),
        (state_dict, "model.pt", state_dict),
        ({"w.pt": module}, "w.pt", state_dict),
        ({"w.pt": state_dict}, "w.pt", state_dict),
        ({"weight": BASE}, "model.pt", {"weight": BASE}),
        ({"w.pt": {"weight": BASE}}, "w.pt", {"weight": BASE}),
        (torch.nn.ModuleDict({"w": torch.nn.ReLU()}), "model.pt", torch.nn.ReLU().state_dict()),
    ]
    for model, name, what in models:
        found = entry(model)
        assert (found.name, found.mode) == (name, 0o644)
        loaded = torch.load(io.BytesIO(read(found)), weights_only=True)
        assert loaded.keys() == what.keys()


class Replicated(torch.nn.DataParallel):  # type: ignore[type-arg]
    """A model file may have such a class, whose tensors are called so."""


def wrapped() -> Iterator[tuple[torch.nn.Module, torch.nn.Module]]:
    net = Net()
    averaged = torch.optim.swa_utils.AveragedModel(net)
    averaged.update_parameters(net)
    yield COMPILE(net), net
    yield torch.nn.DataParallel(net), net
    yield torch.nn.DataParallel(COMPILE(net)), net
    yield COMPILE(torch.nn.DataParallel(net)), net
    yield averaged, averaged.module
    yield torch.optim.swa_utils.AveragedModel(COMPILE(net)), net


def test_what_only_wraps_a_model_is_packed_without_it() -> None:
    for model, inside in wrapped():
        assert read(entry(model)) == saved(inside.state_dict())
        Net().load_state_dict(torch.load(io.BytesIO(read(entry(model))), weights_only=True))
    # Whoever wants the names of the wrapper gives the state_dict; and a class of one's own is no wrapper.
    parallel = torch.nn.DataParallel(Net())
    assert read(entry(parallel.state_dict())) == saved(parallel.state_dict())
    mine = Replicated(Net())
    assert read(entry(mine)) == saved(mine.state_dict())
    inner = torch.nn.Sequential(COMPILE(torch.nn.Linear(2, 1)))
    assert read(entry(inner)) == saved(inner.state_dict())


def test_a_script_module_that_is_wrapped() -> None:
    scripted = script()
    data = read(entry(torch.nn.DataParallel(scripted)))
    assert torch.equal(JIT.load(io.BytesIO(data)).weight, scripted.weight)


def test_extra_files() -> None:
    module = Net()
    files = {"adapter/weights.pt": module, "adapter/other.pt": module.state_dict(), "note.txt": b"x"}
    entries = {entry.name: entry for entry in plan(None, extra_files=files).files}
    assert read(entries["adapter/weights.pt"]) == read(entries["adapter/other.pt"]) == saved(module.state_dict())
    assert entries["adapter/weights.pt"].mtime_ns == 0


def test_one_name_for_two_models() -> None:
    module = Net()
    [entry] = plan({"w.pt": module}, extra_files={"w.pt": module.state_dict()}).files
    assert read(entry) == saved(module.state_dict())
    assert issue(serialized_file={"w.pt": module}, extra_files={"w.pt": Net()}).code == "collision"


def test_types() -> None:
    """It is mypy that tests here, without any type of torch's in marpack."""
    module = torch.nn.Linear(3, 4)
    weights: dict[str, torch.Tensor] = {"w": BASE}
    parameters: Mapping[str, torch.nn.Parameter] = dict(module.named_parameters())
    taken: list[marpack.typing.FileArgument] = [
        module,
        script(),
        module.state_dict(),
        weights,
        parameters,
        {"w.pt": module},
        {"w.pt": module.state_dict()},
        {"w.pt": weights},
    ]
    marpack.plan_archive(model_name="m", handler="base_handler", serialized_file=module)
    marpack.plan_archive(model_name="m", handler="base_handler", extra_files={"w.pt": weights, "x": b"x"})
    checkpoint: marpack.typing.FileArgument = {"model": module.state_dict(), "epoch": 3}  # type: ignore[assignment]
    tensor: marpack.typing.FileArgument = BASE  # type: ignore[assignment]
    assert [plan(file).files[0].size > 0 for file in taken] == [True] * len(taken)
    assert [issue(serialized_file=file).code for file in (checkpoint, tensor)] == ["bad-value", "bad-type"]


def test_script_module(temporary: Path, tmp_path: Path) -> None:
    module = script()
    members = [entry(module), entry({"model.pt": module})]
    assert list(temporary.iterdir()) == []
    assert [read(member) for member in members] * 2 == [module.save_to_buffer()] * 4
    result = marpack.write_archive(plan({"s.pt": module}), tmp_path / "m.mar")
    with zipfile.ZipFile(result.path) as archive:
        loaded = JIT.load(io.BytesIO(archive.read("s.pt")))
    assert torch.equal(loaded.weight, module.weight)


def test_script_module_that_is_traced_frozen_or_sparse() -> None:
    module = torch.nn.Linear(3, 4).eval()
    module.register_buffer("mask", torch.eye(3).to_sparse())
    traced = JIT.trace(module, torch.ones(1, 3))
    frozen = JIT.freeze(JIT.script(torch.nn.Linear(3, 4).eval()))
    for model in (traced, frozen):
        assert read(entry(model)) == model.save_to_buffer()


def test_file_of_a_script_module_goes_with_the_plan() -> None:
    member = entry(script())
    assert isinstance(member.source, StreamSource)
    number = member.source.file.fileno()  # type: ignore[attr-defined]
    os.fstat(number)
    del member
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
