"""What KServe starts from: the program, the image that holds it, and the InferenceService that names the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from marpack.config.text import yaml_text
from marpack.errors import MarpackError
from marpack.export.app_text import options, place, text, told_models
from marpack.export.model import ExportedModel, one_name
from marpack.serving.deploy.names import sanitize_string
from marpack.serving.kserve.custom_predictor import CustomPredictor
from marpack.serving.kserve.resources import Resources

PYTHON = "3.11"

CONTAINERFILE = f"""\
# docker build -t IMAGE . (or podman), then name IMAGE in inferenceservice.yaml.
FROM python:{PYTHON}-slim
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
# Handlers write beside themselves with TorchServe, and the files may be readable by their owner alone.
COPY --chown=1000:0 . ./
USER 1000
ENV HOME=/tmp
ENTRYPOINT ["python", "app.py"]
"""


def served_names(models: Sequence[ExportedModel]) -> list[str]:
    """Return the name under which KServe is asked for each model, in their order.

    It knows no versions: the default one has the model's name, and any other the version behind it.
    """
    names = [
        model.settings.model_name if model.is_default else f"{model.settings.model_name}-{model.settings.version}"
        for model in models
    ]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise MarpackError(
            f"two of the models would be {twice!r} to KServe, which knows no versions: "
            "rename one, or export it apart"
        )
    for name, model in zip(names, models, strict=True):
        if "/" in name:
            raise MarpackError(
                f"{model.title!r} has a '/', which no path of KServe's has within a name: pack it again "
                "(marpack repack --model-name, --version)"
            )
    return names


def quoted_names(models: Sequence[ExportedModel]) -> list[str]:
    """Return these names as they stand in a path."""
    return [quote(name, safe="") for name in served_names(models)]


def ready_path(quoted_name: str) -> str:
    """Return where KServe's server is asked whether a model is ready."""
    return f"/v2/models/{quoted_name}/ready"


def with_gpus(models: Sequence[ExportedModel]) -> tuple[ExportedModel, ...]:
    """Return the models, each of those that ask for a GPU with a number of its own: a container has them all."""
    told = []
    number = 0
    for model in models:
        if model.needs_gpu:
            model = replace(model, settings=replace(model.settings, gpu=number))
            number += 1
        told.append(model)
    return tuple(told)


def app_text(models: Sequence[ExportedModel]) -> str:
    """Return the program."""
    lines = ""
    for name, model in zip(served_names(models), models, strict=True):
        arguments = [text(name), place(model), *options(model)]
        lines += "    MarModel(\n" + "".join(f"        {each},\n" for each in arguments) + "    ),\n"
    return (
        f'"""{told_models(models)}, of TorchServe, on KServe. Written by marpack export: see EXPORT.md."""\n\n'
        "import argparse\n"
        "from pathlib import Path\n\n"
        "from kserve import ModelServer, model_server\n\n"
        "from marpack.running.kserve import MarModel\n\n"
        "HERE = Path(__file__).resolve().parent\n\n"
        f"MODELS = [\n{lines}]\n\n"
        'if __name__ == "__main__":\n'
        "    argparse.ArgumentParser(parents=[model_server.parser]).parse_args()\n"
        "    for model in MODELS:\n"
        "        model.load()\n"
        "    ModelServer().start(MODELS)\n"
    )


def service(models: Sequence[ExportedModel], *, name: str | None, image: str | None) -> CustomPredictor:
    """Return the service: ``name`` is by default made of the only model's, and ``image`` of that.

    A replica has one worker of each model, so there are as many replicas as the model with the most workers has. A
    model that is alone is asked whether it is ready; one of several would take the others with it.
    Raises ``PlanError`` for a name or an image that cannot be.
    """
    if name is None:
        only = one_name(models)
        try:
            name = "models" if only is None else sanitize_string(only)
        except ValueError:
            name = "models"
        # KServe asks for a letter first.
        name = name if name[0].isalpha() else f"m-{name}"
    first = next(name for name, model in zip(served_names(models), models, strict=True) if model.is_default)
    gpus = sum(model.needs_gpu for model in models)
    return CustomPredictor(
        name=name,
        image=f"{name}:latest" if image is None else image,
        args=(f"--model_name={first}",),
        resources=Resources(gpu_request=gpus, gpu_limit=gpus) if gpus else None,
        min_replicas=max(model.settings.min_workers for model in models),
        max_replicas=max(model.settings.max_workers for model in models),
        ready_path=ready_path(quoted_names(models)[0]) if len(models) == 1 else None,
    )


def service_text(document: CustomPredictor) -> str:
    """Return the file that ``kubectl apply`` takes."""
    return yaml_text.dumps(document.document())
