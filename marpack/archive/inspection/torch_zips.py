"""What a zip is that torch wrote: an object of ``torch.save``, TorchScript, a program of ``torch.export``."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Final, cast

from marpack.archive.forms import Compression
from marpack.archive.inspection.block_reader import Window
from marpack.archive.inspection.kinds import Weights
from marpack.archive.inspection.pickles import MAX_BYTES, Budget, walk
from marpack.archive.inspection.torch_pickles import describe_pickled
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
    from collections.abc import Mapping

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
            return _kind(archive, window.budget)
    except ArchiveError:  # the member that it is read from is damaged, which says nothing of the weights
        raise
    except (zipfile.BadZipFile, *_BROKEN) as error:
        return Weights(kind="zip", detail=f"a zip that cannot be read ({error})")


def _kind(archive: zipfile.ZipFile, budget: Budget) -> Weights:
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
        program = next((name for name in records if name.startswith("models/")), None)
        if program is not None:
            schema = _SCHEMA.search(_read(archive, records, program, budget))
            return _exported("a program of torch.export", schema, archive=True)
    if "serialized_exported_program.json" in names:
        schema = re.match(rb"([0-9]{1,9})\b", _read(archive, archive.NameToInfo, "version", budget))
        return _exported("a program of torch.export, from before 2.8", schema, archive=False)
    if "data.pkl" in records and not {"version", ".data/version"}.isdisjoint(records):
        if sum(member.filename.removeprefix(top) == "data.pkl" for member in members) > 1:
            return _unread("a file of torch with two data.pkl")
        if records["data.pkl"].compress_type not in set(Compression):
            return _unread("a file of torch packed as torch does not")
        return _torch_file(archive, records, budget)
    if names and all(name.endswith(".npy") for name in names):
        return Weights(kind="numpy", detail="arrays of NumPy")
    return Weights(kind="zip", detail="a zip of something else")


def _torch_file(archive: zipfile.ZipFile, records: Mapping[str, zipfile.ZipInfo], budget: Budget) -> Weights:
    """Return what a file is that torch's own zip reader takes."""
    with archive.open(records["data.pkl"]) as opened:
        walked = walk(opened.read(MAX_BYTES + 1), max_pickles=1, budget=budget)
    name = ".data/version" if ".data/version" in records else "version"
    version = _read(archive, records, name, budget, most=_LONGEST_VERSION).strip()
    number = int(version) if version.isdigit() else None
    readers = readers_of_format(number) if number is not None else Readers()
    if "constants.pkl" not in records:
        described = describe_pickled(walked, container=readers)
        return replace(described, format_record=name, format_version=number)
    sources = [each for each in records if each.startswith("code/") and each.endswith(".py")]
    left = _MAX_CODE
    code = []
    for source in sources:
        code.append(_read(archive, records, source, budget, most=left))
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


def _read(
    archive: zipfile.ZipFile,
    records: Mapping[str, zipfile.ZipInfo],
    name: str,
    budget: Budget,
    *,
    most: int = _MAX_CODE,
) -> bytes:
    """Return the first bytes of a record, none where there is no such, or nothing is left of the budget."""
    if name not in records or most <= 0 or budget.opcodes <= 0:
        return b""
    if records[name].compress_type not in set(Compression):
        return b""
    with archive.open(records[name]) as opened:
        data = opened.read(most)
    budget.opcodes -= len(data) // _BYTES_AN_OPCODE
    return data


def _unread(detail: str) -> Weights:
    return Weights(kind="zip", detail=detail, globals_complete=False, weights_only_refuses=None)
