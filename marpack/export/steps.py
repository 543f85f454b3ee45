"""What to do with an export, in Markdown: a few commands, for each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from marpack.export.kserve_files import quoted_names
from marpack.export.model import ExportedModel
from marpack.export.targets import Target

_INSTALL = "python -m pip install -r requirements.txt"


def steps(
    models: Sequence[ExportedModel], target: Target, *, address: tuple[str, int], image: str
) -> tuple[str, ...]:
    """Return the lines of the section."""
    first = models[0]
    name = quote(first.settings.model_name, safe="")
    served = quoted_names(models)[0] if target == "kserve" else ""
    # Of names that a shell would act on nothing is left by quote().
    texts: Mapping[Target, str] = {
        "ray": f"""\
## Run it

In an environment of Python 3.10 or newer, in this folder:

```sh
{_INSTALL}
serve run config.yaml
```

and ask as TorchServe was asked:

```sh
curl -H 'Content-Type: application/json' -d @sample.json {_url(address)}/predictions/{name}
```

Ray Serve reads the numbers in `config.yaml` when it starts: replicas, batches and GPUs are changed there. On a
cluster this folder has to be on every node, and in its `PYTHONPATH`.""",
        "sagemaker-ray": """\
## Run it

`model.tar.gz` is what SageMaker takes, and `model/` the same unpacked: with another `config.yaml` in it,

```sh
tar czf model.tar.gz -C model .
```

Upload it to S3, and name it, with the image of the container, in `create_model` (`ModelDataUrl`). The
container installs `code/requirements.txt` when it starts, for which it needs a network. `/ping` says that all
is well as soon as Ray Serve runs, before the model is loaded: the first answer waits for that.""",
        "kserve": f"""\
## Run it

```sh
docker build -t {image} -f Containerfile .
docker push {image}
kubectl apply -f inferenceservice.yaml
```

`image` in `inferenceservice.yaml` has to be the name that the cluster pulls it by. Here, without a cluster, in an
environment of Python 3.10 to 3.13:

```sh
{_INSTALL}
python app.py --http_port=8080 --enable_grpc=false
curl -H 'Content-Type: application/json' -d @sample.json \\
    http://127.0.0.1:8080/v1/models/{served}:predict
```""",
    }
    return tuple(texts[target].split("\n"))


def _url(address: tuple[str, int]) -> str:
    host, port = address
    # Nobody asks a wildcard.
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '*') else quote(host, safe='.-')}:{port}"
