"""``kaptain.platform.model_export_util`` (K108)."""

from marpack.serving.kaptain.exports.trainer import ModelExportUtil as ModelExportUtil
