"""The names of the official module, from marpack."""

from marpack.compat import ModelArchiverConfig

__all__ = ["ModelArchiverConfig"]
