"""The Kaptain SDK's names at the paths that they have there: a script's ``kaptain.`` becomes ``marpack.kaptain.``.

Everything is in this module as well. What it does is in ``marpack.serving``; what the SDK does in a cluster, as
training and building images, raises ``NotDoneHereError``, which says what to do.
"""

from marpack.serving.deploy.names import sanitize_string
from marpack.serving.kaptain.artifacts.artifact_builder import TorchServingArtifactBuilder
from marpack.serving.kaptain.exports.trainer import MetadataUtil, ModelExportUtil
from marpack.serving.kaptain.model import Model
from marpack.serving.kaptain.values import envs
from marpack.serving.kaptain.values.config import Config
from marpack.serving.kaptain.values.domains import Algorithm, Categorical, Discrete, Domain, Double, Integer
from marpack.serving.kaptain.values.elsewhere import ImageBuilderUtil
from marpack.serving.kaptain.values.exceptions import (
    ImageBuildException,
    InvalidModelProperty,
    ModelAlreadyExistsException,
    ModelDeploymentException,
    ModelPlanError,
    ModelValidationException,
    NotDoneHereError,
    UndefinedModelProperty,
    UnsupportedAlgorithmException,
    UnsupportedMetricsTypeException,
    UnsupportedModelDeploymentException,
    UnsupportedModelFrameworkException,
    WorkloadDeploymentError,
)
from marpack.serving.kaptain.values.frameworks import ModelFramework
from marpack.serving.kaptain.values.model_meta import ModelMeta
from marpack.serving.kaptain.values.providers import (
    ConfigurationProvider,
    DefaultMinioConfigurationProvider,
    DockerConfigurationProvider,
    DockerRegistryCertificateProvider,
    EnvironmentVariableConfigurationProvider,
    FileBasedConfigurationProvider,
    S3ConfigurationProvider,
)
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.transformer import CONFIG_MAP_KIND, SECRET_KIND, Transformer

__all__ = [
    "CONFIG_MAP_KIND",
    "SECRET_KIND",
    "Algorithm",
    "Categorical",
    "Config",
    "ConfigurationProvider",
    "DefaultMinioConfigurationProvider",
    "Discrete",
    "DockerConfigurationProvider",
    "DockerRegistryCertificateProvider",
    "Domain",
    "Double",
    "EnvironmentVariableConfigurationProvider",
    "FileBasedConfigurationProvider",
    "ImageBuildException",
    "ImageBuilderUtil",
    "Integer",
    "InvalidModelProperty",
    "MetadataUtil",
    "Model",
    "ModelAlreadyExistsException",
    "ModelDeploymentException",
    "ModelExportUtil",
    "ModelFramework",
    "ModelMeta",
    "ModelPlanError",
    "ModelValidationException",
    "NotDoneHereError",
    "Resources",
    "S3ConfigurationProvider",
    "TorchServingArtifactBuilder",
    "Transformer",
    "UndefinedModelProperty",
    "UnsupportedAlgorithmException",
    "UnsupportedMetricsTypeException",
    "UnsupportedModelDeploymentException",
    "UnsupportedModelFrameworkException",
    "WorkloadDeploymentError",
    "envs",
    "sanitize_string",
]
