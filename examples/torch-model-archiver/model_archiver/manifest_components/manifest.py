"""The names of the official module, from marpack."""

from marpack.compat import RuntimeType

__all__ = ["RuntimeType"]
