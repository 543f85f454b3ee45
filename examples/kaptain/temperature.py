"""A network of one neuron, which learns what Fahrenheit has to do with Celsius."""

import torch
from torch import nn


class Thermometer(nn.Module):
    """Turn degrees Celsius, a column, into degrees Fahrenheit."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Linear(1, 1)

    def forward(self, celsius: torch.Tensor) -> torch.Tensor:
        """Return a column of as many rows."""
        fahrenheit: torch.Tensor = self.scale(celsius / 100) * 100
        return fahrenheit
