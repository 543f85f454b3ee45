"""Train DigitClassifier on scikit-learn's handwritten digits and write digits.pt (a few seconds)."""

from __future__ import annotations

from pathlib import Path

import torch
from model import DigitClassifier
from sklearn.datasets import load_digits
from torch.nn.functional import cross_entropy

HELD_OUT = 297  # the last images are never trained on


def dataset() -> tuple[torch.Tensor, torch.Tensor]:
    """Return all 1797 images, one row of 64 pixels each, and their digits."""
    digits = load_digits()
    return torch.tensor(digits.data, dtype=torch.float32), torch.tensor(digits.target)


def train(seed: int) -> DigitClassifier:
    """Train on all but the held-out images; equal seeds make equal models."""
    torch.manual_seed(seed)
    model = DigitClassifier()
    pixels, digits = (column[:-HELD_OUT] for column in dataset())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        cross_entropy(model(pixels), digits).backward()
        optimizer.step()
    return model.eval()


def accuracy(model: DigitClassifier) -> float:
    """Return the share of held-out images that the model names rightly."""
    pixels, digits = (column[-HELD_OUT:] for column in dataset())
    with torch.inference_mode():
        return (model(pixels).argmax(1) == digits).float().mean().item()


if __name__ == "__main__":
    trained = train(seed=0)
    torch.save(trained.state_dict(), Path(__file__).with_name("digits.pt"))
    print(f"digits.pt written: {accuracy(trained):.1%} of the held-out digits are named rightly")
