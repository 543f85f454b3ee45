"""Models of torch that are in memory: the files that torch makes of them, as sources.

Import this module only where torch is imported already: nothing of its types can exist before.
"""

from __future__ import annotations

import atexit
import ctypes
import errno
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import FileIO
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from marpack.archive.formats.torch_names import EXTRA_STATE
from marpack.archive.sources import CHUNK_SIZE, Reader, Source, StreamSource

if TYPE_CHECKING:
    # Not its own types: they would have the type checker of whoever uses marpack read all of torch.
    torch: Any
else:
    import torch

T = TypeVar("T")

# What only wraps a model: by the class itself, none that derives from it, the attribute that holds the model.
_WRAPPERS = {
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",  # torch.compile
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
    "torch.optim.swa_utils.AveragedModel": "module",
}
_MOST_WRAPPERS = 20
# What torch.load reads by safetensors since 2.13, by this name alone (serialization.py).
_SAFETENSORS = ".safetensors"

# Chunks that are copies, or tensors that are none.
_PIECES_AHEAD = 8

# A thread that is inside of torch when Python is gone takes the process down. So readers end theirs at exit, and
# from then on none begins.
_EXITING = threading.Event()
atexit.register(_EXITING.set)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StateDictSource:
    """The file that ``torch.save`` makes of a state_dict, byte for byte, made anew each time it is read.

    No tensor is copied; those on another device are, one storage at a time. Values that change before the archive
    is written are packed as they are then. Do not train meanwhile: a change while they are read is an error only
    where it shows, in another size or in a member that is read twice.
    """

    state_dict: Mapping[str, Any] = field(repr=False)
    size: int

    def open(self) -> Reader:
        """Save in a thread that goes hardly further than is read, and ends with the reader."""
        return _SavingReader(self.state_dict)


def is_model(value: object) -> bool:
    """Tell a module, scripted or not, and a state_dict: a mapping with a tensor among its values."""
    if isinstance(value, torch.nn.Module):
        return True
    return any(isinstance(item, torch.Tensor) for item in _items(value).values())


def checkpoint_problem(value: object) -> str | None:
    """Say what to do about a mapping that holds a model; None for anything else."""
    for key, item in _items(value).items():
        if is_model(item) and not str(key).endswith(EXTRA_STATE):
            return f"a checkpoint is not loaded, only a state_dict: give the one under {key!r} alone"
    return None


def _items(value: object) -> dict[object, object]:
    try:
        return dict(value.items()) if isinstance(value, Mapping) else {}
    except Exception:  # a mapping that cannot be read is an error where it is read in earnest
        return {}


def model_source(value: object, name: str) -> Source:
    """Return the file of a model, as TorchServe's handlers load it, under a ``name``.

    A ``torch.nn.Module`` is saved as its ``state_dict()``, which is taken now and holds the tensors themselves; of
    one that only wraps a model (``torch.compile``, ``DataParallel``, ``DistributedDataParallel``,
    ``AveragedModel``) the model's own is, since a model file makes the model without the wrapper. A state_dict is
    saved as it is given. Torch tells the size without reading them (but counts through quantised and nested
    tensors, and before 2.5 through all). A ``ScriptModule`` is saved now, into an anonymous temporary file that
    goes with the source: torch streams it to a path alone, and for anything else makes all of the file in memory.

    Raises ``ValueError`` that says why the server would not load it, or torch cannot save it; ``OSError`` passes.
    """
    if name.endswith(_SAFETENSORS):
        raise ValueError(
            f"{name!r} is a name for safetensors, and torch.save writes no such file: torch 2.13 and newer do not "
            "load it. Call it .pt, or give what safetensors.torch.save(model.state_dict()) returns"
        )
    model = _ask(lambda: _unwrapped(value))
    if isinstance(model, torch.jit.ScriptModule):
        return _ask(lambda: _script_source(model))
    state_dict: Any = _ask(model.state_dict) if isinstance(model, torch.nn.Module) else model
    if problem := _ask(lambda: _problem(state_dict)):
        raise ValueError(problem)
    return StateDictSource(state_dict=state_dict, size=_ask(lambda: _saved_size(state_dict)))


def _unwrapped(value: object) -> Any:
    """Return the model inside of what wraps it, however often."""
    for _ in range(_MOST_WRAPPERS):
        name = _WRAPPERS.get(f"{type(value).__module__}.{type(value).__qualname__}", "")
        inner = getattr(value, name, None) if name else None
        if not isinstance(inner, torch.nn.Module):
            break
        value = inner
    return value


def _problem(state_dict: Mapping[object, object]) -> str | None:
    """Say why the server would not load a state_dict."""
    for key, value in state_dict.items():
        if not isinstance(key, str):
            return f"a state_dict has names for its keys, not {key!r:.50}"
        if isinstance(value, torch.Tensor) and value.is_meta:
            return f"the tensor {key!r} is on the device 'meta', without values: load the weights first"
    return checkpoint_problem(state_dict)


def _saved_size(state_dict: Mapping[str, Any]) -> int:
    counter = _Counter()
    try:
        with torch.serialization.skip_data():
            torch.save(state_dict, counter)
    except (AttributeError, RuntimeError):  # there is no skip_data() before 2.5, and it refuses some tensors
        counter = _Counter()
        torch.save(state_dict, counter)
    return counter.size


