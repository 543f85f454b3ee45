from __future__ import annotations

import torch


def to_tensor(images: list[list[float]]) -> torch.Tensor:
    """Return one row for each image."""
    return torch.tensor(images, dtype=torch.float32)
