"""Every name that a script of Kaptain's imports, at its path with another beginning (K100 to K111)."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import marpack.kaptain
from marpack import MarpackError
from tests.support.modules import STANDARD

# The SDK's own paths: its API references, tutorials and pages on credentials and private registries.
NAMES = {
    "kaptain.model.models": "Model",
    "kaptain.model.frameworks": "ModelFramework",
    "kaptain.platform.serving.packaging.artifact_builder": "TorchServingArtifactBuilder",
    "kaptain.utilities": "sanitize_string",
    "kaptain.config": "Config",
    "kaptain.platform.config.docker": "DockerConfigurationProvider",
    "kaptain.platform.config.certificates": "DockerRegistryCertificateProvider",
    "kaptain.platform.config.s3": "S3ConfigurationProvider",
    "kaptain.platform.config.provider": "ConfigurationProvider FileBasedConfigurationProvider"
    " EnvironmentVariableConfigurationProvider",
    "kaptain.platform.config.defaults": "DefaultMinioConfigurationProvider",
    "kaptain.platform.serving.transformer": "Transformer",
    "kaptain.platform.constants": "CONFIG_MAP_KIND SECRET_KIND",
    "kaptain.platform.model_export_util": "ModelExportUtil",
    "kaptain.platform.metadata_util": "MetadataUtil",
    "kaptain.platform.image_builder_util": "ImageBuilderUtil",
    "kaptain.hyperparameter.algorithms": "Algorithm",
    "kaptain.hyperparameter.domains": "Double Integer Discrete Categorical",
    "kaptain.exceptions": "InvalidModelProperty UndefinedModelProperty ModelValidationException"
    " ModelDeploymentException UnsupportedModelDeploymentException UnsupportedModelFrameworkException"
    " UnsupportedAlgorithmException UnsupportedMetricsTypeException ModelAlreadyExistsException"
    " ImageBuildException WorkloadDeploymentError",
    "kaptain.utils": "diagnose list_jobs delete_job list_experiments delete_experiment list_inference_services"
    " delete_inference_service delete_jobs delete_experiments delete_inference_services clean clean_all"
    " list_all_resources delete_resource",
    "kaptain.envs": "VERBOSE DEBUG LOG_TIMEFORMAT DOCKER_BUILDER_CPU_LIMIT DOCKER_BUILDER_MEM_LIMIT"
    " DOCKER_BUILDER_CPU_REQUEST DOCKER_BUILDER_MEM_REQUEST KAPTAIN_SDK_DELETE_EXPERIMENT"
    " KAPTAIN_SDK_TTL_SECONDS_AFTER_FINISHED KAPTAIN_SDK_FORCE_CLEANUP",
    "kaptain": "envs",
}
PAIRS = [(module, name) for module, names in NAMES.items() for name in names.split()]


@pytest.mark.parametrize(("module", "name"), PAIRS)
def test_a_name_is_at_its_path(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(f"marpack.{module}"), name)


@pytest.mark.parametrize(("module", "name"), [pair for pair in PAIRS if pair[0] != "kaptain.envs"])
def test_a_name_is_the_same_in_the_one_flat_module(module: str, name: str) -> None:
    if module == "kaptain.utils":  # functions for a cluster, which nobody needs twice
        return
    assert getattr(importlib.import_module(f"marpack.{module}"), name) is getattr(marpack.kaptain, name)
    assert name in marpack.kaptain.__all__


def test_every_module_of_the_package_is_one_of_the_sdk() -> None:
    found = {
        f"kaptain.{each.name.removeprefix('marpack.kaptain.')}"
        for each in pkgutil.walk_packages(marpack.kaptain.__path__, "marpack.kaptain.")
    }
    folders = {name.rpartition(".")[0] for name in NAMES if "." in name}
    parents = {folder[: folder.find(".", end)] for folder in folders for end in range(8, len(folder))}
    assert found <= {*NAMES, *folders, *parents}


def test_every_exception_is_one_of_marpack_too() -> None:
    exceptions = importlib.import_module("marpack.kaptain.exceptions")
    for name in NAMES["kaptain.exceptions"].split():
        assert issubclass(getattr(exceptions, name), MarpackError), name


@pytest.mark.parametrize(
    "line",
    [
        "import marpack.kaptain.envs as envs",
        "from marpack.kaptain import envs",
        "import marpack.kaptain.envs; envs = marpack.kaptain.envs",
    ],
)
def test_a_switch_that_is_set_is_set_for_whoever_asks(line: str) -> None:
    asking = "from marpack.serving.kaptain.values import envs as ours\nprint(ours.VERBOSE)"
    code = f"{line}\nenvs.VERBOSE = True\n{asking}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_importing_all_of_it_needs_nothing_but_python(tmp_path: Path) -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        + "\n".join(f"import marpack.{module}" for module in NAMES)
        + "\nprint(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert set(done.stdout.split()) - STANDARD <= {"marpack", "isal"}


def test_no_module_called_kaptain_is_installed() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("kaptain")
