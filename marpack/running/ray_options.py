"""What Ray Serve is told of models: the names of their deployments, and the options of each. It needs no Ray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from marpack.errors import MarpackError
from marpack.running.model_settings import ModelSettings

# Of an application with several models: what stands before them.
FRONT = "front"
# Requests that are given to a replica, waiting or not: as many as wait in TorchServe's queue of a model.
_WAITING = 100
# Of a deployment's name: files have it in theirs, between others.
_LONGEST = 200
# The front waits for others all the time: as many as come.
_PASSING = 10_000


def deployment_names(models: Sequence[ModelSettings]) -> list[str]:
    """Return the names of the deployments, in this order: the model's, with the version where it has several.

    Raises ``MarpackError`` where two are the same version of one model, and for a name that Ray Serve cannot have.
    """
    versions = Counter(model.model_name for model in models)
    told = [
        model.model_name if versions[model.model_name] == 1 else f"{model.model_name}:{model.version}"
        for model in models
    ]
    for name, count in Counter(told).items():
        if count > 1:
            raise MarpackError(f"{count} of these archives are {name!r}: serve each version of a model once")
        if problem := _problem(name):
            raise MarpackError(
                f"the model {name!r:.{_LONGEST}} {problem}, which a deployment's name cannot have: rename it"
            )
        if name == FRONT and len(models) > 1:
            raise MarpackError(f"a model named {name!r} cannot be one of several: rename it, or serve it alone")
    return told


def _problem(name: str) -> str:
    """Return what Ray Serve 2.60 fails at, its controller in some cases, and nobody is told of; else nothing."""
    if "#" in name:
        return "has a '#'"
    if not name.isascii():
        return "has letters beyond ASCII"
    return f"has {len(name)} letters, more than {_LONGEST}" if len(name) > _LONGEST else ""


def deployment_options(model: ModelSettings) -> dict[str, Any]:
    """Return the options of a model's deployment, by Ray Serve's names.

    A replica is what a worker is to TorchServe. ``user_config`` is what a replica takes without being started
    anew: ``batch_size``, and ``max_batch_delay`` in milliseconds. Raises ``MarpackError`` for a model of sequences
    that is to have several: nobody would bring the requests of one to the same replica.
    """
    if model.sequences and model.max_workers > 1:
        raise MarpackError(
            f"{model.model_name!r} has sequenceBatching, whose requests belong to one worker: serve it with "
            "min_workers=1 and max_workers=1 (minWorkers, maxWorkers of its model-config.yaml, or of the settings)"
        )
    told: dict[str, Any] = {
        "max_ongoing_requests": max(_WAITING, 2 * model.batch_size),
        "user_config": {"batch_size": model.batch_size, "max_batch_delay": model.max_batch_delay},
    }
    if model.max_workers > model.min_workers:
        told["autoscaling_config"] = {
            "min_replicas": model.min_workers,
            "max_replicas": model.max_workers,
            # As many as are on their way without more than one batch waiting.
            "target_ongoing_requests": _WAITING if model.asynchronous else 2 * model.batch_size,
        }
    else:
        told["num_replicas"] = model.min_workers
    if model.gpu is not None:
        told["ray_actor_options"] = {"num_gpus": 1}
    return told


def front_options() -> dict[str, Any]:
    """Return the options of the deployment that stands before several models: it takes no CPU of its own."""
    return {"max_ongoing_requests": _PASSING, "ray_actor_options": {"num_cpus": 0}}
