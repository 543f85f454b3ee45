"""How a server would run a model: what its archive says, and what the caller says instead (J63 to J66)."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from marpack.archive.manifest import MANIFEST_NAME
from marpack.archive.read.archive import Archive, WorkflowArchive
from marpack.config.rules.model_config_readers import is_ignored
from marpack.config.rules.model_config_taken import as_taken
from marpack.config.rules.model_config_text import BY_TORCHRUN, ModelConfigText
from marpack.config.text.plain_copy import path_of
from marpack.errors import ArchiveError, MarpackError, MissingExtraError
from marpack.frozen import frozen
from marpack.running.registered_manifest import registered
from marpack.running.registration_errors import (
    EMPTY_CONFIG,
    NO_TORCHRUN,
    NULL_KEY,
    NotRegisteredError,
    cast,
    no_number,
    not_started,
    server_error,
)
from marpack.running.server_python import NEWEST

# Seconds, milliseconds, and bytes: the server's own defaults.
TIMEOUT = 120
MAX_BATCH_DELAY = 100
LARGEST = 6_553_500
# The most that a message to a worker, or a server, can say.
MOST = 2**31 - 1
# Of TorchServe, since when workers may be asynchronous; of sequences 0.9.0 knew nothing either.
_ASYNCHRONOUS = (0, 11, 1)


@frozen
class ModelSettings:
    """What the front end knows of a model: a delay in milliseconds, timeouts in seconds, sizes in bytes.

    No envelope is "". ``min_workers`` and ``max_workers`` are those of the configuration, and ``device_type`` is
    what it says, in lower case: they are for who runs more than one worker.

    ``handler`` is empty where the archive names none: a worker is told the model's folder in its place.
    ``requirements_file`` is that of the manifest, None where there is none, and ``use_venv`` whether what it asks
    for goes into an environment of the model's own. With ``sequences`` each request belongs to one.
    """

    model_name: str
    version: str
    handler: str
    batch_size: int = 1
    max_batch_delay: int = MAX_BATCH_DELAY
    min_workers: int = 1
    max_workers: int = 1
    device_type: str = ""
    envelope: str = ""
    gpu: int | None = None
    startup_timeout: float = TIMEOUT
    response_timeout: float = TIMEOUT
    asynchronous: bool = False
    sequences: bool = False
    requirements_file: str | None = None
    use_venv: bool = False
    max_request_size: int = LARGEST
    max_response_size: int = LARGEST

    def with_workers(self, least: int | None, most: int | None) -> ModelSettings:
        """Return it with other numbers of workers, None for its own, which gives way to the other.

        There is one at least, and ``least`` where ``most`` is below it, as the server starts (spec/snapshot.md).
        """
        low = least
        if low is None:
            low = self.min_workers if most is None else min(self.min_workers, most)
        low = max(low, 1)
        return replace(self, min_workers=low, max_workers=max(low, self.max_workers if most is None else most))


def require_in_range(
    *,
    batch_size: int | None,
    gpu: int | None,
    startup_timeout: float | None,
    response_timeout: float | None,
    max_request_size: int,
    max_response_size: int,
) -> None:
    """Raise ``ValueError`` for a number that no server is told; None is what is not asked for.

    A server that is told a ``max_request_size`` of 0 answers requests without a body; with a ``max_response_size``
    of 0 none of its workers starts.
    """
    for name, size, least in (
        ("batch_size", batch_size, 1),
        ("max_request_size", max_request_size, 0),
        ("max_response_size", max_response_size, 1),
    ):
        if size is not None and not least <= size <= MOST:
            raise ValueError(f"{name} must be from {least} to {MOST}, not {size}")
    if gpu is not None and not 0 <= gpu <= MOST:
        raise ValueError(f"gpu must be the number of one, from 0 to {MOST}, not {gpu}")
    for name, seconds in (("startup_timeout", startup_timeout), ("response_timeout", response_timeout)):
        if seconds is not None and not seconds > 0:
            raise ValueError(f"{name} must be more than 0 seconds, not {seconds}")


def settings_of(
    archive: Archive,
    *,
    batch_size: int | None = None,
    envelope: str | None = None,
    gpu: int | None = None,
    startup_timeout: float | None = None,
    response_timeout: float | None = None,
    max_request_size: int = LARGEST,
    max_response_size: int = LARGEST,
    server: tuple[int, ...] = NEWEST,
) -> ModelSettings:
    """Return how a server runs the model of an archive; an argument that is given goes before what it says.

    ``server`` is the version of TorchServe, as numbers: keys that came later are none to it.

    A model gets the GPU that is asked for: without ``gpu`` the server is one that has none, where ``deviceType``
    and ``deviceIds`` have no effect.

    Raises ``NotServedError`` where a server answers a registration with an error before it starts a worker,
    ``MarpackError`` for a model that the server runs in a way which is not known here, ``MissingExtraError`` for
    a configuration without PyYAML, and what reading raises.
    """
    if isinstance(archive, WorkflowArchive):
        raise MarpackError(
            f"{archive.path!r} is a workflow's archive: run the models that it names, each by itself"
        )
    try:
        manifest = registered(archive.read(MANIFEST_NAME) if MANIFEST_NAME in archive else None)
        config = _taken(archive, manifest.config_file)
    except NotRegisteredError as refused:
        raise refused.of(archive.path, "" if MANIFEST_NAME in archive else f"it has no {MANIFEST_NAME}") from None
    if manifest.runtime == "LSP":
        raise MarpackError(
            f"{archive.path!r} has the runtime LSP, of TorchServe's C++ back end: only Python's is run"
        )
    kind = config.get("parallelType", "").lower()
    if kind in BY_TORCHRUN and _parallel_level(config) > 0:
        if "torchrun" not in config:
            raise not_started(
                archive.path, model_name=manifest.model_name, version=manifest.version, why=NO_TORCHRUN
            )
        message = f"has parallelType {kind!r}, for several processes that torchrun starts: one alone is run"
        raise MarpackError(f"{archive.path!r} {message}")
    if config.get("continuousBatching"):
        raise MarpackError(
            f"{archive.path!r} has continuousBatching, whose requests are not answered at once: not run"
        )
    return ModelSettings(
        model_name=manifest.model_name,
        version=manifest.version,
        handler=manifest.handler,
        batch_size=batch_size or config.get("batchSize", 1),
        max_batch_delay=config.get("maxBatchDelay", MAX_BATCH_DELAY),
        min_workers=config.get("minWorkers", 1),
        max_workers=config.get("maxWorkers", 1),
        device_type=config.get("deviceType", "").lower(),
        envelope=envelope or "",
        gpu=gpu,
        startup_timeout=startup_timeout or config.get("startupTimeout", TIMEOUT),
        response_timeout=response_timeout or config.get("responseTimeout", TIMEOUT),
        asynchronous=config.get("asyncCommunication", False) and server >= _ASYNCHRONOUS,
        sequences=config.get("sequenceBatching", False) and server >= _ASYNCHRONOUS,
        requirements_file=manifest.requirements_file,
        use_venv=config.get("useVenv", False) and manifest.runtime == "python",
        max_request_size=max_request_size,
        max_response_size=max_response_size,
    )


def _taken(archive: Archive, name: str | None) -> Mapping[str, Any]:
    """Return what the front end takes of the configuration: nothing of a file that it cannot read."""
    if name is None or name not in archive:
        return {}
    try:
        text = ModelConfigText.read(archive.read(name))
    except MissingExtraError:
        raise MissingExtraError(f"reading the configuration of {archive.path!r} ({name})", "yaml") from None
    except ArchiveError:
        return {}
    if text.error is not None:
        if text.error.fault == "empty":
            raise server_error(EMPTY_CONFIG)
        return {}  # the worker reads it again, and says what is wrong
    if is_ignored(text):
        return {}
    for place in text.looks.places if text.looks is not None else ():
        if place.matter in ("tag", "no-digit"):
            raise no_number(place.text)
    _require_texts(text)
    taken = as_taken(text)
    return {key: taken[key] for key in text.settings if key in taken}


def _require_texts(text: ModelConfigText) -> None:
    """Refuse what is no mapping of texts, as the front end does where it comes upon it."""
    if text.document is None:
        raise server_error(EMPTY_CONFIG)
    if not isinstance(text.document, Mapping):
        raise cast(text.document, "java.util.Map")
    numbers = {place.path for place in text.looks.places if place.matter == "number-key"} if text.looks else set()
    for key, value in text.document.items():
        _require_text(key, "", numbers)
        for inside in value if key == "torchrun" and isinstance(value, Mapping) else ():
            _require_text(inside, key, numbers)


def _require_text(key: object, section: str, numbers: Set[str]) -> None:
    if key is None:
        raise server_error(NULL_KEY)
    if not isinstance(key, str):
        raise cast(key, "java.lang.String")
    if path_of(section, key) in numbers:
        raise cast(0.0, "java.lang.String")


def _parallel_level(config: Mapping[str, Any]) -> int:
    """Return of how many processes a worker is: what ``torchrun`` says, or ``parallelLevel``, the last of them."""
    level = 0
    for key, value in config.items():
        if key == "parallelLevel":
            level = value
        elif key == "torchrun":
            level = value.get("nproc-per-node", 1)
    return level
