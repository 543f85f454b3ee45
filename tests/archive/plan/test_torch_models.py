"""Models of torch in memory, packed as torch itself would have saved them."""

from __future__ import annotations

import gc
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn, get_args

import pytest
import torch

import marpack
from marpack import PlanError
from marpack.archive.forms import ArchiveFormat
from marpack.archive.plan.torch_models import StateDictSource
from marpack.archive.sources import CHUNK_SIZE, StreamSource
from tests.archive.write.test_memory import LIMIT_KIB, PEAK
from tests.conftest import full_disk, require
from tests.support.processes import WAIT_SECONDS

# A DeprecationWarning, and from torch 2.14 on a FutureWarning.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")

LARGE = 3 * CHUNK_SIZE + 5
JIT: Any = torch.jit  # has no types
COMPILE: Any = torch.compile  # says nothing of modules


class Marked(torch.Tensor):
    """A tensor of a class of its own, which torch.load() takes only when told to."""


class Net(torch.nn.Module):
    """Has parameters, buffers, tied weights, extra state, and a name that is no file's."""

    name = "net"
    read = seek = None

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(300, 400)
        self.norm = torch.nn.BatchNorm1d(400)
        self.second = torch.nn.Linear(400, 400)
        self.tied = self.second

    def get_extra_state(self) -> dict[str, Any]:
        return {"labels": ["cat", "dog"], "weights": torch.ones(2)}

    def set_extra_state(self, state: object) -> None:
        pass


def quietly(make: Callable[..., torch.Tensor], *arguments: Any, **options: Any) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these kinds of tensors are said to be on trial, or on their way out
        return make(*arguments, **options)


