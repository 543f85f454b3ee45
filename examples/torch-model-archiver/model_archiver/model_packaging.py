"""The names of the official module, from marpack."""

from marpack.compat import ArgParser, ModelArchiverError, ModelExportUtils, generate_model_archive, package_model

__all__ = ["ArgParser", "ModelArchiverError", "ModelExportUtils", "generate_model_archive", "package_model"]
