"""What a zip is that torch wrote: an object of ``torch.save``, TorchScript, a program of ``torch.export``."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Final, cast

from marpack.archive.forms import Compression
from marpack.archive.inspection.block_reader import Window
from marpack.archive.inspection.kinds import ARRAYS, BEFORE_2_8, CANNOT_BE_READ, OF_TORCH_PACKAGE, OUTSIDE, Weights
from marpack.archive.inspection.pickles import MAX_BYTES, Budget, walk
from marpack.archive.inspection.torch_pickles import describe_pickled
from marpack.archive.inspection.torch_records import Records
from marpack.archive.inspection.torch_versions import (
    Readers,
    needs_of,
    readers_of_code,
    readers_of_format,
    readers_of_schema,
    readers_of_storages,
    version_text,
)
from marpack.errors import ArchiveError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Mapping, Sequence

# What zipfile raises for bytes that are no archive, beside what it says.
_BROKEN: Final = (zlib.error, struct.error, EOFError, LookupError, OverflowError, RuntimeError, ValueError)
# Of the sources of TorchScript, and of a program's JSON.
_MAX_CODE: Final = 16 << 20
_BYTES_AN_OPCODE: Final = 64
_LONGEST_VERSION: Final = 20
_SCHEMA: Final = re.compile(rb'"schema_version":\s*\{\s*"major":\s*([0-9]{1,9})\b')


def describe_zip(window: Window) -> Weights:
    """Return what a file that begins as a zip is."""
    import zipfile  # slow to import, and needed for zips only

    try:
        with zipfile.ZipFile(cast("IO[bytes]", window)) as archive:
            members = archive.infolist()
        records = Records(window, members)
        return replace(_kind(members, records, window.budget), sums=records.sums)
    except ArchiveError:  # the member that it is read from is damaged, which says nothing of the weights
        raise
    except (zipfile.BadZipFile, *_BROKEN) as error:
        return Weights(kind="zip", detail=f"{CANNOT_BE_READ} ({error})")


def _kind(members: Sequence[zipfile.ZipInfo], records: Records, budget: Budget) -> Weights:
    """Return what a zip is by the names in it, as torch's readers do."""
    # caffe2/serialize/inline_container.cc: all lies in one folder, that of the first member.
    top = members[0].filename.partition("/")[0] + "/" if members else ""
    inside, at_top = records.named(top), records.named("")
    if "MAR-INF/MANIFEST.json" in at_top:
        return Weights(kind="zip", detail="a model archive")
    if "archive_format" in inside:
        if any(name.startswith("data/aotinductor/") for name in inside):
            return Weights(kind="exported-program", detail="a package of AOTInductor")
        program = next((name for name in inside if name.startswith("models/")), None)
        if program is not None:
            schema = _SCHEMA.search(_read(records, inside.get(program), budget))
            return _exported("a program of torch.export", schema, archive=True)
    if "serialized_exported_program.json" in at_top:
        schema = re.match(rb"([0-9]{1,9})\b", _read(records, at_top.get("version"), budget))
        return _exported(f"a program of torch.export, {BEFORE_2_8}", schema, archive=False)
    if "data.pkl" in inside and not {"version", ".data/version"}.isdisjoint(inside):
        if sum(member.filename.removeprefix(top) == "data.pkl" for member in members) > 1:
            return _unread("a file of torch with two data.pkl")
        if inside["data.pkl"].compress_type not in set(Compression):
            return _unread("a file of torch packed as torch does not")
        outside = not all(member.filename.startswith(top) for member in members)
        return _torch_file(records, inside, budget, outside=outside)
    if ".data/extern_modules" in inside:
        return Weights(kind="zip", detail=OF_TORCH_PACKAGE)
    if at_top and all(name.endswith(".npy") for name in at_top):
        return Weights(kind="numpy", detail=ARRAYS)
    return Weights(kind="zip", detail="a zip of something else")


def _torch_file(
    records: Records, inside: Mapping[str, zipfile.ZipInfo], budget: Budget, *, outside: bool
) -> Weights:
    """Return what a file is that torch's own zip reader takes."""
    walked = walk(records.read(inside["data.pkl"], MAX_BYTES + 1), max_pickles=1, budget=budget)
    name = ".data/version" if ".data/version" in inside else "version"
    version = _read(records, inside[name], budget, most=_LONGEST_VERSION).strip()
    number = int(version) if version.isdigit() else None
    readers = readers_of_format(number) if number is not None else Readers()
    if "constants.pkl" not in inside:
        # torch.load asks for the names of all records, which have to lie in one folder; torch.jit.load does not.
        if outside:
            return Weights(kind="zip", detail=OUTSIDE)
        described = describe_pickled(walked, container=readers)
        return replace(described, format_record=name, format_version=number)
    sources = [each for path, each in inside.items() if path.startswith("code/") and path.endswith(".py")]
    left = _MAX_CODE
    code = []
    for source in sources:
        code.append(_read(records, source, budget, most=left))
        left -= len(code[-1])
    readers = readers_of_code(b"\n".join(code)).among(readers).among(readers_of_storages(walked.names))
    return Weights(
        kind="torchscript",
        detail="a model of TorchScript",
        globals=walked.names,
        globals_complete=walked.complete,
        format_record=name,
        format_version=number,
        torch_from=version_text(readers.since),
        torch_because=readers.because,
        torch_needs=needs_of(readers),
    )


def _exported(detail: str, schema: re.Match[bytes] | None, *, archive: bool) -> Weights:
    readers = readers_of_schema(-1 if schema is None else int(schema[1]), archive=archive)
    return Weights(
        kind="exported-program",
        detail=detail,
        torch_from=version_text(readers.since),
        torch_to=version_text(readers.until),
        torch_because=readers.because,
        torch_needs=needs_of(readers),
    )


def _read(records: Records, member: zipfile.ZipInfo | None, budget: Budget, *, most: int = _MAX_CODE) -> bytes:
    """Return the first bytes of a record, none where there is no such, or nothing is left of the budget."""
    if member is None or most <= 0 or budget.opcodes <= 0 or member.compress_type not in set(Compression):
        return b""
    data = records.read(member, most)
    budget.opcodes -= len(data) // _BYTES_AN_OPCODE
    return data


def _unread(detail: str) -> Weights:
    return Weights(kind="zip", detail=detail, globals_complete=False, weights_only_refuses=None)