BASE = torch.arange(100_000.0)
STATES: dict[str, Callable[[], dict[str, Any]]] = {
    "module": lambda: Net().state_dict(),
    "nothing": lambda: torch.nn.ReLU().state_dict(),
    "parameter": lambda: {"w": torch.nn.Parameter(torch.rand(3))},
    "0-dim": lambda: {"w": torch.tensor(2.5)},
    "empty": lambda: {"w": torch.empty(0), "v": torch.empty(3, 0)},
    "large": lambda: {"w": torch.rand(LARGE), "v": torch.rand(2, LARGE)},
    # More than are handed over before one is read.
    "long": lambda: {f"blocks.{number}.w": torch.rand(CHUNK_SIZE) for number in range(20)},
    "on the edge": lambda: {"w": torch.rand(CHUNK_SIZE // 4), "v": torch.rand(CHUNK_SIZE // 4 - 1)},
    "shared storage": lambda: {"w": BASE, "v": BASE, "part": BASE[5:9]},
    "slice of a larger storage": lambda: {"w": BASE[5:9]},
    "not contiguous": lambda: {"w": torch.rand(30, 40).t(), "v": torch.rand(1).expand(1000)},
    "shrunk": lambda: {"w": torch.rand(3), "v": _shrunk()},
    "bfloat16": lambda: {"w": torch.rand(7).bfloat16()},
    "int8": lambda: {"w": torch.ones(7, dtype=torch.int8)},
    "bool": lambda: {"w": torch.ones(7, dtype=torch.bool)},
    "complex": lambda: {"w": torch.ones(7, dtype=torch.complex64).conj()},
    "float8": lambda: {"w": torch.ones(7).to(torch.float8_e4m3fn)},
    "quantised": lambda: {"w": quietly(torch.quantize_per_tensor, torch.rand(LARGE), 0.1, 0, torch.qint8)},
    "sparse": lambda: {"w": torch.eye(5).to_sparse(), "v": quietly(torch.eye(5).to_sparse_csr)},
    "nested": lambda: {"w": quietly(torch.nested.nested_tensor, [torch.ones(2), torch.ones(LARGE)])},
    "of a class": lambda: {"w": torch.rand(3).as_subclass(Marked)},
    "not only tensors": lambda: {"w": torch.rand(3), "steps": 5, "_extra_state": {"t": torch.rand(3)}},
    "thousands": lambda: {f"layers.{number}.w": torch.rand(3) for number in range(3000)},
    "odd names": lambda: {"": torch.rand(3), "w\n/\ud800": torch.rand(3)},
}


def _shrunk() -> torch.Tensor:
    tensor = torch.rand(1000)
    tensor.untyped_storage().resize_(0)
    return tensor


def plan(serialized_file: Any, **arguments: Any) -> marpack.ArchivePlan:
    arguments = {"model_name": "m", "handler": "base_handler", "timestamp": 0, **arguments}
    return marpack.plan_archive(serialized_file=serialized_file, **arguments)


def entry(serialized_file: Any) -> marpack.Member:
    [entry] = plan(serialized_file).files
    return entry


def issue(**arguments: Any) -> marpack.Issue:
    with pytest.raises(PlanError) as caught:
        marpack.plan_archive(**{"model_name": "m", "handler": "base_handler", **arguments})
    [issue] = caught.value.issues
    return issue


def read(entry: marpack.Member) -> bytes:
    return b"".join(entry.chunks())


def saved(model: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(model, buffer)
    return buffer.getvalue()


def script() -> torch.jit.ScriptModule:
    scripted: torch.jit.ScriptModule = JIT.script(torch.nn.Linear(300, 400))
    return scripted


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = {*threading.enumerate()}  # those of other tests' servers, which may end meanwhile, among them
    yield
    assert {*threading.enumerate()} <= before


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


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


def test_script_module_that_the_disk_cannot_take(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=300 * 400 * 4))
    with pytest.raises(OSError, match="No space left"):
        plan(script())
    assert list(temporary.iterdir()) == []


class Unreadable(dict[Any, Any]):
    """Says that it has something, and does not give it."""

    def items(self) -> NoReturn:
        raise LookupError("lost")

    values = items


class NoPairs(dict[Any, Any]):
    def items(self) -> Any:
        return [1, 2]


class NotAMapping(torch.nn.Module):
    def state_dict(self, *_: Any, **__: Any) -> Any:
        return 5


class Failing(torch.nn.Module):
    def state_dict(self, *_: Any, **__: Any) -> NoReturn:
        raise LookupError("lost")


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (lambda: {"model": Net().state_dict(), "epoch": 3}, "bad-value", "the one under 'model' alone"),
        (lambda: {"model": Net(), "epoch": 3}, "bad-value", "the one under 'model' alone"),
        (lambda: {"best": torch.tensor(1), "model": {"w": BASE}}, "bad-value", "the one under 'model' alone"),
        (lambda: {"w.pt": {"model": Net().state_dict()}}, "bad-value", "the one under 'model' alone"),
        (lambda: {"w.pt": {"model": Net().state_dict(), "epoch": 3}}, "bad-value", "the one under 'model' alone"),
        (lambda: {1: BASE}, "bad-value", "names for its keys, not 1"),
        (lambda: {"w": BASE, None: 3}, "bad-value", "names for its keys, not None"),
        (lambda: {"w": torch.empty(3, device="meta")}, "bad-value", "'w' is on the device 'meta'"),
        (lambda: torch.nn.Linear(3, 4, device="meta"), "bad-value", "'weight' is on the device 'meta'"),
        (lambda: {"w": BASE, "f": lambda: None}, "bad-value", "torch cannot save it"),
        (lambda: {"w": BASE, "f": threading.Lock()}, "bad-value", "cannot pickle '_thread.lock' object"),
        (lambda: {"w": BASE, "v": BASE.to(torch.uint8).view(torch.int8)[:0]}, None, ""),
        (lambda: {"w": BASE, "v": BASE.view(torch.int32)}, "bad-value", "view the same data as different types"),
        (lambda: BASE, "bad-type", "or a module or state_dict of torch"),
        (lambda: {"w.pt": [BASE]}, "bad-type", "or a module or state_dict of torch"),
        (lambda: Unreadable(w=BASE), "bad-value", "the mapping cannot be read: LookupError('lost')"),
        (lambda: {"w.pt": Unreadable(w=BASE)}, "bad-type", "cannot take"),
        # torch.load of 2.13 goes by the name.
        (lambda: {"w.safetensors": {"w": BASE}}, "bad-value", "Call it .pt, or give what safetensors.torch.save("),
        (lambda: {"w.safetensors": torch.nn.Linear(3, 4)}, "bad-value", "'w.safetensors' is a name for"),
        (lambda: {"w.safetensors": b"of safetensors"}, None, ""),
        (lambda: {"w.SAFETENSORS": {"w": BASE}}, None, ""),
        (lambda: NoPairs(w=BASE), "bad-value", "the mapping cannot be read: TypeError"),
        (NotAMapping, "bad-value", "torch cannot save it (AttributeError: 'int' object"),
        (Failing, "bad-value", "torch cannot save it (LookupError: lost)"),
    ],
)
def test_what_is_wrong_with_a_model(make: Callable[[], object], code: str | None, message: str) -> None:
    if code is None:
        plan(make())
        return
    found = issue(serialized_file=make())
    assert (found.argument, found.code) == ("serialized_file", code)
    assert message in found.message


