"""Transfer learning: an existing network with its last layer replaced."""

from __future__ import annotations

from resnet import BasicBlock, ResNet
from torch import nn


class ImageClassifier(ResNet):
    """Tell the ten digits apart with the features that ResNet has learned for another task."""

    def __init__(self) -> None:
        super().__init__(BasicBlock, [1, 1], num_classes=2)

        self.fc = nn.Sequential(
            nn.Linear(16 * BasicBlock.expansion, 32),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(32, 10),
            nn.LogSoftmax(dim=1),
        )
