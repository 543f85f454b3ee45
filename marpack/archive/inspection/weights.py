"""What a file of weights is, by its bytes: without torch, and without unpickling anything."""

from __future__ import annotations

import struct
import zlib
from typing import IO, TYPE_CHECKING, Final, cast

from marpack.archive.forms import Compression
from marpack.archive.inspection.block_reader import Window
from marpack.archive.inspection.kinds import Found, SeekableReader, Weights
from marpack.archive.inspection.onnx import describe_onnx
from marpack.archive.inspection.pickles import LEGACY_MAGIC, MAX_BYTES, Budget, Walked, walk
from marpack.archive.inspection.safetensors import describe_safetensors
from marpack.archive.inspection.torch_objects import TorchObjects
from marpack.archive.inspection.weights_only import WEIGHTS_ONLY_GLOBALS, WEIGHTS_ONLY_OPCODES
from marpack.errors import ArchiveError

if TYPE_CHECKING:
    import zipfile

_FIRST_READ = 1 << 20

# What zipfile raises for bytes that are no archive, beside what it says.
_BROKEN = (zlib.error, struct.error, EOFError, LookupError, OverflowError, RuntimeError, ValueError)

# What else is put in a weights' place by mistake.
_MARKS: Final = {
    b"version https://git-lfs": "a pointer of Git LFS, not the file it stands for: run git lfs pull",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"GGUF": "a GGUF file",
    b"\x1f\x8b": "a gzip file",
    **dict.fromkeys((b"<!DOCTYPE", b"<!doctype", b"<html"), "a web page"),
}

ZIP, ELF, NUMPY = b"PK\x03\x04", b"\x7fELF", b"\x93NUMPY"
_ELF_SHARED = 3  # ET_DYN


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
        return _zip(window)
    if head.startswith(ELF):
        return _elf(head)
    if head.startswith(NUMPY):
        return Weights(kind="numpy", detail="an array of NumPy")
    for mark, what in _MARKS.items():
        if head.startswith(mark):
            return Weights(kind="unknown", detail=what)
    return (
        describe_safetensors(window, head)
        or _pickles(window, head)
        or describe_onnx(window)
        or Weights(kind="unknown", detail="nothing that is known" if size else "empty")
    )


def _zip(window: Window) -> Weights:
    import zipfile  # slow to import, and needed for zips only

    try:
        with zipfile.ZipFile(cast("IO[bytes]", window)) as archive:
            return _zip_kind(archive, window.budget)
    except ArchiveError:  # the member that it is read from is damaged, which says nothing of the weights
        raise
    except (zipfile.BadZipFile, *_BROKEN) as error:
        return Weights(kind="zip", detail=f"a zip that cannot be read ({error})")


def _zip_kind(archive: zipfile.ZipFile, budget: Budget) -> Weights:
    """Return what a zip is by the names in it, as torch's readers do."""
    members = archive.infolist()
    # caffe2/serialize/inline_container.cc: all lies in one folder, that of the first member.
    top = members[0].filename.partition("/")[0] + "/" if members else ""
    records = {member.filename.removeprefix(top): member for member in members}
    names = set(archive.NameToInfo)
    if "MAR-INF/MANIFEST.json" in names:
        return Weights(kind="zip", detail="a model archive")
    if "archive_format" in records:
        if any(name.startswith("data/aotinductor/") for name in records):
            return Weights(kind="exported-program", detail="a package of AOTInductor")
        if any(name.startswith("models/") for name in records):
            return Weights(kind="exported-program", detail="a program of torch.export")
    if "serialized_exported_program.json" in names:
        return Weights(kind="exported-program", detail="a program of torch.export, from before 2.7")
    if "data.pkl" in records and not {"version", ".data/version"}.isdisjoint(records):
        if sum(member.filename.removeprefix(top) == "data.pkl" for member in members) > 1:
            return _unread("a file of torch with two data.pkl")
        if records["data.pkl"].compress_type not in set(Compression):
            return _unread("a file of torch packed as torch does not")
        with archive.open(records["data.pkl"]) as opened:
            walked = walk(opened.read(MAX_BYTES + 1), max_pickles=1, budget=budget)
        if "constants.pkl" not in records:
            return _pickled(walked)
        detail = "a model of TorchScript"
        return Weights(kind="torchscript", detail=detail, globals=walked.names, globals_complete=walked.complete)
    if names and all(name.endswith(".npy") for name in names):
        return Weights(kind="numpy", detail="arrays of NumPy")
    return Weights(kind="zip", detail="a zip of something else")


def _unread(detail: str) -> Weights:
    return Weights(kind="zip", detail=detail, globals_complete=False, weights_only_refuses=None)


def _elf(head: bytes) -> Weights:
    """ELF's gABI: the byte order is byte 5, e_type the two bytes from 16 on."""
    if int.from_bytes(head[16:18], "big" if head[5:6] == b"\x02" else "little") != _ELF_SHARED:
        return Weights(kind="unknown", detail="an ELF file that is no shared library")
    return Weights(kind="aot-library", detail="a shared library (ELF)")


def _pickles(window: Window, head: bytes) -> Weights | None:
    """Recognise a pickle, and a file in torch's format from before 1.6, which begins with some."""
    # From protocol 2 on a pickle says what it is; before, it is whatever can be read as one from end to end.
    marked = head[:1] == b"\x80" and head[1:2] <= b"\x05"
    size = _FIRST_READ
    walked = walk(window.at(0, size), budget=window.budget)
    while size < min(window.size, MAX_BYTES + 1) and (walked.end == "cut" or walked.size == size):
        size = min(size * 4, MAX_BYTES + 1)
        walked = walk(window.at(0, size), budget=window.budget)
    if walked.values and walked.values[0] == LEGACY_MAGIC:
        return _pickled(walked, legacy=True)
    if not marked and (walked.end or not walked.values):
        return None
    return Weights(
        kind="pickle",
        detail=f"{_pickled(walked).detail}, not of torch.save",
        globals=walked.names,
        globals_complete=walked.complete,
    )


def _pickled(walked: Walked, *, legacy: bool = False) -> Weights:
    """Return what an object of ``torch.save`` is, by what its pickle would make."""
    found: Found = ("pickle", f"a pickle that cannot be followed ({walked.problem})", None, ())
    # A legacy file begins with a number, a version and the system.
    if value := walked.values[3 if legacy else 0 :][:1]:
        found = TorchObjects().kind(value[0], walked)
    kind, detail, keys, holds = found
    # torch takes Python 2's names in every protocol.
    refused = tuple(sorted({str(name.in_python_3()) for name in walked.imports} - WEIGHTS_ONLY_GLOBALS))
    refuses: bool | None = bool(refused) or walked.computed or not walked.opcodes <= WEIGHTS_ONLY_OPCODES
    if not refuses and walked.end:
        refuses = None if walked.end == "limit" else True
    return Weights(
        kind=kind,
        detail=f"{detail}, in torch's format from before 1.6" if legacy else detail,
        legacy=legacy,
        globals=walked.names,
        globals_complete=walked.complete,
        keys=keys,
        holds=holds,
        weights_only_refuses=refuses,
        refused_globals=refused,
    )
