"""``kaptain.platform.metadata_util`` (K108)."""

from marpack.serving.kaptain.trainer import MetadataUtil as MetadataUtil
