"""The releases of TorchServe in which something changed that settings have to follow."""

from __future__ import annotations

import re

__all__ = ["ENVELOPES_RENAMED", "OLD_ENVELOPES", "TOKENS_ASKED", "release"]

ENVELOPES_RENAMED = (0, 5, 3)
TOKENS_ASKED = (0, 11, 1)

# What the envelopes are called before and after.
OLD_ENVELOPES = {"kfserving": "kserve", "kfservingv2": "kservev2"}


def release(version: str) -> tuple[int, ...]:
    """Return a version of TorchServe as numbers that compare; ``ValueError`` for what is none."""
    match = re.match(r"[0-9]+(\.[0-9]+)+", str(version))
    if match is None:
        raise ValueError(f"{version!r} is not a version of TorchServe: write it like 0.12.0")
    return tuple(map(int, match[0].split(".")))