class _Counter:
    """A file that keeps nothing; torch skips, with ``seek``, over what it does not write."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: memoryview) -> int:
        self.size += len(data)
        return len(data)

    def seek(self, offset: int, _whence: int) -> int:
        self.size += offset
        return self.size

    def flush(self) -> None:
        pass


class _AbandonedError(Exception):
    """Takes the thread out of torch when nobody reads any more."""


class _Saving:
    """``torch.save`` in a thread a little ahead of the one that reads: it sums one tensor beside the last.

    A tensor's memory is handed over as it lies, and is held here until that is read. Anything else that torch
    writes may be gone when ``write`` returns, and is copied, a little at a time.
    """

    def __init__(self, state_dict: Mapping[str, Any]) -> None:
        self._state_dict = state_dict
        self._held = _storages(state_dict)
        self._pieces: SimpleQueue[memoryview | None] = SimpleQueue()
        self._used: SimpleQueue[None] = SimpleQueue()
        self._unused = 0
        self._gathered = bytearray()
        self._error: BaseException | None = None
        self._abandoned = False
        self._stopped = False
        # A daemon: for others Python waits at exit before it calls what ends this one.
        self._thread = threading.Thread(target=self._run, name="marpack torch.save", daemon=True)

    def next_piece(self) -> memoryview | None:
        """Return what is written next, None at the end, once."""
        if self._thread.ident is None:  # not earlier: who is interrupted in here has a reader to close
            self._thread.start()
        else:
            self._used.put(None)
        piece = self._pieces.get()
        if piece is None and self._error is not None and not self._abandoned:
            raise self._error
        return piece

    def end(self) -> None:
        """End the thread, wherever it is."""
        self._abandoned = True
        self._used.put(None)
        # This may be that thread itself, where a forgotten reader is collected as garbage.
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        self._error = None  # it knows the frames, and so the tensors, of the thread

    def _run(self) -> None:
        try:
            if not (self._abandoned or _EXITING.is_set()):
                torch.save(self._state_dict, self)
        except BaseException as error:
            self._error = error
        self._pieces.put(None)

    def write(self, data: memoryview) -> int:
        """Take what torch writes: small pieces together."""
        if self._stopped:  # after an exception torch still ends its file, in a destructor that must not raise
            return len(data)
        if len(data) < CHUNK_SIZE:
            self._gathered += data
            if len(self._gathered) >= CHUNK_SIZE:
                self.flush()
            return len(data)
        self.flush()
        storage = self._held.get(_address(data) or 0)
        if storage is not None and storage.nbytes() >= len(data):
            self._hand_over(data)
        else:
            for start in range(0, len(data), CHUNK_SIZE):
                self._hand_over(memoryview(bytes(data[start : start + CHUNK_SIZE])))
        return len(data)

    def flush(self) -> None:
        """Hand over what was gathered, as torch demands at the end."""
        if self._gathered and not self._stopped:
            gathered, self._gathered = self._gathered, bytearray()
            self._hand_over(memoryview(gathered))

    def _hand_over(self, piece: memoryview) -> None:
        self._pieces.put(piece)
        self._unused += 1
        while self._unused > _PIECES_AHEAD and not self._abandoned:
            self._used.get()
            self._unused -= 1
        if self._abandoned:
            self._stopped = True
            raise _AbandonedError


def _storages(state_dict: Mapping[str, Any]) -> dict[int, Any]:
    """Return the memory of the tensors that are saved as they lie, by its address."""
    found = {}
    for tensor in state_dict.values():
        if type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.layout is torch.strided and tensor.is_cpu:
            storage = tensor.untyped_storage()
            found[storage.data_ptr()] = storage
    return found


def _address(data: memoryview) -> int | None:
    """Return where the bytes lie, which Python says of buffers that can be written to only.

    Without it each tensor is copied, and packing 512 MiB from memory takes 1.5 times as long.
    """
    buffer = (ctypes.c_void_p * 16)()  # a Py_buffer, and room to spare: the address is its first field (C API)
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(data), buffer, 0)
    address: int | None = buffer[0]
    ctypes.pythonapi.PyBuffer_Release(buffer)
    return address


class _SavingReader:
    def __init__(self, state_dict: Mapping[str, Any]) -> None:
        self._saving = _Saving(state_dict)
        self._piece: memoryview | None = memoryview(b"")
        self._forgotten = weakref.finalize(self, self._saving.end)  # or open at exit

    def read(self, size: int, /) -> bytes:
        if self._piece is not None and not self._piece:
            self._piece = None  # if this is interrupted, there is nothing more to read
            self._piece = self._saving.next_piece()
        if self._piece is None:
            return b""
        data = bytes(self._piece[:size])
        self._piece = self._piece[size:]
        return data

    def close(self) -> None:
        self._piece = None
        self._saving.end()
        self._forgotten.detach()


class _Spool(FileIO):
    """Goes with the last source that refers to it."""

    def __del__(self) -> None:
        self.close()


def _script_source(script: Any) -> Source:
    with tempfile.TemporaryDirectory(prefix="marpack-", ignore_cleanup_errors=True) as folder:
        _require_space(folder, script)
        # Torch puts the file's name into the file: this one it takes for buffers.
        path = os.path.join(folder, "archive")
        script.save(path)
        spool = _Spool(path, opener=_open_and_forget)
    return StreamSource(file=spool, start=0, size=os.fstat(spool.fileno()).st_size)


def _require_space(folder: str, script: Any) -> None:
    """Raise ``OSError`` where the disk is too small: torch would take the process down when it finds out.

    It still does for a model whose weights have been frozen into its code, and where a quota is.
    """
    tensors = [*script.parameters(), *script.buffers()]
    storages = (tensor.untyped_storage() for tensor in tensors if tensor.layout is torch.strided)
    needed = sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)


def _open_and_forget(path: str, flags: int) -> int:
    """Open a file that is to be deleted while it is open, which Windows allows only if asked."""
    return os.open(path, flags | getattr(os, "O_TEMPORARY", 0))


def _ask(question: Callable[[], T]) -> T:
    """Return the answer of torch, or of code of the user's that it calls."""
    try:
        return question()
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"torch cannot save it ({type(error).__name__}: {error})") from error
