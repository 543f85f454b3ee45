"""Where an archive may go: the engines that an export is written for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

ExportTarget: TypeAlias = Literal["ray", "sagemaker-ray", "kserve"]
TARGETS: tuple[ExportTarget, ...] = get_args(ExportTarget)

# What each is called where people read it.
TITLES: Mapping[ExportTarget, str] = {
    "ray": "Ray Serve",
    "sagemaker-ray": "Amazon SageMaker's container for Ray Serve",
    "kserve": "KServe",
}
# Each asks for this package, as the extra of its name does: from the first release that was seen to start an
# export, up to the one that may be another.
ENGINES: Mapping[ExportTarget, str] = {
    "ray": "ray[serve]>=2.50,<3",
    "sagemaker-ray": "ray[serve]>=2.50,<3",
    "kserve": "kserve>=0.21,<0.22",
}
# The file that names what pip installs.
REQUIREMENTS: Mapping[ExportTarget, str] = {
    "ray": "requirements.txt",
    "sagemaker-ray": "code/requirements.txt",
    "kserve": "requirements.txt",
}
# The release of TorchServe whose worker runs the handlers.
TORCHSERVE = "0.12.0"


def require_target(target: str) -> ExportTarget:
    """Return a target; ``ValueError`` for what is none."""
    for each in TARGETS:
        if each == target:
            return each
    raise ValueError(f"{target!r} is not a target: choose from {', '.join(TARGETS)}")
