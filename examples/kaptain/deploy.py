"""Train, pack and deploy: a script for the Kaptain SDK whose imports, and one line, were changed."""

import os
import subprocess
import sys

from marpack.kaptain.config import Config
from marpack.kaptain.model.frameworks import ModelFramework
from marpack.kaptain.model.models import Model

model = Model(
    id="dev/thermometer",
    name="Thermometer",
    description="Celsius to Fahrenheit",
    version="0.0.1",
    framework=ModelFramework.PYTORCH,
    framework_version="2.13.0",
    main_file="trainer.py",
    extra_files=["temperature.py"],
    serving_config={"model_file": "temperature.py", "handler": "temperature_handler.py"},
    config=Config(base_model_storage_uri="storage"),  # a folder, or s3://bucket/models
)

# It was: model.train(workers=2, cpu="1", memory="1G")
subprocess.run([sys.executable, "trainer.py"], env=os.environ | model.trainer_environment(), check=True)
print("recorded:", *(model.metrics or {}))

model.deploy(cpu="1", memory="1G", torchserve_version="0.9.0", replace=True, output="manifests")
print(model.deployment.uri, *model.deployment.commands, sep="\n")
