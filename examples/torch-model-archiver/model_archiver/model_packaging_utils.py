"""The names of the official module, from marpack."""

from marpack.compat import ModelArchiverError, ModelExportUtils, RuntimeType

__all__ = ["ModelArchiverError", "ModelExportUtils", "RuntimeType"]
