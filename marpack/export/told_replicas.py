"""What becomes of workers that stood beside each other, of one model and of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from marpack.export.entry import ExportEntry
from marpack.export.kserve_files import served_names
from marpack.export.model import ExportedModel
from marpack.export.targets import ExportTarget


def told_replicas(models: Sequence[ExportedModel], target: ExportTarget) -> Iterator[ExportEntry]:
    """Yield what becomes of workers beside each other: on the CPUs of a machine, or in one container."""
    if target != "kserve":
        count = sum(model.settings.min_workers for model in models)
        if count == 1:
            return
        yield ExportEntry(
            fate="changed",
            about="",
            what="workers that share the CPUs of the machine, however many they are",
            seen="TorchServe's way",
            becomes=f"config.yaml: ray_actor_options, num_cpus 1 of each replica, {count} in all at the start",
            why="Ray Serve starts a replica where that many CPUs are free, and until then its model's requests "
            "wait: write less where there are fewer, as num_cpus: 0.25",
        )
        return
    if len(models) == 1:
        return
    workers = {(model.settings.min_workers, model.settings.max_workers) for model in models}
    if len(workers) > 1:
        yield ExportEntry(
            fate="changed",
            about="",
            what="workers of each model",
            seen=", ".join(f"{model.title}: {model.settings.min_workers}" for model in models),
            becomes="inferenceservice.yaml: as many replicas as the model with the most workers has",
            why="a replica has one worker of each model: export them apart to scale them apart",
        )
    names = served_names(models)
    for name, model in zip(names, models, strict=True):
        if not model.is_default:
            yield ExportEntry(
                fate="changed",
                about=model.title,
                what="a version that is not the default",
                seen="MAR-INF/MANIFEST.json: modelVersion",
                becomes=f"the model {name}",
                why="KServe's protocols are asked for models without versions",
            )
