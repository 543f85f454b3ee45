"""What the scripts of Kaptain's tutorials call, in their order, as cells of a notebook.

Which call follows which, with which arguments, is the tutorials' (pages/dkp/kaptain of mesosphere/dcos-docs-site:
sdk/pytorch, sdk/quick-start, sdk/tensorflow and feast of 2.2.0, the SDK's pages on TorchServe and on credentials).
The models are those of these tests. The cells import `kaptain`, and a `Notebook` changes that and nothing else.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marpack.kaptain import envs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "tests" / "models" / "digits"
IMPORT = re.compile(r"^(\s*(?:from|import) )kaptain\b", re.MULTILINE)

# The trainers, as the image has them: what they learn lies beside them here.
PYTORCH_TRAINER = """\
import os
import sys

import torch
from model import DigitClassifier

model = DigitClassifier()
model.load_state_dict(torch.load(sys.argv[1]))
for epoch in range(2):
    if "MODEL_LIFECYCLE_PHASE" in os.environ:
        from kaptain.platform.metadata_util import MetadataUtil

        MetadataUtil.record_metrics({"loss": 0.25 / (epoch + 1), "accuracy": "0.9{}".format(epoch)})
torch.save(model.state_dict(), "model.pt")
if "MODEL_LIFECYCLE_PHASE" in os.environ:
    from kaptain.platform.model_export_util import ModelExportUtil

    ModelExportUtil().upload_model("model.pt")
"""
SKLEARN_TRAINER = """\
import os

from kaptain.platform.metadata_util import MetadataUtil
from kaptain.platform.model_export_util import ModelExportUtil

if os.getenv("TRAINED_MODEL_UPLOAD_PATH"):
    with open("model.joblib", "wb") as file:
        file.write(b"a classifier")
    ModelExportUtil().upload_model("model.joblib")
    MetadataUtil.record_metrics({"accuracy": 0.97})
"""
TENSORFLOW_TRAINER = """\
import os

from kaptain.platform.metadata_util import MetadataUtil
from kaptain.platform.model_export_util import ModelExportUtil

os.makedirs("mnist/variables", exist_ok=True)
for name in ("saved_model.pb", "variables/variables.index"):
    with open(os.path.join("mnist", name), "wb") as file:
        file.write(name.encode())
ModelExportUtil().upload_model("mnist")
MetadataUtil.record_metrics({"loss": 0.3, "accuracy": 0.9})
"""

PYTORCH = """\
serving_config = {
    "model_file": "model.py",
    "handler": "image_classifier",
    "requirements_file": "requirements.txt",
}
extra_files = ["datasets/MNIST", "model.py"]
base_image = "registry.example/kubeflow:pytorch"
image_name = "registry.example/digits:pytorch"
requirements = "requirements.txt"

from kaptain.model.models import Model
from kaptain.model.frameworks import ModelFramework

model = Model(
    id="dev/mnist",
    name="MNIST",
    description="MNIST Model",
    version="0.0.1",
    framework=ModelFramework.PYTORCH,
    framework_version="1.11.0",
    main_file="trainer.py",
    extra_files=extra_files,
    image_name=image_name,
    base_image=base_image,
    serving_config=serving_config,
    requirements=requirements,
)
"""
PYTORCH_TRAIN = """\
model.train(
    workers=3,
    cpu="1",
    memory="2G",
    gpus=0,
    args={"--log-interval": "10"},
    hyperparameters={"--epochs": 5, "--batch-size": 1024, "--seed": 7},
)
"""
PYTORCH_TUNE = """\
from kaptain.hyperparameter.domains import Double, Discrete

model.tune(
    trials=12,
    parallel_trials=2,
    workers=3,
    gpus=0,
    cpu="1",
    memory="2G",
    args={"--log-interval": "10"},
    hyperparameters={"--epochs": Discrete(["5"]), "--lr": Double(0.2, 0.8), "--seed": Discrete(["1", "7"])},
    objectives=["accuracy"],
    objective_goal=0.99,
)
"""
SKLEARN = """\
import os

from kaptain import envs
from kaptain.model.models import Model
from kaptain.model.frameworks import ModelFramework

envs.VERBOSE = True
envs.DEBUG = True

model = Model(
    id="dev/mnist",
    name="MNIST",
    description="MNIST Model",
    version="0.0.1",
    framework=ModelFramework.SKLEARN,
    framework_version="0.24.2",
    main_file="training.py",
    image_name="registry.example/digits:sklearn",
    base_image="registry.example/kubeflow:base",
    serving_config={"requirements_file": "requirements.txt"},
    requirements="requirements.txt",
)
"""
TENSORFLOW = """\
from kaptain.model.models import Model
from kaptain.model.frameworks import ModelFramework

