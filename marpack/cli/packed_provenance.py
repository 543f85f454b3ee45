"""The file that says what an archive which is packed here was made of."""

from __future__ import annotations

import argparse
import os
import platform
import zlib
from collections.abc import Mapping
from typing import Any

from marpack.archive.plan.extra_files import Patterns
from marpack.archive.plan.plan import Plan
from marpack.archive.result import WriteResult
from marpack.cli.provenance_options import parameters_of, source_of
from marpack.cli.terminal import UsageError, making
from marpack.disk.atomic import replacing_file, require_replaceable_file
from marpack.display import hidden
from marpack.signing import Resource, provenance_of


def require_place(options: argparse.Namespace, archive_format: str | None) -> None:
    """Raise what is wrong with the file, and with a provenance of this archive, before anything is packed."""
    if archive_format == "no-archive":
        raise UsageError("--provenance: a folder has no SHA-256; choose another --archive-format")
    require_replaceable_file(options.provenance, force=options.force)


def write_provenance(
    options: argparse.Namespace, plan: Plan, result: WriteResult, arguments: Mapping[str, Any]
) -> None:
    """Write it, of an archive that was written with digests; ``arguments`` are those that it was planned from."""
    told = {name: _told(value) for name, value in arguments.items() if value is not None}
    parameters = {
        **{name: value for name, value in told.items() if value != ""},
        "deflate": plan.deflate,
        "reproducible": options.reproducible,
        "timestamp": plan.timestamp,
        **parameters_of(options),
    }
    text = provenance_of(
        plan.file_name,
        result.sha256 or "",
        [
            Resource(name=each.name, sha256=each.sha256 or "")
            for each in result.members
            if each.name != plan.manifest_name
        ],
        parameters=parameters,
        source=source_of(options),
        packed_by={"python": platform.python_version(), "zlib": zlib.ZLIB_RUNTIME_VERSION},
        builder_id=options.builder_id,
    )
    with making(options.provenance, "cannot be written"):  # noqa: SIM117 - what the disk says of it
        with replacing_file(options.provenance, force=options.force) as file:
            file.write(text.encode())


def _told(value: object) -> Any:
    """Return an argument as JSON has it, without secrets."""
    if isinstance(value, Patterns):
        return hidden(value.given) if isinstance(value.given, str) else [hidden(each) for each in value.given]
    return hidden(os.fspath(value)) if isinstance(value, (str, os.PathLike)) else value
