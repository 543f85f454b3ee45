"""The torch of the server that a model is for, as far as it is told or known of the one who runs it."""

from __future__ import annotations

import re
from typing import Final

from marpack.archive.inspection.torch_versions import Version, version_text
from marpack.frozen import frozen_in_order

# What the images of TorchServe's releases have, the first release of each: docker/Dockerfile installs it from
# requirements/torch_linux.txt of the same tag of pytorch/serve (torch_cu121_linux.txt, of the GPU's image, has the
# same). Up to 0.7.1 it took the newest torch of the day, which is the one that file names. 0.9.0 is the tag of
# pytorch/torchserve-kfs in kserve's charts/kserve-runtime-configs/values.yaml.
_OF_RELEASES: Final[tuple[tuple[Version, Version], ...]] = (
    ((0, 12), (2, 4)),
    ((0, 11), (2, 3)),
    ((0, 10), (2, 2)),
    ((0, 9), (2, 1)),
    ((0, 8), (2, 0)),
    ((0, 7), (1, 13)),
)
_KSERVES_RELEASE: Final = "0.9.0"
_VERSION: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})(?:\.[0-9]+)?(?:[a-z.+-][a-z0-9.+-]*)?")


@frozen_in_order
class Torch:
    """A version of torch; ``of`` is whose it is where that was not said, but is known of an image."""

    version: Version
    of: str = ""

    @property
    def certain(self) -> bool:
        """Whether the caller said it."""
        return not self.of

    def __str__(self) -> str:
        text = f"torch {version_text(self.version)}"
        return f"{text}, as {self.of}" if self.of else text


def servers_torch(torch: str | None, *, torchserve_version: str | None, target: str) -> Torch | None:
    """Return the torch that is told, or that the image has of the release or target; None where nobody knows.

    Raises ``ValueError`` for a text that is no version.
    """
    if torch is not None:
        return Torch(_version(torch, "torch", "2.1"))
    image = f"the image of TorchServe {torchserve_version}"
    if torchserve_version is None and target == "kserve":
        torchserve_version, image = _KSERVES_RELEASE, f"KServe's image of TorchServe {_KSERVES_RELEASE}"
    if torchserve_version is None:
        return None
    release = _version(torchserve_version, "TorchServe", "0.12.0")
    known = next((version for first, version in _OF_RELEASES if release >= first), None)
    return None if known is None else Torch(known, image)


def _version(text: str, of: str, example: str) -> Version:
    if not (found := _VERSION.fullmatch(text)):
        raise ValueError(f"the version of {of} {text!r} is not like {example}")
    return int(found[1]), int(found[2])
