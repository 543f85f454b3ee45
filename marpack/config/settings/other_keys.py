"""Keys that stand in config.properties though other files, programs or releases read them (P15).

They are from TorchServe's releases 0.1 to 0.11, from Multi Model Server, of which TorchServe was made, from
model-config.yaml, from the options of the ``torchserve`` command, and from the environment of SageMaker's images.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from marpack.config.settings.keys import KEYS
from marpack.findings import Severity

# P19: keys of model-config.yaml that the property ``models`` and a snapshot have as well.
IN_MODELS = ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay", "responseTimeout", "startupTimeout")

# Those that nothing but model-config.yaml has.
_IN_YAML = (
    *("deviceType", "deviceIds", "parallelType", "parallelLevel", "torchrun", "maxRetryTimeoutInSec"),
    *("clientTimeoutInMills", "useJobTicket", "sequenceMaxIdleMSec", "sequenceTimeoutMSec"),
    *("maxSequenceJobQueueSize", "maxNumSequence", "sequenceBatching", "continuousBatching", "asyncCommunication"),
    *("useVenv", "pt2", "pippy", "deepspeed", "micro_batching"),
)

# What programs name otherwise than config.properties: what to set.
_CALLED = {
    "metrics_format": "metrics_mode is its name since TorchServe 0.8",
    "num_workers": "set default_workers_per_model, or minWorkers and maxWorkers in models",
    "number_of_workers": "set default_workers_per_model, or minWorkers and maxWorkers in models",
    "workers": "set default_workers_per_model, or minWorkers and maxWorkers in models",
    "initial_workers": "set default_workers_per_model, or minWorkers and maxWorkers in models",
    "min_worker": "set minWorkers in models or in model_snapshot",
    "max_worker": "set maxWorkers in models or in model_snapshot",
    "max_batch_size": "set batchSize in models or in model_snapshot",
    "disable_token": "set disable_token_authorization",
    "disable_token_auth": "set disable_token_authorization",
    "inference_port": "write the port into inference_address, as http://127.0.0.1:8080",
    "management_port": "write the port into management_address, as http://127.0.0.1:8081",
    "metrics_port": "write the port into metrics_address, as http://127.0.0.1:8082",
    "grpc_port": "set grpc_inference_port",
    "keystore_path": "set keystore",
    "netty_threads": "set number_of_netty_threads",
    "enable_grpc": "remove it: gRPC is always on",
    "timeout": "set default_response_timeout",
    "default_timeout": "set default_response_timeout, or default_startup_timeout",
    "num_gpu": "set number_of_gpu",
    "num_gpus": "set number_of_gpu",
    "host": "write it into inference_address, as http://0.0.0.0:8080",
    "port": "write it into inference_address, as http://127.0.0.1:8080",
    "model_dir": "set model_store",
    "model_path": "set model_store",
    "device": "write deviceType into model-config.yaml of the archive",
    "python_executable": "set python",
}

# What is settled outside of the file.
_OUTSIDE = {
    "log_location": "set LOG_LOCATION in the environment",
    "metrics_location": "set METRICS_LOCATION in the environment",
    "log_level": "give the torchserve command a file of log4j2 that says it, as --log-config",
    "log_config": "give it to the torchserve command as --log-config",
    "ts_config": "give it to the torchserve command as --ts-config",
    "no_config_snapshots": "give it to the torchserve command as --ncs",
    "ncs": "give it to the torchserve command as --ncs",
}

# What TorchServe once had, or never, and does without now: nothing is lost.
_GONE = {
    "preload_model": "remove it: it is Multi Model Server's, and TorchServe loads the model in each worker",
    "export_url": "leave it: MLflow's plugin reads it",
    "snapshot_store": "remove it: no release since 0.4 has it, and snapshots go to the disk",
    "mmsconfigfile": "remove it: Multi Model Server writes it",
}

# What torch-model-archiver, and marpack, are told when a model is packed.
_ARCHIVERS = (
    *("model_name", "model_file", "serialized_file", "handler", "extra_files", "requirements_file", "export_path"),
    *("archive_format", "config_file", "source_vocab"),
)

# SageMaker's images hand these on through the environment.
_SAGEMAKER = {
    "batch_size": "batchSize in models",
    "max_batch_delay": "maxBatchDelay in models",
    "min_workers": "minWorkers in models",
    "max_workers": "maxWorkers in models",
    "response_timeout": "responseTimeout in models",
}


class OtherKey(NamedTuple):
    """A key with its place: ``fix`` says what to do, ``severity`` whether something meant is lost."""

    fix: str
    severity: Severity = "warning"


def _snake(name: str) -> str:
    return re.sub("(?<=[a-z])([A-Z])", r"_\1", name).lower()


def _keys() -> dict[str, OtherKey]:
    found = {}
    for name in IN_MODELS:
        for spelt in (name, _snake(name), _snake(name).replace("_", "-")):
            found[spelt] = OtherKey(f"set {name} in models or in model_snapshot")
    for name in _IN_YAML:
        for spelt in (name, _snake(name)):
            found[spelt] = OtherKey(f"write {name} into model-config.yaml of the archive")
    found |= {name: OtherKey(fix) for name, fix in (_CALLED | _OUTSIDE).items()}
    found |= {name: OtherKey(fix, "note") for name, fix in _GONE.items()}
    for key in KEYS.values():
        if key.variable is not None:
            found[key.variable] = OtherKey(f"write {key.name}: this is its name in the environment")
    for name in _ARCHIVERS:
        found[name] = OtherKey(f"give it when the model is packed, as --{name.replace('_', '-')}")
    for name, place in _SAGEMAKER.items():
        found[f"SAGEMAKER_TS_{name.upper()}"] = OtherKey(f"set {place}, or this in the environment of SageMaker")
    return {name: other for name, other in found.items() if name not in KEYS}


def folded(name: str) -> str:
    """Return a key without what cases and separators tell apart."""
    return re.sub("[-_. ]", "", name).lower()


# By their names in the file.
OTHER_KEYS: Mapping[str, OtherKey] = _keys()

# The same, but for case and separators, where no setting is called so.
_SPELT_OTHERWISE = {folded(name): other for name, other in OTHER_KEYS.items()}
for _name in KEYS:
    if _name != "NUM_WORKERS":  # which the server ignores
        _SPELT_OTHERWISE.pop(folded(_name), None)


def other_key(name: str) -> OtherKey | None:
    """Return what is known of a key that is no setting of the file, in whatever case and with what separators."""
    return OTHER_KEYS.get(name) or _SPELT_OTHERWISE.get(folded(name))
