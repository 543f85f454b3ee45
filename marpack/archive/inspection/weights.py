"""What a file of weights is, by its bytes: without torch, and without unpickling anything."""

from __future__ import annotations

from typing import Final

from marpack.archive import git_lfs
from marpack.archive.inspection.block_reader import Window
from marpack.archive.inspection.elf import ELF, describe_elf
from marpack.archive.inspection.kinds import NOT_KNOWN, NOT_OF_TORCH_SAVE, SeekableReader, Weights
from marpack.archive.inspection.onnx import describe_onnx
from marpack.archive.inspection.pickles import LEGACY_MAGIC, MAX_BYTES, Budget, walk
from marpack.archive.inspection.safetensors import describe_safetensors
from marpack.archive.inspection.torch_pickles import describe_pickled
from marpack.archive.inspection.torch_versions import numpy_of_names
from marpack.archive.inspection.torch_zips import describe_zip

_FIRST_READ = 1 << 20
# Enough to see that bytes are no pickle, and to name what most pickles hold.
_FIRST_LOOK = 1 << 16

# What else is put in a weights' place by mistake.
_MARKS: Final = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"GGUF": "a GGUF file",
    b"\x1f\x8b": "a gzip file",
    **dict.fromkeys((b"<!DOCTYPE", b"<!doctype", b"<html"), "a web page"),
}

# onnxruntime's own form, a FlatBuffer: what stands behind the first four bytes.
_ORT: Final = b"ORTM"
ZIP, NUMPY = b"PK\x03\x04", b"\x93NUMPY"
_LONGEST_HEADER = 1 << 14
_LOOKED_AT = 1 << 10
# What a text is made of: no file of weights is, but for pickles of protocol 0.
_TEXT: Final = frozenset((*range(0x20, 0x7F), *b"\t\n\r"))


def describe_weights(file: SeekableReader, size: int, *, budget: Budget | None = None) -> Weights:
    """Return what a file of weights is, by its bytes.

    ``file`` is ``size`` bytes long and is left anywhere. Of a pickle no more than 64 MiB are read, of anything
    else no more than 16 (a zip's directory). Bytes that are nothing known are ``"unknown"``; the disk's errors
    pass, and so does the ``ArchiveError`` of a damaged member. What pickles cost is taken from the ``budget``,
    which several files may share.
    """
    window = Window(file, size, budget or Budget())
    head = window.at(0, 64)
    if head.startswith(ZIP):
        return describe_zip(window)
    if head.startswith(ELF):
        return describe_elf(window)
    if head.startswith(NUMPY):
        return Weights(kind="numpy", detail="an array of NumPy", numpy_from=_pickled_array(window))
    if git_lfs.begins_pointer(head):
        return Weights(kind="unknown", detail=f"{git_lfs.WHAT}: {git_lfs.FIX}")
    if head[4:8] == _ORT:
        return Weights(kind="unknown", detail="a model in the ORT format of onnxruntime")
    for mark, what in _MARKS.items():
        if head.startswith(mark):
            return Weights(kind="unknown", detail=what)
    return (
        describe_safetensors(window, head)
        or _pickles(window, head)
        or describe_onnx(window)
        or Weights(kind="unknown", detail=_other(window))
    )


def _pickled_array(window: Window) -> str | None:
    """Return the first numpy that reads an array of objects, which is a pickle behind its header (``.npy``)."""
    head = window.at(0, 12)
    start = 10 if head[6:7] == b"\1" else 12
    start += int.from_bytes(head[8:start], "little")
    if start > _LONGEST_HEADER or b"|O" not in window.at(0, start):
        return None
    return numpy_of_names(walk(window.at(start, _FIRST_READ), max_pickles=1, budget=window.budget).names)


def _other(window: Window) -> str:
    """Return what bytes are that are no weights: a text, as the answer of a server that was asked for them."""
    if not window.size:
        return "empty"
    return "a text" if _TEXT.issuperset(window.at(0, _LOOKED_AT)) else NOT_KNOWN


def _pickles(window: Window, head: bytes) -> Weights | None:
    """Recognise a pickle, and a file in torch's format from before 1.6, which begins with some."""
    # From protocol 2 on a pickle says what it is; before, it is whatever can be read as one from end to end.
    marked = head[:1] == b"\x80" and head[1:2] <= b"\x05"
    size = _FIRST_LOOK
    walked = walk(window.at(0, size), budget=window.budget)
    while size < min(window.size, MAX_BYTES + 1) and (walked.end == "cut" or walked.size == size):
        size = min(size * 4, MAX_BYTES + 1)
        walked = walk(window.at(0, size), budget=window.budget)
    if walked.values and walked.values[0] == LEGACY_MAGIC:
        return describe_pickled(walked, legacy=True)
    if not marked and (walked.end or not walked.values):
        return None
    described = describe_pickled(walked)
    return Weights(
        kind="pickle",
        detail=f"{described.detail}, {NOT_OF_TORCH_SAVE}",
        globals=walked.names,
        globals_complete=walked.complete,
        numpy_from=described.numpy_from,
    )
