"""What to do with an export, and what lies in it, in Markdown, for each target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from marpack.export.kserve_files import quoted_names
from marpack.export.model import ExportedModel
from marpack.export.targets import REQUIREMENTS, TORCHSERVE, ExportTarget

_INSTALL = "python -m pip install -r requirements.txt"
# What is the same for whoever installs it: the index of everybody has torch for Nvidia's GPUs.
_TORCH = """\
The `torch` that pip finds for Linux is in most places the one for Nvidia's GPUs, of some gigabytes: without a GPU,
install PyTorch's build for CPUs first."""


def steps(
    models: Sequence[ExportedModel], target: ExportTarget, *, address: tuple[str, int], image: str
) -> tuple[str, ...]:
    """Return the lines of the section."""
    texts = {
        "ray": lambda: _ray(models, address),
        "sagemaker-ray": lambda: _SAGEMAKER,
        "kserve": lambda: _kserve(models, image),
    }
    return ("## Run it", "", *texts[target]().split("\n"))


def _ray(models: Sequence[ExportedModel], address: tuple[str, int]) -> str:
    # Of names that a shell would act on nothing is left by quote().
    url = f"{_url(address)}/predictions/{quote(_first(models).settings.model_name, safe='')}"
    return f"""\
In an environment of Python 3.11 or newer (`python3 -m venv`, outside of this folder), in this folder:

```sh
{_INSTALL}
serve run config.yaml
```

{_TORCH}

It runs until Ctrl-C. In another terminal, ask as TorchServe was asked; `request.json` stands for a file of yours
with what the model takes:

```sh
curl -H 'Content-Type: application/json' -d @request.json {url}
```

`RAY_AUTH_MODE=token serve status`, in the same environment, tells of models that are not up, and why. Ray Serve
reads the numbers in `config.yaml` when it starts: replicas, batches, CPUs and GPUs are changed there. On a cluster
this folder has to be on every node, and in its `PYTHONPATH`."""


_SAGEMAKER = """\
`model.tar.gz` is what SageMaker takes, and `model/` the same unpacked. Whoever changes something in `model/`
packs it again:

```sh
tar czf model.tar.gz -C model .
```

Upload it to S3, and name it, with the image of AWS's container for Ray Serve, in `create_model` (`ModelDataUrl`).
The container installs `code/requirements.txt` when it starts, for which it needs a network (what it has already
is not installed again). `/ping` says that all is well as soon as Ray Serve runs, before the model is loaded: the
first answer waits for that."""


def _kserve(models: Sequence[ExportedModel], image: str) -> str:
    name = quoted_names(models)[models.index(_first(models))]
    return f"""\
```sh
docker build -t {image} -f Containerfile .
docker push {image}
kubectl apply -f inferenceservice.yaml
```

`{image}` has to be a name that your registry and the cluster know the image by, as `REGISTRY/NAME:VERSION`: write
it here and into `inferenceservice.yaml`, or export again with `--image`.

{_TORCH}

Here, without a cluster, in an environment of Python 3.11 to 3.13 (`python3 -m venv`, outside of this folder):

```sh
{_INSTALL}
python app.py --http_port=8080 --enable_grpc=false
```

It runs until Ctrl-C, and listens on all interfaces of this machine. In another terminal (`request.json` stands for
a file of yours with what the model takes):

```sh
curl -H 'Content-Type: application/json' -d @request.json \\
    http://127.0.0.1:8080/v1/models/{name}:predict
```"""


def _first(models: Sequence[ExportedModel]) -> ExportedModel:
    """Return the model that stands for all: the first that a path without a version means."""
    return next(model for model in models if model.is_default)


def _url(address: tuple[str, int]) -> str:
    host, port = address
    # Nobody asks a wildcard.
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '*') else quote(host, safe='.-')}:{port}"


def contents(target: ExportTarget, *, with_marpack: bool, with_ts: bool) -> tuple[str, ...]:
    """Return the lines of the section that says what lies in the folder."""
    rows = ["| file | what it is |", "| --- | --- |"]
    rows += [f"| {name} | {what} |" for name, what in _contents(target, with_marpack, with_ts)]
    return ("## What lies here", "", *rows)


def _contents(target: ExportTarget, with_marpack: bool, with_ts: bool) -> Iterator[tuple[str, str]]:
    program = "the program, a few lines: the models, and what TorchServe was told of them"
    if target == "kserve":
        yield "`app.py`", program
        yield "`Containerfile`", "how the image is built that holds all of this"
        yield "`inferenceservice.yaml`", "what KServe is told: the image, replicas, GPUs"
        below = ""
    else:
        below = "model/" if target == "sagemaker-ray" else ""
        if below:
            yield "`model.tar.gz`", "what SageMaker takes: all that lies in `model/`"
        yield f"`{below}{'deployment' if below else 'app'}.py`", program
        where = "" if below else "where it listens, "
        yield f"`{below}config.yaml`", f"what Ray Serve reads: {where}replicas, batches, CPUs and GPUs"
    server = "" if with_ts else f", TorchServe {TORCHSERVE} for its worker"
    own = "" if with_marpack else ", marpack, which your index has to have"
    what = f"what pip installs: the engine{server}{own}, torch, and what the archives ask for"
    yield f"`{below}{REQUIREMENTS[target]}`", what
    yield f"`{below}models/`", "the models' files, as they lie in their archives"
    if with_marpack:
        yield (
            f"`{below}marpack/`, `{below}marpack-licenses/`",
            "marpack, the Python library that wrote this, whole: it starts TorchServe's worker, and hands it the "
            "requests. The program takes it from here; it is in no index that pip asks",
        )
    if with_ts:
        yield (
            f"`{below}ts/`, `{below}ts-licenses/`",
            f"the Python part of TorchServe {TORCHSERVE}, with its licence",
        )
    yield (
        "`export.json`",
        "this page for programs; by it `marpack export --force` knows a folder that it may replace, and takes "
        "away all that was changed in it",
    )
