"""The names of the official package, from marpack."""

from marpack.compat import ModelArchiver, ModelArchiverConfig

__all__ = ["ModelArchiver", "ModelArchiverConfig"]
__version__ = "0.12.0+marpack"