@pytest.mark.parametrize("arguments", [{"handler": {"h.py": BASE}}, {"extra_files": {"w.pt": BASE}}])
def test_tensor_is_no_file(arguments: dict[str, Any]) -> None:
    assert [issue(**arguments).argument] == list(arguments)


class Turning:
    """Is saved as often as it is told to; then it does something else."""

    def __init__(self, times: int, then: Callable[[], object]) -> None:
        self.times = times
        self.then = then

    def __reduce__(self) -> tuple[type[list[int]], tuple[()]]:
        self.times -= 1
        if self.times < 0:
            self.then()
        return list, ()


def test_error_inside_of_torch_comes_out() -> None:
    def fail() -> NoReturn:
        raise LookupError("lost")

    member = entry({"w": torch.rand(LARGE), "t": Turning(1, fail)})
    with pytest.raises(LookupError, match="lost"):
        read(member)


def test_state_dict_that_is_not_what_it_was() -> None:
    state_dict = {"w": torch.rand(LARGE), "v": torch.rand(LARGE)}
    member = entry(state_dict)
    state_dict["u"] = state_dict.pop("v")[:-100].clone()
    with pytest.raises(marpack.SourceChangedError, match=r"serialized_file .* ended \d+ bytes before"):
        read(member)
    state_dict["t"] = torch.rand(LARGE)
    with pytest.raises(marpack.SourceChangedError, match="is longer than the planned"):
        read(member)


def test_values_are_those_when_it_is_written() -> None:
    module = Net()
    plan_of_module = plan(module)
    with torch.no_grad():
        module.first.weight.fill_(3)
    assert read(plan_of_module.files[0]) == saved(module.state_dict())


@pytest.mark.parametrize("size", [1000, 64, CHUNK_SIZE, 2 * LARGE, 1 << 30])
def test_reader_gives_what_is_asked_for(size: int) -> None:
    state_dict = {"w": torch.rand(LARGE), "s": torch.rand(3), "v": torch.rand(CHUNK_SIZE // 5)}
    reader = entry(state_dict).source.open()
    parts = []
    while part := reader.read(size):
        parts.append(part)
    assert (reader.read(1), max(map(len, parts)) <= size) == (b"", True)
    assert b"".join(parts) == saved(state_dict)
    reader.close()
    reader.close()
    assert reader.read(1) == b""


def test_small_tensors_are_read_together() -> None:
    member = entry(STATES["thousands"]())
    reader = member.source.open()
    count = 0
    while reader.read(1 << 30):
        count += 1
    reader.close()
    assert count <= member.size / CHUNK_SIZE + 3


def test_tensor_is_read_where_it_lies() -> None:
    tensor = torch.zeros(LARGE)
    with closing(entry({"w": tensor}).source.open()) as reader:
        assert len(reader.read(CHUNK_SIZE)) < CHUNK_SIZE  # what stands before it
        assert reader.read(CHUNK_SIZE) == bytes(CHUNK_SIZE)
        tensor.fill_(1)
        assert reader.read(4) == b"\0\0\x80\x3f"


def test_two_readers_at_once() -> None:
    state_dict = STATES["large"]()
    member = entry(state_dict)
    assert [
        b"".join(parts) for parts in zip(*zip(member.chunks(), member.chunks(), strict=True), strict=True)
    ] == [saved(state_dict)] * 2


@pytest.mark.parametrize("pieces", [0, 1, 5, 40])
def test_stream_that_is_given_up(pieces: int) -> None:
    stream = marpack.iter_archive(plan(STATES["long"]() | STATES["thousands"](), archive_format="zip-store"))
    for _ in range(pieces):
        next(stream)
    stream.close()


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, LARGE, 1 << 22])
def test_reader_that_is_given_up(size: int) -> None:
    source = entry(STATES["long"]() | STATES["thousands"]()).source
    for forget in (False, True):
        reader = source.open()
        left = size
        while left > 0 and (data := reader.read(left)):
            left -= len(data)
        if not forget:
            reader.close()
        del reader


def test_reader_that_is_garbage(recwarn: pytest.WarningsRecorder) -> None:
    gc.collect()  # what other tests have left
    recwarn.clear()
    reader = entry(STATES["long"]()).source.open()
    reader.read(1)
    ring: list[Any] = [reader]
    ring.append(ring)
    del reader, ring
    gc.collect()
    assert not recwarn


def test_target_that_breaks_off(tmp_path: Path) -> None:
    for archive_format in get_args(ArchiveFormat):
        to_write = plan(STATES["long"](), archive_format=archive_format)
        with full_disk(1 << 20), pytest.raises(OSError, match="File too large"):
            marpack.write_archive(to_write, tmp_path / to_write.file_name)
    assert list(tmp_path.iterdir()) == []


