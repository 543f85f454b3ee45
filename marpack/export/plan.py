"""From archives, or a server's settings, to what an export will be: nothing is written, and nothing run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marpack.archive.read.limits import Limits
from marpack.archive.read.open import ArchiveSource
from marpack.config.server_config import ServerConfig
from marpack.config.settings.keys import KEYS
from marpack.config.settings.releases import OLD_ENVELOPES
from marpack.display import printable
from marpack.errors import MarpackError
from marpack.export import kserve_files, ray_files
from marpack.export.documents import export_json, export_page
from marpack.export.entry import ExportEntry
from marpack.export.exported import exported_models
from marpack.export.model import ExportedModel
from marpack.export.packages import PackageFile, own_package, server_package
from marpack.export.requirements import Requirements, merged
from marpack.export.steps import contents, steps
from marpack.export.store import Opening, gather
from marpack.export.targets import REQUIREMENTS, TORCHSERVE, ExportTarget, require_target
from marpack.export.told_models import told_model
from marpack.export.told_replicas import told_replicas
from marpack.export.told_settings import VARIABLES, http_address, told_settings
from marpack.export.told_uses import told_uses
from marpack.frozen import frozen

# By which an export is known, and may be replaced.
MARKER = "export.json"
# What of an export for SageMaker its container unpacks.
_SAGEMAKER = "model"


@frozen
class ExportPlan:
    """All that an export will be.

    ``files`` are the small ones, by their paths below ``inner``, the folder of what an engine reads (``""`` where
    that is the export's own), ``about`` those beside it; ``packages`` are files of Python packages, also below
    ``inner``. ``entries`` say what has become of what the server was told. The archives of ``models`` are open for
    as long as the plan is there.
    """

    target: ExportTarget
    models: tuple[ExportedModel, ...]
    entries: tuple[ExportEntry, ...]
    files: Mapping[str, str]
    about: Mapping[str, str]
    packages: tuple[PackageFile, ...]
    inner: str

    def __str__(self) -> str:
        below = f"{self.inner}/" if self.inner else ""
        size = sum(member.size for model in self.models for member in model.archive.members)
        lines = [f"{self.target}: {len(self.models)} models, {size:,} bytes of theirs"]
        lines += [f"{below}{model.folder}: {printable(model.title)}" for model in self.models]
        lines += sorted([*(f"{below}{name}" for name in self.files), *self.about])
        return "\n".join(lines)


def plan_export(
    *sources: ArchiveSource,
    to: str,
    model_store: str | os.PathLike[str] | None = None,
    envelope: str | None = None,
    gpu: bool | None = None,
    service_name: str | None = None,
    image: str | None = None,
    with_marpack: bool = True,
    with_ts: bool = False,
    python: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
    storage_options: Mapping[str, Any] | None = None,
    download: bool = False,
) -> ExportPlan:
    """Plan a folder by which another engine serves models of TorchServe: their handlers stay as they are.

    - ``sources``: archives, as ``open_archive`` takes them; or a model store; or one config.properties, or a
      folder with one, whose snapshot or ``load_models`` names the archives, in ``model_store`` where that is not
      the folder that the settings name.
    - ``to``: ``"ray"``, ``"sagemaker-ray"`` or ``"kserve"``.
    - ``envelope``: what the server is told as ``service_envelope``, in place of what the settings say; ``gpu``:
      whether each model gets a GPU, in place of what the configurations say.
    - ``service_name``, ``image``: of KServe's InferenceService; made of the model's name unless they are given.
    - ``with_marpack``: have marpack's own package in the folder, as it is in no index; else it is a requirement.
      ``with_ts``: have the Python part of TorchServe 0.12.0 in it, with its licence, taken from the ``python``
      that it is installed for, by default this one; else it is a requirement.
    - ``limits``, ``storage_options``, ``download``: see ``open_archive``.

    The same inputs make the same plan, and a plan has no secrets of the settings, and no paths of this machine.

    Raises ``ValueError`` for an unknown target; ``MarpackError`` for models that no worker here runs (workflows,
    the runtime ``LSP``, torchrun, continuous batching), for an envelope that TorchServe does not bring, for
    settings that cannot be read or do not fit their archives; ``NotServedError`` for what no server would
    register; ``PlanError`` for a service that KServe would refuse; and what reading raises.
    """
    target = require_target(to)
    for option, value in (("service_name", service_name), ("image", image)):
        if value is not None and target != "kserve":
            raise MarpackError(f"{option} is for KServe, and this export is for {target}: leave it out")
    if python is not None and not with_ts:
        raise MarpackError(
            "python is where with_ts takes TorchServe's package from: ask for that, or leave it out"
        )
    opening = Opening(limits=limits, storage_options=storage_options, download=download)
    gathered = gather(sources, model_store=model_store, opening=opening)
    config = gathered.config
    models = exported_models(
        gathered.models,
        envelope=_envelope(config.service_envelope if envelope is None else envelope),
        envelope_seen="service_envelope" if envelope is None else "the export: --envelope",
        gpu=gpu,
        sizes=_sizes(config),
        environment=_environment(config),
    )
    if target == "kserve":
        models = kserve_files.with_gpus(models)
    if target == "sagemaker-ray" and len(models) > 1:
        named = ", ".join(model.title for model in models)
        raise MarpackError(f"SageMaker's container is asked without a model's name: export one of {named} alone")
    for model in models:
        model.archive.refuse(case_sensitive=True)
    requirements = merged(models, target, with_ts=with_ts, with_marpack=with_marpack)
    address = _address(config)
    files = dict(_files(models, target, address, requirements))
    shown_image = ""
    if target == "kserve":
        service = kserve_files.service(models, name=service_name, image=image)
        files["inferenceservice.yaml"] = kserve_files.service_text(service)
        shown_image = service.image
    entries = (
        *told_settings(config, gathered.settings_name, target, envelope=envelope),
        *(entry for model in models for entry in told_model(model, target)),
        *told_uses(models, target),
        *told_replicas(models, target),
        *requirements.entries,
    )
    sections = (
        steps(models, target, address=address, image=shown_image),
        contents(target, with_marpack=with_marpack, with_ts=with_ts),
    )
    about = {
        "EXPORT.md": export_page(models, entries, target, sections=sections),
        MARKER: export_json(models, entries, target),
    }
    packages = [*(own_package() if with_marpack else ()), *(server_package(python) if with_ts else ())]
    return ExportPlan(
        target=target,
        models=models,
        entries=entries,
        files=files,
        about=about,
        packages=tuple(packages),
        inner=_SAGEMAKER if target == "sagemaker-ray" else "",
    )


def _files(
    models: Sequence[ExportedModel], target: ExportTarget, address: tuple[str, int], requirements: Requirements
) -> Iterator[tuple[str, str]]:
    """Yield what an engine reads, but for the models: names and texts."""
    if target == "kserve":
        yield "app.py", kserve_files.app_text(models)
        yield "Containerfile", kserve_files.CONTAINERFILE
        yield REQUIREMENTS[target], requirements.text
        return
    yield f"{ray_files.MODULES[target]}.py", ray_files.app_text(models, target)
    yield "config.yaml", ray_files.config_text(models, target, address)
    yield REQUIREMENTS[target], requirements.text


def _envelope(told: str | None) -> str | None:
    """Return the name that an envelope has now; ``MarpackError`` for one that TorchServe does not bring."""
    name = OLD_ENVELOPES.get(told or "", told)
    known = KEYS["service_envelope"].choices
    if name and name not in known:
        raise MarpackError(
            f"the envelope {name!r} is none that TorchServe {TORCHSERVE} brings ({', '.join(known)}): it was in "
            "the server's own package, and in no archive. Have the handler do what it does, and name another "
            "(--envelope)"
        )
    return name or None


def _sizes(config: ServerConfig) -> dict[str, int]:
    sizes = {name: getattr(config, name) for name in ("max_request_size", "max_response_size")}
    return {name: size for name, size in sizes.items() if size is not None}


def _environment(config: ServerConfig) -> dict[str, str]:
    told = {variable: getattr(config, key) for key, variable in VARIABLES.items()}
    return {variable: str(value).lower() for variable, value in told.items() if value is not None}


def _address(config: ServerConfig) -> tuple[str, int]:
    found = http_address(config.inference_address or "")
    return ray_files.LOOPBACK if found is None else found
