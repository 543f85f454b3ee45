"""What Ray Serve starts from: the program, and the configuration that ``serve run`` reads; SageMaker's alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marpack.config.text import yaml_text
from marpack.export.app_text import options, place, told_models
from marpack.export.model import ExportedModel, one_name
from marpack.export.targets import ExportTarget
from marpack.running.ray_options import deployment_names, deployment_options
from marpack.serving.deploy.names import sanitize_string

# The module's name, which the configuration names too.
MODULES: Mapping[ExportTarget, str] = {"ray": "app", "sagemaker-ray": "deployment"}
# What a server listens at that is told nothing.
LOOPBACK = ("127.0.0.1", 8080)


def app_text(models: Sequence[ExportedModel], target: ExportTarget) -> str:
    """Return the program; SageMaker's adapter asks it at ``/``, for which TorchServe's path is another."""
    root = '    root="/invocations",\n' if target == "sagemaker-ray" else ""
    lines = "".join(f"    {_served_model(model)},\n" for model in models)
    return (
        f'"""{told_models(models)}, of TorchServe, on Ray Serve. Written by marpack export: see EXPORT.md."""\n\n'
        "from pathlib import Path\n\n"
        "from marpack.running import ServedModel\n"
        "from marpack.running.ray import application\n\n"
        "HERE = Path(__file__).resolve().parent\n\n"
        f"app = application(\n{lines}{root})\n"
    )


def _served_model(model: ExportedModel) -> str:
    is_default = ["is_default=True"] if model.is_default else []
    arguments = [f"archive={place(model)}", *options(model), *is_default]
    return "ServedModel(\n" + "".join(f"        {each},\n" for each in arguments) + "    )"


def config_text(models: Sequence[ExportedModel], target: ExportTarget, address: tuple[str, int]) -> str:
    """Return the configuration; ``address`` is where Ray Serve listens, but on SageMaker, where it runs."""
    return yaml_text.dumps(config(models, target, address if target == "ray" else None))


def config(
    models: Sequence[ExportedModel], target: ExportTarget, address: tuple[str, int] | None
) -> dict[str, Any]:
    """Return the same as a document.

    The deployment in front of several models is told in the program alone: there is nothing to tune.
    """
    settings = [model.settings for model in models]
    deployments = [
        {"name": name, **_with_cpus(deployment_options(each))}
        for name, each in zip(deployment_names(settings), settings, strict=True)
    ]
    application = {
        "name": _application_name(models),
        "route_prefix": "/",
        "import_path": f"{MODULES[target]}:app",
        "deployments": deployments,
    }
    document: dict[str, Any] = {}
    if address is not None:
        document["http_options"] = {"host": address[0], "port": address[1]}
    document["applications"] = [application]
    return document


def _with_cpus(options: Mapping[str, Any]) -> dict[str, Any]:
    """Say what Ray takes anyway, for whoever has fewer CPUs than replicas to see, and to change."""
    return {**options, "ray_actor_options": {"num_cpus": 1, **options.get("ray_actor_options", {})}}


def _application_name(models: Sequence[ExportedModel]) -> str:
    """Return a name of the application: the only model's, as far as it is one."""
    name = one_name(models)
    try:
        return "models" if name is None else sanitize_string(name)
    except ValueError:
        return "models"
