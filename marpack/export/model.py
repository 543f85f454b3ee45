"""A model of an archive, with all that a server was told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marpack.archive.read.archive import ModelArchive
from marpack.checks.python.torch_handlers import HANDLER_MODULES
from marpack.export.handler_text import Uses
from marpack.frozen import frozen
from marpack.running.model_settings import ModelSettings


@frozen
class ToldModel:
    """A model as a server was told to serve it.

    ``told`` are settings that were given beside the archive, each with where: ``batch_size``, ``max_batch_delay``
    (ms), ``min_workers``, ``max_workers``, ``response_timeout`` and ``startup_timeout`` (s). They go before what
    the archive's configuration says, or behind it.
    """

    archive: ModelArchive
    told: Mapping[str, tuple[int, str]]
    goes_before: bool = True
    is_default: bool | None = None


@frozen
class ExportedModel:
    """One version of a model that is exported: ``settings`` are those that count, ``told`` as of ``ToldModel``.

    ``folder`` is where its files go, below the export's. ``config`` is what stands in its configuration,
    ``heeded`` are those of the server's keys in it that it takes, ``envelope_seen`` says where the envelope was
    told, ``config_name`` and ``requirements_name`` are the members' names, None where there is none.
    ``environment`` is what its workers are told by variables. ``gpu`` is whether the export was told to give it a
    GPU, None where what it says counts; ``settings.gpu`` is the number that its handler is told. ``uses`` are
    names of TorchServe's interface that its sources mention, and the request's headers that these ask for.
    """

    archive: ModelArchive
    settings: ModelSettings
    told: Mapping[str, tuple[int, str]]
    is_default: bool
    folder: str
    config: Mapping[str, Any]
    heeded: frozenset[str]
    envelope_seen: str
    config_name: str | None
    requirements_name: str | None
    requirements: bytes
    environment: Mapping[str, str]
    gpu: bool | None
    uses: Uses

    @property
    def title(self) -> str:
        """The model and its version, as people say it."""
        return f"{self.settings.model_name} {self.settings.version}"

    @property
    def needs_gpu(self) -> bool:
        """Whether a worker of it asks for a GPU."""
        return self.settings.device_type == "gpu"


def own_handlers(model: ExportedModel) -> list[str]:
    """Return the modules of TorchServe's own handlers that a model's is, or imports, sorted."""
    named = model.settings.handler.removesuffix(".py")
    return sorted({*model.uses.handlers, *({named} & HANDLER_MODULES.keys())})


def one_name(models: Sequence[ExportedModel]) -> str | None:
    """Return the name of the only model, None where there are several; versions of one are one model."""
    names = {model.settings.model_name for model in models}
    return names.pop() if len(names) == 1 else None
