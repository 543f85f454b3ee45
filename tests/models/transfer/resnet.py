"""A small residual network, built as torchvision builds its own; the model that others extend."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import relu


class BasicBlock(nn.Module):
    """Add two convolutions to what came in."""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = nn.Conv2d(inplanes, planes, 1, stride, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        added = self.bn2(self.conv2(relu(self.bn1(self.conv1(images)))))
        return relu(added + self.downsample(images))


class ResNet(nn.Module):
    """Run layers of blocks, each with twice the planes of the one before, and a last linear layer fc."""

    def __init__(self, block: type[BasicBlock], layers: list[int], num_classes: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inplanes, planes = 1, 8
        for count in layers:
            for position in range(count):
                blocks.append(block(inplanes, planes, stride=2 if position == 0 else 1))
                inplanes = planes * block.expansion
            planes *= 2
        self.layers = nn.Sequential(*blocks)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc: nn.Module = nn.Linear(inplanes, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.avgpool(self.layers(images)).flatten(1))
