"""When the tensors of a model are read, by several readers at once, and by readers that are given up."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn, get_args

import pytest
import torch

import marpack
from marpack.archive.forms import ArchiveFormat
from marpack.archive.sources import CHUNK_SIZE
from tests.archive.write.test_memory import LIMIT_KIB, PEAK
from tests.conftest import full_disk, require
from tests.support.planned_models import read
from tests.support.processes import WAIT_SECONDS
from tests.support.torch_files import saved
from tests.support.torch_states import LARGE, STATES, Net, entry, plan

# A DeprecationWarning, and from torch 2.14 on a FutureWarning.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")


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
