"""``kaptain.platform.metadata_util`` (K108)."""

from marpack.serving.kaptain.exports.trainer import MetadataUtil as MetadataUtil
