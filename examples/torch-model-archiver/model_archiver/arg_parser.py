"""The names of the official module, from marpack."""

from marpack.compat import ArgParser

__all__ = ["ArgParser"]