model = Model(
    id="dev/mnist",
    name="MNIST",
    description="MNIST Model",
    version="0.0.1",
    framework=ModelFramework.TENSORFLOW,
    framework_version="2.8.0",
    main_file="trainer.py",
    extra_files=["datasets/mnist"],
    image_name="registry.example/digits:tensorflow",
    base_image="registry.example/kubeflow:tensorflow",
    requirements=None,
)
"""
FEAST = """\
from kaptain import envs
from kaptain.model.models import Model
from kaptain.model.frameworks import ModelFramework

from kaptain.platform.image_builder_util import ImageBuilderUtil
from kaptain.platform.constants import CONFIG_MAP_KIND, SECRET_KIND
from kaptain.platform.serving.transformer import Transformer

envs.VERBOSE = True

model = Model(
    id="dev/wine",
    name="Wine Classification",
    description="Wine Classification Model",
    version="0.0.1",
    framework=ModelFramework.SKLEARN,
    framework_version="1.1.2",
    main_file="train.py",
    image_name="registry.example/wine:sklearn",
    base_image="registry.example/kubeflow:base",
    extra_files=["wine_dataset.parquet"]
)
"""
FEAST_IMAGE = """\
builder = ImageBuilderUtil.builder(
    image_name="registry.example/wine:transformer",
    dockerfile_content="FROM python:3.9-slim\\n",
    files=["transformer.py"]
)
builder.build_image()
"""
FEAST_DEPLOY = """\
model.deploy(
    transformer=Transformer(
        image_name="registry.example/wine:transformer",
        args=["--feast_project_path", "/wine", "--entity_ids", "wine_sample_id", "--features", "df1:alcohol"],
        volumes=[
            {
                "name": "feature-store",
                "type": CONFIG_MAP_KIND,
                "path": "/wine"
            },
        ],
        env_from={
            "name": "feast-conf",
            "type": SECRET_KIND
        }
    )
)
"""
TORCHSERVE = """\
import os

from kaptain.model.models import Model
from kaptain.platform.serving.packaging.artifact_builder import TorchServingArtifactBuilder
import kaptain.utilities as util

serving_config = {
    "model_file": "model.py",
    "handler": "handler.py",
    "serialized_file": "digits.pt",
    "extra_files": "index_to_name.json,",
}
model = Model(
    id="dev/mnist",
    name="MNIST",
    description="MNIST Model",
    version="0.0.1",
    framework="pytorch",
    framework_version="1.7.1",
    main_file="trainer.py",
    extra_files=["model.py"],
    base_image="registry.example/kubeflow:pytorch",
    image_name="registry.example/digits:pytorch",
    serving_config=serving_config,
    requirements="requirements.txt",
)

model_name = util.sanitize_string(model.id)
TorchServingArtifactBuilder.write_config_properties(model_name, f"{model_name}.mar", os.getcwd())
"""


class Notebook:
    """Runs cells in one namespace, in the current folder, with the imports of `kaptain` changed."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {"__name__": "__main__"}

    @classmethod
    @contextlib.contextmanager
    def opened(cls) -> Iterator[Notebook]:
        """Give a notebook, and forget the switches that its cells have set for the whole process."""
        try:
            yield cls()
        finally:
            for name in ("VERBOSE", "DEBUG"):
                vars(envs).pop(name, None)

    def __getitem__(self, name: str) -> Any:
        return self._names[name]

    def run(self, cell: str) -> Any:
        """Run a cell, and return what the expression gives that ends it."""
        tree = ast.parse(changed(cell))
        last = tree.body[-1]
        if not isinstance(last, ast.Expr):
            exec(compile(tree, "<cell>", "exec"), self._names)
            return None
        tree.body.pop()
        exec(compile(tree, "<cell>", "exec"), self._names)
        return eval(compile(ast.Expression(last.value), "<cell>", "eval"), self._names)


def changed(text: str) -> str:
    """Return a script with its imports changed."""
    return IMPORT.sub(r"\1marpack.kaptain", text)


def train(trainer: str, *words: str, environment: Mapping[str, str]) -> None:
    """Run a trainer in the current folder, as its container would."""
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | dict(environment)
    command = [sys.executable, "-W", "error", "-c", changed(trainer), *words]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
