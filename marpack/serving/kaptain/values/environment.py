"""What the Kaptain SDK takes from the process: variables, and files in the user's home.

The one module of the library that reads either: a training image and a notebook are told what to do in this way
(K139, K195, K197), and a script that ran there brings nothing else along.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

# What a training run is told (K139).
PHASE = "MODEL_LIFECYCLE_PHASE"
UPLOAD_PATH = "TRAINED_MODEL_UPLOAD_PATH"

# A worker's number in a distributed run, as torchrun and Kubeflow's training operator set it.
RANK = "RANK"

# An endpoint of S3's that boto finds by itself.
BOTO_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")

_TRUE = {"true", "yes", "y", "1"}


def variables(names: Iterable[str]) -> dict[str, str]:
    """Return those of some variables that are set and not empty."""
    return {name: value for name in names if (value := os.environ.get(name))}


def variable(name: str) -> str | None:
    """Return a variable, None where it is not set or empty."""
    return variables([name]).get(name)


def is_true(text: str | None) -> bool:
    """Tell whether a text means true, as the SDK reads it."""
    return text is not None and text.strip().lower() in _TRUE


def in_home(*parts: str) -> str:
    """Return a path below the user's home."""
    return os.path.join(os.path.expanduser("~"), *parts)
