"""A model that another engine serves: its archive, and what is said instead of what that says."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from marpack.archive.plan.plan import ArchivePlan, Plan
from marpack.archive.read.archive import Archive
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import file_name_of, open_archive
from marpack.archive.write.write import iter_archive
from marpack.errors import MarpackError
from marpack.frozen import frozen
from marpack.remote.urls import is_url
from marpack.running.laid_out import ModelSource, require_written
from marpack.running.model_folder import as_registered
from marpack.running.model_settings import LARGEST, MOST, ModelSettings, require_in_range, settings_of
from marpack.running.registered_manifest import registered
from marpack.running.registration_errors import NotRegisteredError
from marpack.running.request import Request, is_header
from marpack.running.server_python import NEWEST
from marpack.running.worker import Worker

if TYPE_CHECKING:
    from marpack.signing import RequiredSignature

_GPU = "gpu"


@frozen
class ServedModel:
    """An archive, and how an engine serves it; None is what its configuration says, or else TorchServe's default.

    - ``archive``, ``envelope``, ``python``, ``requirements``, ``environment``, ``limits``, ``storage_options``,
      ``download``, ``signature``, ``batch_size`` and the limits of times (seconds) and sizes (bytes) are those of
      ``Worker``.
    - ``max_batch_delay``: milliseconds for which a batch waits for more requests.
    - ``min_workers``, ``max_workers``: how many workers the engine runs, each in a replica of its own.
    - ``gpu``: whether a replica has a GPU. ``gpu_id``: the number of the one that its handler is told, among those
      that the replica sees.
    - ``header_names``: headers as the handler spells them (``Content-Type``), which it is given so. TorchServe
      gives names as the client has spelled them, and an engine knows small letters alone.
    - ``is_default``: whether this is the version that a path without one means; else the first of its name is.

    Raises ``ValueError`` for a number that no server is told, and for what is no name of a header.
    """

    archive: ModelSource
    batch_size: int | None = None
    max_batch_delay: int | None = None
    min_workers: int | None = None
    max_workers: int | None = None
    gpu: bool | None = None
    gpu_id: int = 0
    envelope: str | None = None
    python: str | os.PathLike[str] | None = None
    requirements: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    startup_timeout: float | None = None
    response_timeout: float | None = None
    max_request_size: int = LARGEST
    max_response_size: int = LARGEST
    limits: Limits | None = None
    storage_options: Mapping[str, Any] | None = None
    download: bool = False
    signature: RequiredSignature | None = None
    header_names: tuple[str, ...] = ()
    is_default: bool = False

    def __post_init__(self) -> None:
        require_in_range(gpu=None, **self._numbers)
        for name, least in (("max_batch_delay", 0), ("min_workers", 1), ("max_workers", 1), ("gpu_id", 0)):
            number = getattr(self, name)
            if number is not None and not least <= number <= MOST:
                raise ValueError(f"{name} must be from {least} to {MOST}, not {number}")
        if self.min_workers and self.max_workers and self.max_workers < self.min_workers:
            raise ValueError(f"max_workers is {self.max_workers}, less than min_workers, {self.min_workers}")
        for name in self.header_names:
            if not is_header(name, ""):
                raise ValueError(f"no name of a header: {name!r}")

    @property
    def _numbers(self) -> dict[str, Any]:
        names = ("batch_size", "startup_timeout", "response_timeout", "max_request_size", "max_response_size")
        return {name: getattr(self, name) for name in names}

    @property
    def _opening(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("limits", "storage_options", "download")}
        return told if self.signature is None else {**told, "download": True}

    def elsewhere(self) -> ServedModel:
        """Return it for another process, in whichever folder that works: with absolute paths.

        Raises ``MarpackError`` for an archive that is open, which no other process has.
        """
        archive: ModelSource = self.archive
        if isinstance(archive, (str, os.PathLike)):
            archive = os.fspath(archive)
            archive = archive if is_url(archive) else os.path.abspath(archive)
        elif not isinstance(archive, Plan):
            name = file_name_of(archive)
            raise MarpackError(
                f"{name!r} is open here, and is served by another process: name its path or its URL"
            )
        python = None if self.python is None else os.fspath(self.python)
        if python is not None and os.path.dirname(python):
            python = os.path.abspath(python)
        signature = None if self.signature is None else self.signature.absolute()
        return replace(self, archive=archive, python=python, signature=signature)

    def settings(self, *, server: tuple[int, ...] = NEWEST) -> ModelSettings:
        """Read how it is served by a TorchServe of a version, of the archive's own words and of these.

        ``gpu`` is None where it gets none. Nothing is run, and no TorchServe need be there. Raises what
        ``Worker.start`` raises for an archive that no server would register.
        """
        archive = self.archive
        if isinstance(archive, Archive):
            found = self._settings_of(archive, server)
        elif isinstance(archive, Plan):
            require_written(archive, self.signature)
            with open_archive(io.BytesIO(_words_of(archive))) as words:
                found = self._settings_of(words, server)
        else:
            with as_registered(file_name_of(archive)), open_archive(archive, **self._opening) as opened:
                found = self._settings_of(opened, server)
        delay = found.max_batch_delay if self.max_batch_delay is None else self.max_batch_delay
        has_gpu = found.device_type == _GPU if self.gpu is None else self.gpu
        found = found.with_workers(self.min_workers, self.max_workers)
        return replace(found, max_batch_delay=delay, gpu=self.gpu_id if has_gpu else None)

    def _settings_of(self, archive: Archive, server: tuple[int, ...]) -> ModelSettings:
        if self.signature is not None:
            self.signature.require(archive)
        return settings_of(archive, envelope=self.envelope, server=server, **self._numbers)

    def spelled(self, request: Request) -> Request:
        """Return a request with the names of headers in small letters, but those in ``header_names``."""
        spelling = {name.lower(): name for name in self.header_names}
        headers = tuple((spelling.get(name.lower(), name.lower()), value) for name, value in request.headers)
        return replace(request, headers=headers)

    def worker(self, settings: ModelSettings) -> Worker:
        """Return a worker of it, not started; ``settings`` are its own, with another batch size perhaps."""
        return Worker(
            self.archive,
            batch_size=settings.batch_size,
            gpu=settings.gpu,
            envelope=self.envelope,
            python=self.python,
            requirements=self.requirements,
            environment=self.environment,
            startup_timeout=self.startup_timeout,
            response_timeout=self.response_timeout,
            max_request_size=self.max_request_size,
            max_response_size=self.max_response_size,
            signature=self.signature,
            **self._opening,
        )


def _words_of(plan: Plan) -> bytes:
    """Return an archive that has of a planned one what a server reads before it starts a worker."""
    if not isinstance(plan, ArchivePlan):
        raise MarpackError(f"{plan.file_name!r} is a workflow's: serve the models that it names, each by itself")
    try:
        config = registered(plan.manifest_text.encode()).config_file
    except NotRegisteredError as refused:
        raise refused.of(plan.file_name, "") from None
    files = tuple(member for member in plan.files if member.name == config)
    return b"".join(iter_archive(replace(plan, archive_format="auto", files=files)))
