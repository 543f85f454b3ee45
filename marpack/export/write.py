"""From a plan to a folder, whole or not at all."""

from __future__ import annotations

import os
import shutil

from marpack.archive.formats.deflate import MAX_THREADS
from marpack.archive.result import Progress
from marpack.disk.atomic import replacing_folder
from marpack.disk.file_names import relative_name, without_last_separator
from marpack.disk.threads import checked_threads
from marpack.errors import SourceChangedError, TargetError
from marpack.export.documents import is_export
from marpack.export.plan import MARKER, ExportPlan
from marpack.export.tarball import write_tarball
from marpack.frozen import frozen
from marpack.remote.urls import is_url

TARBALL = "model.tar.gz"


@frozen
class ExportResult:
    """What was written: ``files`` are paths below ``folder``, sorted, and ``size`` is that of all of them."""

    folder: str
    files: tuple[str, ...]
    size: int


def write_export(
    plan: ExportPlan,
    folder: str | os.PathLike[str],
    *,
    force: bool = False,
    progress: Progress | None = None,
    threads: int | None = None,
) -> ExportResult:
    """Write an export to a new folder, which appears when all is there.

    ``force`` replaces a folder that holds an export, and nothing of what is exported. ``progress`` is called, on
    this thread, with the number of bytes of members just unpacked; ``threads`` is how many unpack and compress,
    by default one a core.

    Raises ``ArchiveExistsError`` and ``TargetError`` for a folder that cannot be, what ``Archive.extract`` raises,
    ``SourceChangedError`` for a package that was changed since it was planned, and ``OSError`` of the disk.
    """
    threads = checked_threads(threads, MAX_THREADS)
    _require_apart(plan, os.fspath(folder))
    path = os.path.abspath(os.fspath(folder))
    with replacing_folder(path, force=force, marker=MARKER, may_be_empty=True) as building:
        inner = os.path.join(building, plan.inner) if plan.inner else building
        for model in plan.models:
            place = os.path.join(inner, *model.folder.split("/"))
            os.makedirs(os.path.dirname(place), exist_ok=True)
            model.archive.extract(place, case_sensitive=True, progress=progress, threads=min(threads, 8))
        for each in plan.packages:
            target = _place(inner, each.name)
            shutil.copyfile(each.path, target)
            if os.path.getsize(target) != each.size:
                raise SourceChangedError(each.path, "has another size than when the export was planned")
        for name, text in plan.files.items():
            _write(_place(inner, name), text)
        if plan.inner:
            with open(os.path.join(building, TARBALL), "xb") as file:
                write_tarball(inner, file, threads=threads)
        for name, text in plan.about.items():
            _write(_place(building, name), text)
        files = sorted(_listed(building))
    return ExportResult(
        folder=os.fspath(folder), files=tuple(name for name, _ in files), size=sum(size for _, size in files)
    )


def _require_apart(plan: ExportPlan, folder: str) -> None:
    """Raise ``TargetError`` for no name of a folder, for one that is no export's, and one of the models' own."""
    if os.path.basename(without_last_separator(folder)) in ("", os.curdir, os.pardir):
        raise TargetError(folder, "does not name a new folder: give the name that the export's shall have")
    path = os.path.realpath(folder)
    if os.path.isfile(marker := os.path.join(path, MARKER)) and not is_export(marker):
        raise TargetError(folder, f"has an {MARKER} that is no export's: move it away, or name another folder")
    for model in plan.models:
        name = model.archive.path
        if is_url(name) or not os.path.exists(name):
            continue
        source = os.path.realpath(name)
        if _is_below(source, path):
            raise TargetError(folder, f"holds {model.archive.file_name!r}, which is exported: name another folder")
        if _is_below(path, source):
            raise TargetError(folder, "lies in the model's folder, and would be part of it: name another folder")


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _place(folder: str, name: str) -> str:
    place = os.path.join(folder, *name.split("/"))
    os.makedirs(os.path.dirname(place), exist_ok=True)
    return place


def _write(path: str, text: str) -> None:
    with open(path, "xb") as file:
        file.write(text.encode())


def _listed(folder: str) -> list[tuple[str, int]]:
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            found.append((relative_name(path, folder), os.path.getsize(path)))
    return found
