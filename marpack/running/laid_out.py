"""A model in a folder, with all that a worker is started and told to load it with; whatever holds the model."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from marpack.archive.plan.plan import ArchivePlan, Plan
from marpack.archive.read.archive import Archive
from marpack.archive.read.open import ArchiveSource, file_name_of, open_archive
from marpack.archive.write.write import write_archive
from marpack.errors import MarpackError
from marpack.frozen import frozen
from marpack.running.environment import worker_environment
from marpack.running.model_folder import as_registered, unpack
from marpack.running.model_settings import ModelSettings, settings_of
from marpack.running.requirements import install
from marpack.running.server_python import ServerPython
from marpack.running.signed_folder import private_copy

if TYPE_CHECKING:
    from marpack.signing import RequiredSignature

ModelSource: TypeAlias = "Plan | ArchiveSource"


@frozen
class LaidOut:
    """A model that can be loaded: ``path`` names it in errors, ``places`` are those of ``traceback_of``."""

    path: str
    settings: ModelSettings
    folder: str
    places: tuple[tuple[str, str], ...]
    python: ServerPython
    environment: Mapping[str, str]


def lay_out(
    source: ModelSource,
    scratch: str,
    python: ServerPython,
    *,
    opening: Mapping[str, Any],
    asked: Mapping[str, Any],
    more: Mapping[str, str],
    requirements: bool,
    signature: RequiredSignature | None = None,
) -> LaidOut:
    """Lay a model out below ``scratch``, or a link to its folder, as a server with this Python.

    ``opening`` goes to ``open_archive``, ``asked`` to ``settings_of``, ``more`` are variables of the worker's.
    What has to be signed is held against its ``signature`` before anything is unpacked. Raises what these raise,
    and what unpacking and installing do.
    """
    with _opened(source, scratch, opening, signature) as (archive, laid, path):
        settings = settings_of(archive, server=python.version, **asked)
        name = source.file_name if isinstance(source, Plan) else file_name_of(archive)
        folder = laid or unpack(archive, scratch)
    environment = worker_environment(
        folder, more, handler=settings.handler, server_home=os.path.dirname(python.package)
    )
    if requirements:
        executable = install(python, settings, folder, path=path, scratch=scratch, environment=environment)
        python = replace(python, executable=executable)
    real = os.path.realpath(folder)
    shown = real if os.path.islink(folder) else name or settings.model_name
    return LaidOut(
        path=path,
        settings=settings,
        folder=folder,
        places=((folder, shown), (real, shown)),
        python=python,
        environment=environment,
    )


def require_written(plan: Plan, signature: RequiredSignature | None) -> None:
    """Raise ``MarpackError`` where a plan has to be signed."""
    if signature is not None:
        raise MarpackError(f"{plan.file_name!r} is planned, and nothing is signed before it is written: write it")


@contextlib.contextmanager
def _opened(
    source: ModelSource, scratch: str, opening: Mapping[str, Any], signature: RequiredSignature | None
) -> Iterator[tuple[Archive, str | None, str]]:
    """Yield the archive, the model's folder where it is one already, and what it is called in errors."""
    if isinstance(source, Plan):
        require_written(source, signature)
    if isinstance(source, Archive):
        with _signed(source, scratch, signature) as archive:
            yield archive, None, source.path
    elif not isinstance(source, Plan):
        if signature is not None:
            # What lies behind a URL may be something else when it is read again.
            opening = {**opening, "download": True}
        with (
            as_registered(file_name_of(source)),
            open_archive(source, **opening) as opened,
            _signed(opened, scratch, signature) as archive,
        ):
            yield archive, None, opened.path
    elif not isinstance(source, ArchivePlan):
        raise MarpackError(f"{source.file_name!r} is a workflow's: run the models that it names, each by itself")
    else:
        # A folder is what a server makes of each form; of a folder it makes a link.
        is_folder = source.archive_format == "no-archive"
        folder = os.path.join(scratch, source.model_name if is_folder else "model")
        write_archive(replace(source, archive_format="no-archive"), folder)
        with open_archive(folder) as archive:
            yield archive, None if is_folder else folder, source.file_name


@contextlib.contextmanager
def _signed(archive: Archive, scratch: str, signature: RequiredSignature | None) -> Iterator[Archive]:
    """Yield an archive all of which is signed, where that is required: of a folder, a copy that nobody changes."""
    if signature is None:
        yield archive
    elif archive.form != "folder":
        signature.require(archive)
        yield archive
    else:
        with open_archive(private_copy(archive, signature, scratch)) as copy:
            signature.require(copy)
            yield copy
