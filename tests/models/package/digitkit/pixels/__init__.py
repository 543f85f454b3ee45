"""Bring images into the shape that the model takes."""

from digitkit.pixels.tensors import to_tensor

__all__ = ["to_tensor"]
