"""The names of the official module, from marpack."""

from marpack.compat import ModelArchiver

__all__ = ["ModelArchiver"]
