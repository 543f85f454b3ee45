"""From a model to a folder that a server can start from: the serving side of the Kaptain SDK, and model stores."""

from marpack.serving.artifact_builder import ExportedModel, TorchServingArtifactBuilder, WrittenConfig
from marpack.serving.declaration import load_declaration, serve_build
from marpack.serving.deployment import ServingArtifact
from marpack.serving.model import Model
from marpack.serving.model_store import ModelStore, StoredArchive
from marpack.serving.names import sanitize_string
from marpack.serving.remote import RemoteSource
from marpack.serving.upload import upload_archive

__all__ = [
    "ExportedModel",
    "Model",
    "ModelStore",
    "RemoteSource",
    "ServingArtifact",
    "StoredArchive",
    "TorchServingArtifactBuilder",
    "WrittenConfig",
    "load_declaration",
    "sanitize_string",
    "serve_build",
    "upload_archive",
]
