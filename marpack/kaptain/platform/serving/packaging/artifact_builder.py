"""``kaptain.platform.serving.packaging.artifact_builder`` (K102)."""

from marpack.serving.kaptain.artifacts.artifact_builder import (
    TorchServingArtifactBuilder as TorchServingArtifactBuilder,
)
