"""What becomes of what a model is told: by its archive, and by the server that had it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marpack.config.rules.model_config_text import KEYS, SECTIONS
from marpack.export.entry import ExportEntry
from marpack.export.handler_text import ASKS
from marpack.export.model import ExportedModel
from marpack.export.targets import REQUIREMENTS, TITLES, ExportTarget

# What a model's settings are called where TorchServe reads them, and what each becomes.
_CARRIED: Mapping[str, tuple[str, str]] = {
    "batch_size": ("batchSize", "{batch}"),
    "max_batch_delay": ("maxBatchDelay", "{delay}"),
    "min_workers": ("minWorkers", "{low}"),
    "max_workers": ("maxWorkers", "{high}"),
    "response_timeout": ("responseTimeout", "the time after which the worker is ended, and started again"),
    "startup_timeout": ("startupTimeout", "the time that loading may take"),
}
_PLACES: Mapping[ExportTarget, Mapping[str, str]] = {
    "ray": {
        "batch": "config.yaml: user_config",
        "delay": "config.yaml: user_config",
        "low": "config.yaml: num_replicas, or min_replicas of autoscaling_config",
        "high": "config.yaml: max_replicas of autoscaling_config",
        "both": "config.yaml: num_replicas",
        "gpu": "config.yaml: ray_actor_options, num_gpus 1",
        "share": "a num_gpus of 0.25 there lets four replicas share one",
        "ended": "a replica whose worker cannot be started is unhealthy, and Ray Serve makes another",
    },
    "kserve": {
        "batch": "app.py: the model gathers so many requests",
        "delay": "app.py: and waits so long for them",
        "low": "inferenceservice.yaml: minReplicas",
        "high": "inferenceservice.yaml: maxReplicas",
        "both": "inferenceservice.yaml: maxReplicas",
        "gpu": "inferenceservice.yaml: resources, one of nvidia.com/gpu, of which it is told number {number}",
        "ended": "where it cannot be, the model is not ready, and whoever asks whether it is has it tried again",
        "share": "a cluster whose GPUs are divided (time slices, MIG) names a part of one there",
    },
}
_NO_SEQUENCES = "nothing brings the requests of a sequence to one of several replicas: have one"
_LOST: Mapping[str, str] = {
    "deviceIds": "the engine gives a replica one of its GPUs, whichever is free",
    "parallelType": "a worker is one process here, and is given one GPU",
    "parallelLevel": "a worker is one process here, and is given one GPU",
    "torchrun": "a worker is one process here: torchrun is not called",
    "maxRetryTimeoutInSec": "a worker that dies is started again at once, without an end; {ended}",
    "clientTimeoutInMills": "the engine knows when a client has gone: set its own time limit for requests",
    "jobQueueSize": "requests wait in the engine's own queue: Ray Serve's max_queued_requests, KServe's "
    "containerConcurrency",
    "useJobTicket": "the engine gives a request to the replica that has room for it",
    "sequenceMaxIdleMSec": _NO_SEQUENCES,
    "sequenceTimeoutMSec": _NO_SEQUENCES,
    "maxSequenceJobQueueSize": _NO_SEQUENCES,
    "maxNumSequence": _NO_SEQUENCES,
    "sequenceBatching": f"{_NO_SEQUENCES}; one without an id begins another, and no more is known of it",
    "useVenv": "what the model asks for goes into one environment, with what the others ask for",
}


def told_model(model: ExportedModel, target: ExportTarget) -> Iterator[ExportEntry]:
    """Yield what becomes of all that a model is told, in an order of its own."""
    places = _PLACES["kserve" if target == "kserve" else "ray"]
    yield ExportEntry(
        fate="carried",
        about=model.title,
        what=f"the handler, {model.settings.handler or 'which TorchServe chooses'}, its context and its errors",
        seen="MAR-INF/MANIFEST.json: handler",
        becomes=f"{model.folder}, run by TorchServe's own worker",
    )
    config_name = model.config_name or ""
    for name, (key, becomes) in _CARRIED.items():
        seen = _seen(model, name, key)
        if seen is not None:
            is_both = name == "max_workers" and model.settings.max_workers == model.settings.min_workers
            where = places["both"] if is_both else becomes.format(**places)
            why = _why_changed(model, name)
            yield ExportEntry(
                fate="changed" if why else "carried",
                about=model.title,
                what=_valued(model, name, key),
                seen=seen,
                becomes=where,
                why=why,
            )
    if _seen(model, "min_workers", "minWorkers") is None:
        yield ExportEntry(
            fate="changed",
            about=model.title,
            what="a worker for each GPU or CPU of the machine",
            seen="TorchServe's default for a model of load_models (default_workers_per_model)",
            becomes=f"one worker; {places['low']} says how many",
            why="the engine does not count them, and each worker takes the memory of a model",
        )
    yield from _device(model, target, places)
    for key in model.config:
        seen = f"{config_name}: {key}"
        if key in KEYS and key not in SECTIONS and key not in model.heeded:
            why = "TorchServe does not take it as it stands there either (marpack check says why)"
            yield ExportEntry(fate="lost", about=model.title, what=str(key), seen=seen, why=why)
        elif model.config[key] is False:  # nothing is asked for
            continue
        elif key in _LOST:
            yield ExportEntry(fate="lost", about=model.title, what=key, seen=seen, why=_LOST[key].format(**places))
        elif key == "asyncCommunication":
            yield ExportEntry(
                fate="changed",
                about=model.title,
                what="requests are given to the handler as they come, while others are being answered",
                seen=seen,
                becomes="all that wait are given to it at once, and what comes meanwhile when these are answered",
                why="here a worker answers one round of requests after another",
            )
        elif key in SECTIONS or key not in KEYS:
            yield ExportEntry(
                fate="carried",
                about=model.title,
                what=str(key),
                seen=seen,
                becomes="the handler finds it in the same file (context.model_yaml_config)",
            )
    if model.settings.envelope:
        yield ExportEntry(
            fate="carried",
            about=model.title,
            what=f"the envelope {model.settings.envelope}",
            seen=model.envelope_seen,
            becomes="the worker's own envelope of that name",
        )
    elif target == "kserve":
        yield ExportEntry(
            fate="changed",
            about=model.title,
            what='the envelope that KServe has TorchServe use, which takes the inputs out of {"instances": ...}',
            seen="TS_SERVICE_ENVELOPE of KServe's runtime for TorchServe",
            becomes="none: the handler is given the body as the client sent it",
            why="nothing that was exported names one: if KServe served this model, export with --envelope kserve "
            "(kservev2 where the service has protocolVersion v2)",
        )
    if headers := ", ".join(model.uses.headers):
        yield ExportEntry(
            fate="carried",
            about=model.title,
            what=f"headers in the handler's spelling: {headers}",
            seen=next(model.uses.words[word] for word in ASKS if word in model.uses.words),
            becomes="header_names of the program",
        )
    if model.requirements_name is not None:
        yield ExportEntry(
            fate="carried",
            about=model.title,
            what="the requirements file",
            seen=f"MAR-INF/MANIFEST.json: requirementsFile, {model.requirements_name}",
            becomes=REQUIREMENTS[target],
        )


def _seen(model: ExportedModel, name: str, key: str) -> str | None:
    """Return where a setting was told, None where it was not."""
    if name in model.told:
        return model.told[name][1]
    return f"{model.config_name}: {key}" if key in model.heeded else None


def _valued(model: ExportedModel, name: str, key: str) -> str:
    value: Any = model.told[name][0] if name in model.told else getattr(model.settings, name)
    return f"{key} {value:g}"


def _why_changed(model: ExportedModel, name: str) -> str:
    """Return why a number of workers is not the same, ``""`` for what is."""
    if name in ("min_workers", "max_workers") and name in model.told and model.told[name][0] < 1:
        return "a model has one worker at least: leave it out of the export where it is not to be asked"
    if name == "max_workers" and model.settings.max_workers > model.settings.min_workers:
        return (
            "TorchServe starts minWorkers, and more only where it is told to: the engine does so when requests "
            "wait, and ends them later"
        )
    return ""


def _device(model: ExportedModel, target: ExportTarget, places: Mapping[str, str]) -> Iterator[ExportEntry]:
    kind = model.settings.device_type
    is_told = str(model.config.get("deviceType", "")).lower() == kind
    seen = f"{model.config_name}: deviceType" if is_told else "the export: --gpu" if model.needs_gpu else ""
    what = f"deviceType {kind}" if is_told else "a GPU for each worker"
    if model.needs_gpu:
        becomes = places["gpu"].format(number=model.settings.gpu)
        more = "; the instance has to have one" if target == "sagemaker-ray" else ""
        yield ExportEntry(fate="carried", about=model.title, what=what, seen=seen, becomes=f"{becomes}{more}")
        if model.settings.max_workers > 1:
            yield ExportEntry(
                fate="changed",
                about=model.title,
                what=f"{model.settings.max_workers} workers, which share the machine's GPUs",
                seen="TorchServe gives its GPUs to workers in turn, the same to several",
                becomes="a whole GPU for each replica",
                why=f"the engine gives out GPUs, and waits for a free one; {places['share']}",
            )
    elif kind and is_told:
        becomes = f"no GPU is asked of {TITLES[target]}"
        yield ExportEntry(fate="carried", about=model.title, what=what, seen=seen, becomes=becomes)
    elif kind:
        yield ExportEntry(
            fate="changed",
            about=model.title,
            what="a GPU, where a model asks for one, or the machine has one",
            seen="TorchServe's way",
            becomes="no GPU",
            why="the export was asked for none: --no-gpu",
        )
    else:
        yield ExportEntry(
            fate="changed",
            about=model.title,
            what="a GPU, where the machine has one",
            seen="TorchServe's default for a model without deviceType",
            becomes="no GPU",
            why="the engine has to be asked for one: export with --gpu, or say deviceType in model-config.yaml",
        )
