"""The Kaptain SDK's documented snippets: with other imports they run as they stand (for mypy: test_readme)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Only the two import lines from Kaptain are changed, and the path of the custom file follows in its own test.
SNIPPETS = """\
import os

from marpack.serving import Model, TorchServingArtifactBuilder
import marpack.serving as util

model = Model(
    id="dev/mnist",
    name="MNIST",
    description="MNIST Model",
    version="0.0.1",
    framework="pytorch",
    framework_version="1.7.1",
    main_file="trainer.py",
    extra_files=["model.py"],
    base_image="base_repository/image:tag",
    image_name="target_repository/image:tag",
    serving_config={
        "model_file": "path/to/model.py",
        "handler": "image_classifier",
        "serialized_file": "path/to/model_state_dict.pt",
        "extra_files": "path/to/file_a.py,path/to/file_b.py,",
        "requirements_file": "path/to/serving_requirements.txt",
        "config_properties": "path/to/config.properties",
    },
    requirements="requirements.txt",
)

model_name = util.sanitize_string(model.id)
TorchServingArtifactBuilder.write_config_properties(model_name, f"{model_name}.mar", os.getcwd())
"""

EXAMPLE = """\
inference_address=http://0.0.0.0:8085
management_address=http://0.0.0.0:8081
number_of_netty_threads=4
service_envelope=kfserving
install_py_dep_per_model=true
job_queue_size=10
model_store=/mnt/models/model-store
model_snapshot={"name": "startup.cfg", "modelCount": 1, "models": {"<YOUR_MODEL_NAME>": {"1.0": \
{"defaultVersion": true, "marName": "<YOUR_MODEL_NAME>.mar", "minWorkers": 1, "maxWorkers": 5, "batchSize": 1, \
"maxBatchDelay": 5000, "responseTimeout": 120}}}}
"""

# What follows in a user's own script: the folder that is uploaded.
BUILD = """
result = TorchServingArtifactBuilder(model).build("deploy")
for path in (result.archive.path, result.config_path):
    print(path)
"""


def run(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_file_is_the_documented_example_byte_for_byte(tmp_path: Path) -> None:
    run(SNIPPETS, tmp_path)
    written = (tmp_path / "config.properties").read_bytes()
    assert written == EXAMPLE.replace("<YOUR_MODEL_NAME>", "dev-mnist").encode()
    assert [path.name for path in tmp_path.iterdir()] == ["config.properties"]


def test_the_file_may_be_edited_and_given_back(tmp_path: Path) -> None:
    run(SNIPPETS, tmp_path)
    folder = tmp_path / "path" / "to"
    folder.mkdir(parents=True)
    names = ["model.py", "model_state_dict.pt", "file_a.py", "file_b.py", "serving_requirements.txt"]
    for name in names:
        (folder / name).write_text(f"# {name}\n")
    edited = b"# ours\n" + (tmp_path / "config.properties").read_bytes().replace(b"=4\n", b"=8\n")
    (folder / "config.properties").write_bytes(edited)
    printed = run(SNIPPETS + BUILD, tmp_path).splitlines()
    assert printed == ["deploy/model-store/dev-mnist.mar", "deploy/config/config.properties"]
    assert (tmp_path / printed[1]).read_bytes() == edited