def test_interrupt_while_torch_is_at_work() -> None:
    at_rest = threading.Event()

    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        at_rest.wait(0.3)

    member = entry({"w": torch.rand(LARGE), "t": Turning(1, interrupt)})
    with pytest.raises(KeyboardInterrupt):
        read(member)


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=WAIT_SECONDS
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_planning_does_not_import_torch() -> None:
    code = """
import marpack, sys
files = {"x": {"w": 1}, "y": b"y"}
try:
    marpack.plan_archive(model_name="m", handler="base_handler", serialized_file=files, extra_files=files)
except marpack.PlanError as error:
    print(*error.issues, sep="\\n")
marpack.plan_archive(model_name="m", handler="base_handler", serialized_file={"w.pt": b"x"})
print("torch" in sys.modules)
"""
    first, second, imported = run(code).splitlines()
    assert first == "serialized_file: give one {name: contents}, not 2 of them"
    assert second.startswith("extra_files: cannot take {'w': 1}: give a path, bytes")
    assert imported == "False"


def test_tensors_are_not_read_before_they_must(tmp_path: Path) -> None:
    """The last one's memory is a file's that has gone: who reads it dies."""
    code = """
import marpack, os, sys, time, torch
size = 1 << 24
with open(sys.argv[1], "wb") as file:
    file.truncate(size)
tensor = torch.from_file(sys.argv[1], shared=True, size=size, dtype=torch.uint8)
os.truncate(sys.argv[1], 0)
weights = {f"w{number}": torch.rand(1 << 18) for number in range(20)}
plan = marpack.plan_archive(model_name="m", handler="base_handler", serialized_file={**weights, "last": tensor})
print(plan.size > size)
reader = plan.files[0].source.open()
reader.read(1)
time.sleep(0.3)  # however long nobody reads on
reader.close()
"""
    assert run(code, str(tmp_path / "memory")) == "True\n"


@pytest.mark.parametrize("end", ["sys.exit()", "threading.Thread(target=work, daemon=True).start()"])
def test_python_ends_while_something_is_being_read(end: str) -> None:
    code = f"""
import atexit, sys, threading
atexit.register(lambda: print(plan.files[0].source.open().read(1)))  # later than what marpack registers
import marpack, torch
weights = {{f"w{{number}}": torch.rand({CHUNK_SIZE}) for number in range(20)}}
arguments = dict(model_name="m", handler="base_handler", serialized_file=weights)
plan = marpack.plan_archive(**arguments, archive_format="zip-store")
reader = plan.files[0].source.open()
reader.read(1)
stream = marpack.iter_archive(plan)
pieces = [next(stream) for _ in range(4)]
def work():
    waiting = plan.files[0].source.open()
    waiting.read(1)
    threading.Event().wait()
{end}
"""
    assert run(code) == "b''\n"


MEMORY = (
    PEAK
    + """
import sys, warnings
import marpack, torch
warnings.simplefilter("ignore")
how, path = sys.argv[1:]
if how == "script":
    model = torch.jit.script(torch.nn.Linear(1 << 13, 1 << 13))  # 256 MiB
else:  # 1 GiB that nobody has touched yet takes no memory, nor does reading it
    model = {"w": torch.empty(1 << 28), "v": torch.empty(1 << 16)}
arguments = dict(model_name="m", handler="base_handler", archive_format="zip-store")
marpack.write_archive(marpack.plan_archive(**arguments, serialized_file=torch.nn.Linear(3, 4)), path + "0")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak is what is taken now
before = peak()
plan = marpack.plan_archive(**arguments, serialized_file=model)
if how == "stream":
    for chunk in marpack.iter_archive(plan):
        pass
else:
    marpack.write_archive(plan, path)
print(peak() - before)
"""
)


@pytest.mark.parametrize("how", ["file", "stream", "script"])
def test_memory_stays_flat(how: str, tmp_path: Path) -> None:
    require(Path("/proc/self/clear_refs").exists(), "Linux's /proc to read the peak of memory")
    assert int(run(MEMORY, how, str(tmp_path / "m.mar"))) < LIMIT_KIB


def test_a_wrapper_that_fails_is_told_as_torch_failing() -> None:
    class Failing(torch.nn.Linear):
        @property
        def module(self) -> None:
            raise RuntimeError("not here")

    Failing.__module__, Failing.__qualname__ = "torch.nn.parallel.data_parallel", "DataParallel"
    with pytest.raises(marpack.MarpackError, match="not here"):
        marpack.plan_archive(model_name="m", handler="h", serialized_file={"m.pt": Failing(2, 2)})
