"""From a model to a folder that a server can start from: the serving side of the Kaptain SDK, and model stores."""

from marpack.remote.source import RemoteSource
from marpack.remote.storage import StorageFolder
from marpack.remote.upload import upload_archive
from marpack.serving.deploy.declaration import load_declaration, serve_build
from marpack.serving.deploy.deployment import ServingArtifact
from marpack.serving.deploy.model_build import ExportedModel
from marpack.serving.deploy.names import sanitize_string
from marpack.serving.kaptain.artifact_builder import TorchServingArtifactBuilder, WrittenConfig
from marpack.serving.kaptain.model import Model
from marpack.serving.model_store import ModelStore, StoredArchive

__all__ = [
    "ExportedModel",
    "Model",
    "ModelStore",
    "RemoteSource",
    "ServingArtifact",
    "StorageFolder",
    "StoredArchive",
    "TorchServingArtifactBuilder",
    "WrittenConfig",
    "load_declaration",
    "sanitize_string",
    "serve_build",
    "upload_archive",
]
