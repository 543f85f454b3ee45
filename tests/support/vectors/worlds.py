"""A vector acted out: its files are made, and marpack packs what it says."""

from __future__ import annotations

import base64
import contextlib
import io
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.archive.plan.extra_files import Patterns
from marpack.packing import export_path_issues, reporting
from tests.support.official import MODELS, WORKFLOWS, Tool, write_file
from tests.support.vectors.files import MANIFEST, WORKFLOW_MANIFEST, Json, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack import WriteResult


def content_of(file: Json) -> bytes:
    """Return the contents that a vector gives in one of its four ways."""
    if "base64" in file:
        return base64.b64decode(file["base64"])
    if "repeat" in file:
        text, count = file["repeat"]
        return text.encode() * count  # type: ignore[no-any-return]
    return text_of(file["lines"] if "lines" in file else file["text"]).encode()


def build_world(data: Json, world: Path) -> None:
    """Make the files of a vector below ``world``, and the empty export folder."""
    (world / "out").mkdir(parents=True)
    for name, file in data.get("files", {}).items():
        path = world / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "link" in file:
            path.symlink_to(file["link"])
        elif "folder" in file:
            path.mkdir()
        elif "fifo" in file:
            os.mkfifo(path)
        else:
            times = {"mtime_ns": file["mtime_ns"]} if "mtime_ns" in file else {}
            write_file(path, content_of(file), mode=int(file.get("mode", "0644"), 8), **times)


@contextlib.contextmanager
def inside(world: Path) -> Iterator[pytest.MonkeyPatch]:
    """Work in ``world`` under the umask that the vectors assume."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        umask = os.umask(0o022)
        try:
            yield patch
        finally:
            os.umask(umask)


def tool_of(data: Json) -> Tool:
    """Return the official tool for what a vector packs."""
    return WORKFLOWS if "workflow_name" in data["arguments"] else MODELS


def manifest_of(data: Json) -> str:
    """Return the name of the manifest in what a vector packs."""
    return WORKFLOW_MANIFEST if tool_of(data) is WORKFLOWS else MANIFEST


def pack(data: Json, world: Path) -> WriteResult:
    """Let marpack pack what a vector says."""
    with inside(world), contextlib.ExitStack() as stack:
        decoded = {name: _decode(value, stack) for name, value in data["arguments"].items()}
        if isinstance(extra_files := decoded.get("extra_files"), str):
            decoded["extra_files"] = Patterns(extra_files)  # as on the command line
        if tool_of(data) is WORKFLOWS:
            return _pack_workflow(**decoded)
        return marpack.pack(**{"export_path": "out", "version": "1.0", **decoded})


def _pack_workflow(*, export_path: str = "out", force: bool = False, **arguments: Any) -> WriteResult:
    with reporting(export_path_issues(export_path)):
        plan = marpack.plan_workflow(**arguments)
    return marpack.write_archive(plan, os.path.join(export_path, plan.file_name), force=force)


def _decode(value: Any, stack: contextlib.ExitStack) -> Any:
    """Turn JSON into an argument; an object with a ``$`` key is what JSON cannot say."""
    if isinstance(value, list):
        return [_decode(item, stack) for item in value]
    if not isinstance(value, dict):
        return value
    given: Any
    tag, given = next(iter(value.items()), ("", None))
    match tag:
        case "$base64":
            return base64.b64decode(given)
        case "$text":
            return given.encode()
        case "$list":
            return Patterns(given)
        case "$path":
            return Path(given)
        case "$open":
            return stack.enter_context(open(given, "rb"))
        case "$stream":
            return io.BytesIO(given.encode())
        case "$text-stream":
            return io.StringIO(given)
        case "$pipe":
            reader, writer = os.pipe()
            os.write(writer, given.encode())
            os.close(writer)
            return stack.enter_context(open(reader, "rb"))
        case "$tree":
            return marpack.tree(**given)
        case "$datetime":
            return datetime.fromisoformat(given)
        case "$float":
            return float(given)
        case "$owner":
            return marpack.Owner(**given)
        case _:
            return {name: _decode(item, stack) for name, item in value.items()}
