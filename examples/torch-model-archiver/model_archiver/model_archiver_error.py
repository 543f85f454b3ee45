"""The names of the official module, from marpack."""

from marpack.compat import ModelArchiverError

__all__ = ["ModelArchiverError"]
