"""From a model to a folder that a server can start from: the serving side of the Kaptain SDK, and model stores."""

from marpack.remote.source import RemoteSource
from marpack.remote.storage import StorageFolder
from marpack.remote.upload import upload_archive
from marpack.serving.deploy.declaration import load_declaration, serve_build
from marpack.serving.deploy.deployment import ServingArtifact
from marpack.serving.deploy.model_build import ExportedModel
from marpack.serving.deploy.names import sanitize_string
from marpack.serving.kaptain.artifacts.artifact_builder import TorchServingArtifactBuilder, WrittenConfig
from marpack.serving.kaptain.model import Model
from marpack.serving.kserve.described import inference_service
from marpack.serving.kserve.inference_service import InferenceService
from marpack.serving.kserve.manifest import ServingManifest
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.storage_access import S3Access
from marpack.serving.kserve.transformer import Transformer
from marpack.serving.model_store import ModelStore, StoredArchive

__all__ = [
    "ExportedModel",
    "InferenceService",
    "Model",
    "ModelStore",
    "RemoteSource",
    "Resources",
    "S3Access",
    "ServingArtifact",
    "ServingManifest",
    "StorageFolder",
    "StoredArchive",
    "TorchServingArtifactBuilder",
    "Transformer",
    "WrittenConfig",
    "inference_service",
    "load_declaration",
    "sanitize_string",
    "serve_build",
    "upload_archive",
]
